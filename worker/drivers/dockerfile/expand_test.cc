#include "worker/drivers/dockerfile/expand.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "base/testing/status_matchers.h"

namespace stevedore::worker::dockerfile {
namespace {

using ::stevedore::base::testing::IsOkAndHolds;
using ::stevedore::base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A=a, PATHS=/usr/lib/x.tar.gz, EMPTY is empty, TWO=`x y`; nothing else is set.
std::optional<std::string> Variable(absl::string_view name) {
  static const auto& variables = *new std::map<std::string, std::string>{
      {"A", "a"}, {"P", "/usr/lib/x.tar.gz"}, {"EMPTY", ""}, {"TWO", "x y"}, {"1", "one"}};
  const auto found = variables.find(std::string(name));
  if (found == variables.end()) return std::nullopt;
  return found->second;
}

struct Vector {
  const char* word;
  const char* want;
};

TEST(ExpandTest, Words) {
  const std::vector<Vector> vectors = {
      {"", ""},
      {"plain", "plain"},
      {"$A", "a"},
      {"${A}", "a"},
      {"x$A-y", "xa-y"},
      {"$A$A", "aa"},
      {"$NONE.", "."},
      {"${NONE}", ""},
      {"$", "$"},
      {"a$", "a$"},
      {"$1x", "onex"},
      {"$/", "$/"},
      {"\\$A", "$A"},
      {"\\${A}", "${A}"},
      {"'$A'", "$A"},
      {"\"$A\"", "a"},
      {"\"'$A'\"", "'a'"},
      {"'\"'", "\""},
      {"\"a\\\"b\"", "a\"b"},
      {"\"a\\$A\"", "a$A"},
      {"\"a\\nb\"", "a\\nb"},
      {"a\\ b", "a b"},
      {"a\\", "a"},
      {"${A:-x}", "a"},
      {"${NONE:-x}", "x"},
      {"${EMPTY:-x}", "x"},
      {"${EMPTY-x}", ""},
      {"${NONE-x}", "x"},
      {"${A:+x}", "x"},
      {"${EMPTY:+x}", ""},
      {"${EMPTY+x}", "x"},
      {"${NONE+x}", ""},
      {"${A:?wrong}", "a"},
      {"${EMPTY?wrong}", ""},
      {"${NONE:-${A}b}", "ab"},
      {"${NONE:-${NO:-deep}}", "deep"},
      {"${NONE:-'}'}", "}"},
      {"${NONE:-\"a b\"}", "a b"},
      {"${P#*/}", "usr/lib/x.tar.gz"},
      {"${P##*/}", "x.tar.gz"},
      {"${P%.*}", "/usr/lib/x.tar"},
      {"${P%%.*}", "/usr/lib/x"},
      {"${P#no}", "/usr/lib/x.tar.gz"},
      {"${P%?gz}", "/usr/lib/x.tar"},
      {"${P#\\*}", "/usr/lib/x.tar.gz"},
      {"${P/lib/share}", "/usr/share/x.tar.gz"},
      {"${P//\\//-}", "-usr-lib-x.tar.gz"},
      {"${P/*./}", "gz"},
      {"${P/none/x}", "/usr/lib/x.tar.gz"},
      {"${NONE#x}", ""},
      {"\xC3\xA4$A",
       "\xC3\xA4"
       "a"},
  };
  for (const Vector& v : vectors) {
    EXPECT_THAT(ExpandWord(v.word, Variable), IsOkAndHolds(std::string(v.want))) << v.word;
  }
}

TEST(ExpandTest, Damage) {
  const std::vector<Vector> vectors = {
      {"'a", "single quote"},
      {"\"a", "double quote"},
      {"\"a\\", "double quote"},
      {"${", "no `}`"},
      {"${A", "no `}`"},
      {"${}", "no name"},
      {"${:-a}", "no name"},
      {"${A:-x", "no `}`"},
      {"${A:x}", "unknown modifier"},
      {"${A^}", "unknown modifier"},
      {"${A:#x}", "unknown modifier"},
      {"${NONE:?set it}", "variable NONE: set it"},
      {"${NONE?}", "is not set"},
      {"${A/x}", "no `/`"},
      {"${EMPTY:?}", "is not set"},
  };
  for (const Vector& v : vectors) {
    EXPECT_THAT(ExpandWord(v.word, Variable),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(v.want)))
        << v.word;
  }
  std::string deep;
  for (int i = 0; i < 10'000; ++i) deep += "${N:-";
  EXPECT_THAT(ExpandWord(deep, Variable),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("nested")));
}

TEST(ExpandTest, Options) {
  ExpandOptions backtick;
  backtick.escape = '`';
  EXPECT_THAT(ExpandWord("a\\b`$A", Variable, backtick), IsOkAndHolds(std::string("a\\b$A")));
  ExpandOptions raw;
  raw.raw_quotes = true;
  raw.raw_escapes = true;
  EXPECT_THAT(ExpandWord("'a' \"$A\" \\b", Variable, raw),
              IsOkAndHolds(std::string("'a' \"a\" \\b")));
  ExpandOptions keep;
  keep.keep_unset = true;
  EXPECT_THAT(ExpandWord("$NONE ${NONE} $A", Variable, keep),
              IsOkAndHolds(std::string("$NONE ${NONE} a")));
  ExpandOptions heredoc;
  heredoc.skip_quotes = true;
  EXPECT_THAT(ExpandWord("it's $A \"q\"", Variable, heredoc),
              IsOkAndHolds(std::string("it's a \"q\"")));
}

TEST(ExpandTest, CutsWords) {
  EXPECT_THAT(ExpandWords("a  b\tc", Variable), IsOkAndHolds(ElementsAre("a", "b", "c")));
  EXPECT_THAT(ExpandWords("$TWO \"$TWO\" a\\ b ''", Variable),
              IsOkAndHolds(ElementsAre("x", "y", "x y", "a b", "")));
}

TEST(ExpandTest, PatternsCostNoExponent) {
  const std::string text(2000, 'a');
  std::string pattern;
  for (int i = 0; i < 50; ++i) pattern += "*a";
  EXPECT_EQ(MatchPrefix(pattern + "b", text, true), std::nullopt);
  EXPECT_EQ(MatchPrefix(pattern, text, true), 2000u);
  EXPECT_EQ(MatchPrefix(pattern, text, false), 50u);
}

}  // namespace
}  // namespace stevedore::worker::dockerfile
