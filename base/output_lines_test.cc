#include "base/output_lines.h"

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace stevedore::base {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> LinesOf(const std::vector<std::string>& pieces) {
  OutputLines lines;
  std::vector<std::string> result;
  const auto take = [&](std::string line) { result.push_back(std::move(line)); };
  for (const std::string& piece : pieces) lines.Append(piece, take);
  lines.Finish(take);
  return result;
}

TEST(OutputLinesTest, EveryLineOnceAndInOrder) {
  EXPECT_THAT(LinesOf({"a", "b\nc\r", "\nd\n\n", "e"}), ElementsAre("ab", "c", "d", "", "e"));
  EXPECT_THAT(LinesOf({"10%\r20%\r100%\ndone\n"}), ElementsAre("10%", "20%", "100%", "done"));
  EXPECT_THAT(LinesOf({}), ElementsAre());
}

TEST(OutputLinesTest, ALineWithoutEndComesInPartsOfWholeCharacters) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "\xC3\xA9";
  const std::vector<std::string> parts = LinesOf({text});
  std::string together;
  for (const std::string& part : parts) {
    EXPECT_EQ(part.size() % 2, 0u);
    EXPECT_LE(part.size(), (64u << 10) + 1);
    together += part;
  }
  EXPECT_EQ(together, text);
}

TEST(WithoutEscapesTest, OnlyTextIsLeft) {
  EXPECT_EQ(WithoutEscapes("\x1b[91mred\x1b[0m and \x1b[1;38;5;200mbold\x1b[m"), "red and bold");
  EXPECT_EQ(WithoutEscapes("\x1b]0;title\x07"
                           "a\x1b]8;;http://x\x1b\\link\x1b(B!"),
            "alink!");
  EXPECT_EQ(WithoutEscapes("10%\r20%\r\ndone\n"), "10%\n20%\ndone\n");
  EXPECT_EQ(WithoutEscapes("a\tb\x08\x01\x7f c\x1b[2K\x1b[1Gd"), "a\tb cd");
  EXPECT_EQ(WithoutEscapes("caf\xC3\xA9 \x1b[3"), "caf\xC3\xA9 ");
  EXPECT_EQ(WithoutEscapes("\x1b"), "");
  EXPECT_EQ(WithoutEscapes("\x1b]never closed\nnext"), "\nnext");
  EXPECT_EQ(WithoutEscapes(""), "");
}

}  // namespace
}  // namespace stevedore::base
