#include "worker/run_log.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/string_view.h"

namespace stevedore::worker {
namespace {

TEST(RunLogTest, ReadsFromAnyOffset) {
  RunLog log;
  log.Append("hello ");
  log.Append("world");
  EXPECT_EQ(log.size(), 11);
  EXPECT_EQ(log.Read(0, 100).bytes, "hello world");
  EXPECT_EQ(log.Read(6, 3).bytes, "wor");
  EXPECT_EQ(log.Read(11, 3).bytes, "");
  EXPECT_EQ(log.Tail(5), "world");
}

TEST(RunLogTest, ReadsAcrossHeadAndBlocks) {
  RunLog log(/*limit_bytes=*/1 << 20, /*keep_bytes=*/4);
  log.Append("abc");
  log.Append("defgh");
  EXPECT_EQ(log.Read(0, 100).bytes, "abcd");
  EXPECT_EQ(log.Read(4, 100).bytes, "efgh");
  EXPECT_EQ(log.Read(6, 1).bytes, "g");
}

TEST(RunLogTest, KeepsStartAndEndOfALogWithoutALineEnd) {
  RunLog log(/*limit_bytes=*/1 << 20, /*keep_bytes=*/128 << 10);
  std::string all;
  for (int i = 0; i < 400; ++i) {
    const std::string piece(10'000, static_cast<char>('a' + i % 26));
    log.Append(piece);
    all += piece;
  }
  EXPECT_EQ(log.size(), all.size());
  EXPECT_EQ(log.Read(0, 1000).bytes, all.substr(0, 1000));
  const RunLog::Piece gap = log.Read(1'000'000, 1 << 20);
  EXPECT_GT(gap.offset, 1'000'000);
  EXPECT_GE(gap.bytes.size(), 128 << 10);
  EXPECT_LT(gap.bytes.size(), 256 << 10);
  EXPECT_EQ(gap.bytes, all.substr(gap.offset));
  EXPECT_EQ(log.Tail(4096), all.substr(all.size() - 4096));
}

TEST(RunLogTest, TailHasNothingForTerminals) {
  RunLog log;
  log.Append("\x1b[91mmkdir: no\x1b[0m\r\n");
  EXPECT_EQ(log.Tail(100), "mkdir: no\n");
  EXPECT_EQ(log.Read(0, 100).bytes, "\x1b[91mmkdir: no\x1b[0m\r\n");
}

TEST(RunLogTest, TailIsAlwaysUtf8) {
  RunLog log;
  log.Append("ok \xff\xc3 \xe2\x82\xac\xed\xa0\x80!");
  EXPECT_EQ(log.Tail(100), "ok ?? \xe2\x82\xac???!");
}

}  // namespace
}  // namespace stevedore::worker
