#include "graph/import/import_value.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"

namespace stevedore::graph {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

TEST(ImportValueTest, JsonKnowsItsPlaces) {
  ASSERT_OK_AND_ASSIGN(
      const ImportValue root,
      ParseImportJson("f.json", R"({"a/b": [1, true, null, {"c~": 1.50}], "d": "x"})"));
  const ImportValue& list = *root.Find("a/b");
  EXPECT_EQ(list.place, "f.json#/a~1b");
  ASSERT_EQ(list.items.size(), 4u);
  EXPECT_EQ(list.items[0].text, "1");
  EXPECT_EQ(list.items[1].text, "true");
  EXPECT_TRUE(list.items[2].is_null());
  EXPECT_EQ(list.items[3].Find("c~")->text, "1.50");
  EXPECT_EQ(list.items[3].Find("c~")->place, "f.json#/a~1b/3/c~0");
  EXPECT_EQ(root.Find("none"), nullptr);
}

TEST(ImportValueTest, YamlKnowsItsPlaces) {
  ASSERT_OK_AND_ASSIGN(const ImportValue root,
                       ParseImportYaml("f.yaml", "x: &a {k: 1.10}\ny:\n  <<: *a\n  z:\n"));
  EXPECT_EQ(root.Find("y")->Find("k")->text, "1.10");
  EXPECT_EQ(root.Find("y")->Find("z")->place, "f.yaml:4:3");
}

TEST(ImportValueTest, BrokenTextSaysWhere) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "f:1:1: this is no JSON: it ends too early"},
      {"{\n  \"a\": 1,\n}", "f:3:1: this is no JSON"},
      {"{\"a\": 1} x", "f:1:10: this is no JSON"},
      {"target \"app\" {}", "f:1:2: this is no JSON"},
      {"{\"a\": {\"b\": 1, \"b\": 2}}", "f#/a: member `b` is there twice"},
      {std::string(100, '['), "nested deeper than 64"},
  };
  for (const auto& [text, want] : cases) {
    EXPECT_THAT(ParseImportJson("f", text),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(want)))
        << text;
  }
  EXPECT_THAT(ParseImportYaml("f", "a: [\n"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("f:")));
}

TEST(ImportValueTest, AliasesThatBlowUpAreRefused) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 8; ++i) {
    absl::StrAppend(&text, "a", i, ": &a", i, " [");
    for (int j = 0; j < 10; ++j) absl::StrAppend(&text, j == 0 ? "" : ", ", "*a", i - 1);
    absl::StrAppend(&text, "]\n");
  }
  EXPECT_FALSE(ParseImportYaml("f", text).ok());
}

TEST(ImportValueTest, ReadersAcceptBothShapes) {
  ASSERT_OK_AND_ASSIGN(const ImportValue root,
                       ParseImportYaml("f",
                                       "m: {A: 1, B: , C: x=y}\nl: [A=1, B, C=x=y, A=2]\n"
                                       "t: one\nn:\nb: [[1]]\ne: [=x]\n"));
  EXPECT_THAT(ImportPairsOf(*root.Find("m"), "args"),
              IsOkAndHolds(ElementsAre(Pair("A", "1"), Pair("B", std::nullopt), Pair("C", "x=y"))));
  EXPECT_THAT(ImportPairsOf(*root.Find("l"), "args"),
              IsOkAndHolds(ElementsAre(Pair("A", "2"), Pair("B", std::nullopt), Pair("C", "x=y"))));
  EXPECT_THAT(ImportTexts(*root.Find("t"), "tags"), IsOkAndHolds(ElementsAre("one")));
  EXPECT_THAT(ImportTexts(*root.Find("n"), "tags"), IsOkAndHolds(ElementsAre()));
  EXPECT_THAT(ImportTexts(*root.Find("b"), "tags"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("f:5:5: an entry of tags must be a text, found a list")));
  EXPECT_THAT(ImportTexts(*root.Find("m"), "tags"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("list of texts")));
  EXPECT_THAT(ImportPairsOf(*root.Find("e"), "args"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("has no name")));
  EXPECT_THAT(ImportPairsOf(*root.Find("t"), "args"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("f:3:4: args must be a map")));
  EXPECT_THAT(ImportBool(*root.Find("t"), "pull"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("pull must be true or false, found `one`")));
}

}  // namespace
}  // namespace stevedore::graph
