#include "worker/executor.h"

#include <gtest/gtest.h>

#include "absl/time/time.h"
#include "base/testing/fake_clock.h"

namespace stevedore::worker {
namespace {

TEST(RunMonitorTest, BytesStartAnewWithEachPhase) {
  int changes = 0;
  RunMonitor monitor([&] { ++changes; });
  monitor.SetPhase("context", 100);
  monitor.AddBytes(40);
  monitor.AddBytes(2);
  EXPECT_EQ(monitor.progress().done_bytes, 42);
  EXPECT_EQ(monitor.progress().total_bytes, 100);
  monitor.SetPhase("push");
  EXPECT_EQ(monitor.progress().phase, "push");
  EXPECT_EQ(monitor.progress().done_bytes, 0);
  monitor.SetPhase("push");
  EXPECT_EQ(changes, 2) << "the same phase again is no news";
}

TEST(RunMonitorTest, LeaseEndsByTheClockSinceBoot) {
  base::testing::FakeClock clock;
  RunMonitor monitor({}, &clock);
  EXPECT_TRUE(monitor.LeaseLives()) << "no lease was ever set";
  monitor.ExtendLease(clock.SinceBoot() + absl::Seconds(15));
  clock.Advance(absl::Seconds(14));
  EXPECT_TRUE(monitor.LeaseLives());
  clock.Advance(absl::Seconds(1));
  EXPECT_FALSE(monitor.LeaseLives());
  monitor.ExtendLease(clock.SinceBoot() + absl::Seconds(1));
  EXPECT_TRUE(monitor.LeaseLives());
}

TEST(RunMonitorTest, LogLinesEnd) {
  RunMonitor monitor;
  monitor.LogLine("one");
  monitor.LogLine("two");
  EXPECT_EQ(monitor.log().Tail(100), "one\ntwo\n");
}

}  // namespace
}  // namespace stevedore::worker
