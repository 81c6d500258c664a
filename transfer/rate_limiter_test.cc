#include "transfer/rate_limiter.h"

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/testing/fake_clock.h"
#include "base/testing/status_matchers.h"

namespace stevedore::transfer {
namespace {

using base::testing::FakeClock;
using base::testing::IsOkAndHolds;
using base::testing::StatusIs;

TEST(RateLimiterTest, ABurstThenTheRate) {
  FakeClock clock;
  absl::Duration waited;
  RateLimiter limiter(10, absl::Seconds(1), &clock, [&](absl::Duration time, std::stop_token) {
    waited += time;
    clock.Advance(time);
  });
  for (int i = 0; i < 10; ++i) ASSERT_OK(limiter.Take(1));
  EXPECT_EQ(waited, absl::ZeroDuration());
  for (int i = 0; i < 20; ++i) ASSERT_OK(limiter.Take(1));
  EXPECT_EQ(absl::ToInt64Milliseconds(waited), 2000);
  // What was not used is kept for a second, no more.
  clock.Advance(absl::Seconds(60));
  ASSERT_OK(limiter.Take(10));
  EXPECT_EQ(absl::ToInt64Milliseconds(waited), 2000);
  ASSERT_OK(limiter.Take(5));
  EXPECT_EQ(absl::ToInt64Milliseconds(waited), 2500);
}

TEST(RateLimiterTest, ThoseWhoWaitAreServedInTurn) {
  FakeClock clock;
  std::vector<absl::Duration> waits;
  RateLimiter limiter(1, absl::ZeroDuration(), &clock,
                      [&](absl::Duration time, std::stop_token) { waits.push_back(time); });
  for (int i = 0; i < 3; ++i) ASSERT_OK(limiter.Take(1));
  EXPECT_THAT(waits, ::testing::ElementsAre(absl::Seconds(1), absl::Seconds(2), absl::Seconds(3)));
}

TEST(RateLimiterTest, AStopEndsTheWait) {
  RateLimiter limiter(0.001);
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  EXPECT_THAT(limiter.Take(1'000'000, stop.get_token()), StatusIs(absl::StatusCode::kCancelled));
}

TEST(RateLimiterTest, AStreamKeepsToTheRate) {
  FakeClock clock;
  absl::Duration waited;
  RateLimiter limiter(100'000, absl::ZeroDuration(), &clock,
                      [&](absl::Duration time, std::stop_token) {
                        waited += time;
                        clock.Advance(time);
                      });
  EXPECT_EQ(limiter.piece(), 25'000);
  const std::string bytes(1'000'000, 'x');
  LimitedSource source(std::make_unique<base::StringSource>(bytes), &limiter, {});
  EXPECT_THAT(base::ReadAll(source, 2 << 20), IsOkAndHolds(bytes));
  EXPECT_EQ(absl::ToInt64Milliseconds(waited), 10'000);
}

}  // namespace
}  // namespace stevedore::transfer
