#include "graph/findings.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/testing/status_matchers.h"
#include "graph/yaml_document.h"

namespace stevedore::graph {
namespace {

using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr Key kKeys[] = {
    {.name = "parents"}, {.name = "tags"}, {.name = "old", .replaced_by = "x"}};
constexpr KeyTable kKnown{"an image", kKeys, ""};

TEST(FindingsTest, SortsErrorsByPlaceAndDropsRepeats) {
  Findings findings(/*lenient=*/false);
  findings.Error({"b.yaml", 1, 1}, "third");
  findings.Error({"a.yaml", 10, 1}, "second");
  findings.Error(absl::InvalidArgumentError("a.yaml:9:7: first: really"));
  findings.Error({"a.yaml", 10, 1}, "second");
  EXPECT_THAT(findings.ToStatus(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "a.yaml:9:7: first: really\na.yaml:10:1: second\nb.yaml:1:1: third"));
}

TEST(FindingsTest, ShowsTheFirstAndCountsTheRest) {
  Findings findings(/*lenient=*/false);
  for (int i = 1; i <= 25; ++i) findings.Error({"a", i, 1}, "x");
  EXPECT_THAT(std::string(findings.ToStatus().message()),
              AllOf(HasSubstr("a:20:1: x"), EndsWith("... and 5 more")));
}

TEST(FindingsTest, UnknownKeysAreErrorsUnlessLenient) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<YamlDocument> document,
                       YamlDocument::Parse("f", "tags: 1\nparent: 2\nx-mine: 3\nold: 4\n"));
  Findings strict(/*lenient=*/false);
  strict.CheckKeys(*document->root(), "image a:1", kKnown);
  EXPECT_THAT(std::string(strict.ToStatus().message()),
              AllOf(HasSubstr("f:2:1: unknown key `parent` in image a:1; did you mean `parents`?"),
                    HasSubstr("known keys are parents, tags")));
  Findings lenient(/*lenient=*/true);
  lenient.CheckKeys(*document->root(), "image a:1", kKnown);
  EXPECT_OK(lenient.ToStatus());
  EXPECT_THAT(lenient.warnings(), SizeIs(1));
}

TEST(FindingsTest, ReadsValuesOrSaysWhatTheyMustBe) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<YamlDocument> document,
                       YamlDocument::Parse("f", "a: x\nb: [1, [2]]\nc: {}\nd: yes\n"));
  const YamlNode& root = *document->root();
  Findings findings(/*lenient=*/false);
  EXPECT_EQ(findings.Text(*root.Find("a"), "`a`"), "x");
  EXPECT_THAT(findings.Texts(*root.Find("a"), "`a`"), SizeIs(1));
  EXPECT_FALSE(findings.has_errors());
  EXPECT_EQ(findings.Text(*root.Find("c"), "`c`"), "");
  EXPECT_THAT(findings.Texts(*root.Find("b"), "`b`"), SizeIs(1));
  EXPECT_THAT(findings.Texts(*root.Find("c"), "`c`"), IsEmpty());
  EXPECT_FALSE(findings.IsMap(*root.Find("b"), "`b`"));
  EXPECT_TRUE(findings.Bool(*root.Find("d"), "`d`", true));
  const std::string text(findings.ToStatus().message());
  EXPECT_THAT(text, HasSubstr("f:3:4: `c` must be a text, found a map"));
  EXPECT_THAT(text, HasSubstr("f:2:8: `b` must be a list of texts, found a list in it"));
  EXPECT_THAT(text, HasSubstr("f:2:4: `b` must be a map, found a list"));
  EXPECT_THAT(text, HasSubstr("f:4:4: `d` must be true or false, found `yes`"));
}

}  // namespace
}  // namespace stevedore::graph
