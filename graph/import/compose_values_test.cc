#include "graph/import/compose_values.h"

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
using ::testing::SizeIs;

TEST(ComposeValuesTest, ReplacesVariables) {
  std::vector<ImportNote> notes;
  Interpolation variables({{"A", "1"}, {"EMPTY", ""}}, &notes);
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"plain", "plain"},
      {"$A-${A}", "1-1"},
      {"$$A $$$A", "$A $1"},
      {"${B:-x}${B-y}${A:-z}", "xy1"},
      {"[${EMPTY:-x}][${EMPTY-x}]", "[x][]"},
      {"${B:-${C:-${A}}}", "1"},
      {"${A:+set}${EMPTY:+set}${EMPTY+there}${B+x}", "setthere"},
      {"${A:?must}", "1"},
      {"${B:-a}b}", "ab}"},
      {"${B:-$$}", "$"},
  };
  for (const auto& [text, want] : cases) {
    EXPECT_THAT(variables.Apply(text, "f:1"), IsOkAndHolds(want)) << text;
  }
  EXPECT_THAT(notes, SizeIs(0));
  EXPECT_THAT(variables.Apply("${B}$B", "f:2:3"), IsOkAndHolds(""));
  ASSERT_THAT(notes, SizeIs(1));
  EXPECT_EQ(notes[0].place, "f:2:3");
  EXPECT_THAT(notes[0].text, HasSubstr("variable B is not set"));
}

TEST(ComposeValuesTest, ErrorsSayWhatIsWrong) {
  std::vector<ImportNote> notes;
  Interpolation variables({{"EMPTY", ""}}, &notes);
  std::string deep = "x";
  for (int i = 0; i < 30; ++i) deep = absl::StrCat("${A:-", deep, "}");
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"${A", "is not closed"},
      {"$", "write `$$`"},
      {"$1", "write `$$`"},
      {"${}", "cannot make sense of ${}"},
      {"${A/b}", "cannot make sense"},
      {"${A:?give it}", "variable A must be set: give it"},
      {"${EMPTY:?}", "must be set"},
      {deep, "nested deeper"},
  };
  for (const auto& [text, want] : cases) {
    EXPECT_THAT(variables.Apply(text, "f:1"),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(want)))
        << text;
  }
}

TEST(ComposeValuesTest, EnvFiles) {
  EXPECT_THAT(ParseEnvFile(".env",
                           "# comment\n\nA=1\nexport B = two # not this\r\nC='x # y'\n"
                           "D=\"q\\n\\\"\" # c\nE=\nF\nG=a#b\nA=3\n"),
              IsOkAndHolds(ElementsAre(Pair("A", "3"), Pair("B", "two"), Pair("C", "x # y"),
                                       Pair("D", "q\n\""), Pair("E", ""), Pair("G", "a#b"))));
  EXPECT_THAT(ParseEnvFile(".env", "A=1\nnot good\n"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(".env:2: a line must be")));
  EXPECT_THAT(ParseEnvFile(".env", "A='x\n"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(".env:1: a quote")));
}

}  // namespace
}  // namespace stevedore::graph
