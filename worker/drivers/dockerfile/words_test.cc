#include "worker/drivers/dockerfile/words.h"

#include <gtest/gtest.h>

#include <string>

#include "base/testing/status_matchers.h"

namespace stevedore::worker::dockerfile {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(WordsTest, FlagsEndAtTheFirstWord) {
  const auto [flags, rest] = SplitFlags("  --a=b --c --d='e f'\\ g x --y");
  EXPECT_THAT(flags, ElementsAre("a=b", "c", "d=e f g"));
  EXPECT_EQ(rest, "x --y");
  EXPECT_EQ(SplitFlags("--a -- --b").second, "--b");
  EXPECT_EQ(SplitFlags("--a").second, "");
  EXPECT_THAT(SplitFlags("-a --b").first, IsEmpty());
  EXPECT_THAT(SplitFlags("--a='b").first, ElementsAre("a=b"));
}

TEST(WordsTest, QuotesKeepBlanks) {
  EXPECT_THAT(SplitQuoted("a='b c' d=\"e \\\" f\" g\\ h i", '\\'),
              ElementsAre("a='b c'", "d=\"e \\\" f\"", "g\\ h", "i"));
  EXPECT_THAT(SplitQuoted("a=`  b", '`'), ElementsAre("a=` ", "b"));
  EXPECT_THAT(SplitQuoted("  ", '\\'), IsEmpty());
  EXPECT_THAT(SplitQuoted("a\\", '\\'), ElementsAre("a"));
}

TEST(WordsTest, Lists) {
  ASSERT_OK_AND_ASSIGN(const auto list, ReadList(" [\"a\", \"\\n\"] "));
  EXPECT_THAT(*list, ElementsAre("a", "\n"));
  for (const char* text : {"", "a", "[a]", "[\"a\"", "[\"a\"] b", "{\"a\": 1}"}) {
    ASSERT_OK_AND_ASSIGN(const auto none, ReadList(text));
    EXPECT_FALSE(none.has_value()) << text;
  }
  EXPECT_THAT(ReadList("[\"a\", null]"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("item 2")));
}

}  // namespace
}  // namespace stevedore::worker::dockerfile
