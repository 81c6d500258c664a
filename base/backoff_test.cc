#include "base/backoff.h"

#include <gtest/gtest.h>

namespace stevedore::base {
namespace {

TEST(BackoffTest, StaysBelowADoublingBoundAndItsLimit) {
  Backoff backoff(absl::Seconds(1), absl::Seconds(60), 7);
  absl::Duration bound = absl::Seconds(1);
  for (int i = 0; i < 20; ++i) {
    const absl::Duration delay = backoff.Next();
    EXPECT_GE(delay, absl::ZeroDuration());
    EXPECT_LE(delay, bound);
    bound = std::min(bound * 2, absl::Seconds(60));
  }
}

TEST(BackoffTest, SeedsDecideTheDelays) {
  Backoff a(absl::Seconds(1), absl::Seconds(60), 1);
  Backoff b(absl::Seconds(1), absl::Seconds(60), 1);
  Backoff c(absl::Seconds(1), absl::Seconds(60), 2);
  const absl::Duration first = a.Next();
  EXPECT_EQ(first, b.Next());
  EXPECT_NE(first, c.Next());
}

}  // namespace
}  // namespace stevedore::base
