#include "coordinator/log_relay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/status_matchers.h"

namespace stevedore::coordinator {
namespace {

using base::testing::StatusIs;
using ::testing::HasSubstr;

constexpr absl::Duration kNow = absl::Seconds(100);

TEST(LogRelayTest, AsksOnlyWhileSomebodyReads) {
  LogRelay relay;
  EXPECT_EQ(relay.WantedOffset("r", kNow), -1);
  EXPECT_THAT(relay.Append("r", 0, "x", false, kNow), StatusIs(absl::StatusCode::kAborted));
  EXPECT_TRUE(relay.Want("r", 0, kNow));
  EXPECT_FALSE(relay.Want("r", 0, kNow));
  EXPECT_EQ(relay.WantedOffset("r", kNow), 0);
  ASSERT_OK(relay.Append("r", 0, "abc", false, kNow));
  EXPECT_EQ(relay.Read("r", 1, 10), "bc");
  EXPECT_EQ(relay.WantedOffset("r", kNow), 3);
  EXPECT_EQ(relay.WantedOffset("r", kNow + absl::Seconds(6)), -1);
  EXPECT_THAT(relay.Append("r", 3, "d", false, kNow + absl::Seconds(6)),
              StatusIs(absl::StatusCode::kAborted));
  relay.Trim(kNow + absl::Seconds(61));
  EXPECT_EQ(relay.Read("r", 1, 10), "");
}

TEST(LogRelayTest, NamesTheOffsetItExpects) {
  LogRelay relay;
  relay.Want("r", 10, kNow);
  EXPECT_THAT(relay.Append("r", 0, "x", false, kNow),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("at offset 10, not at 0")));
}

TEST(LogRelayTest, ASecondReaderFromTheStartRewinds) {
  LogRelay relay;
  relay.Want("r", 10, kNow);
  ASSERT_OK(relay.Append("r", 10, "later", true, kNow));
  EXPECT_TRUE(relay.EndsAt("r", 15));
  EXPECT_FALSE(relay.EndsAt("r", 14));
  EXPECT_TRUE(relay.Want("r", 0, kNow));
  EXPECT_EQ(relay.WantedOffset("r", kNow), 0);
  EXPECT_FALSE(relay.EndsAt("r", 15));
}

TEST(LogRelayTest, HoldsABoundedWindowOfAnEndlessLine) {
  LogRelay relay;
  relay.Want("r", 0, kNow);
  const std::string piece(64 << 10, '\r');
  for (int i = 0; i < 100; ++i) {
    ASSERT_OK(relay.Append("r", i * static_cast<int64_t>(piece.size()), piece, false, kNow));
  }
  const int64_t end = 100 * static_cast<int64_t>(piece.size());
  EXPECT_EQ(relay.Read("r", 0, 1), "");
  EXPECT_EQ(relay.Read("r", end - (1 << 20), 2 << 20).size(), 1 << 20);
}

}  // namespace
}  // namespace stevedore::coordinator
