#include "base/memory_budget.h"

#include <atomic>
#include <thread>
#include <vector>

#include "base/testing/status_matchers.h"

namespace stevedore::base {
namespace {

using ::stevedore::base::testing::StatusIs;

TEST(MemoryBudgetTest, NeverHandsOutMoreThanItHas) {
  MemoryBudget budget(10);
  std::atomic<int> used{0};
  std::atomic<bool> above{false};
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        const int bytes = 1 + (i + t) % 7;
        auto lease = budget.Take(bytes);
        if (!lease.ok()) continue;
        if (used.fetch_add(bytes) + bytes > 10) above = true;
        used.fetch_sub(bytes);
      }
    });
  }
  threads.clear();
  EXPECT_FALSE(above);
  EXPECT_TRUE(budget.TryTake(10).has_value());
}

TEST(MemoryBudgetTest, RefusesWhatCanNeverFit) {
  MemoryBudget budget(10);
  EXPECT_THAT(budget.Take(11), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(MemoryBudgetTest, TryTakeDoesNotWait) {
  MemoryBudget budget(10);
  auto lease = budget.TryTake(8);
  ASSERT_TRUE(lease.has_value());
  EXPECT_FALSE(budget.TryTake(3).has_value());
  lease->Release();
  EXPECT_TRUE(budget.TryTake(3).has_value());
}

TEST(MemoryBudgetTest, StopEndsTheWaitAndLetsOthersPass) {
  MemoryBudget budget(10);
  auto held = budget.TryTake(8);
  ASSERT_TRUE(held.has_value());
  std::stop_source stop;
  absl::Status waited;
  std::jthread waiter([&] { waited = budget.Take(9, stop.get_token()).status(); });
  stop.request_stop();
  waiter.join();
  EXPECT_THAT(waited, StatusIs(absl::StatusCode::kCancelled));
  EXPECT_TRUE(budget.TryTake(2).has_value());
}

TEST(MemoryBudgetTest, MovedLeaseIsReturnedOnce) {
  MemoryBudget budget(10);
  {
    auto first = budget.Take(6);
    ASSERT_OK(first);
    MemoryBudget::Lease second = *std::move(first);
    EXPECT_EQ(second.bytes(), 6u);
  }
  EXPECT_TRUE(budget.TryTake(10).has_value());
  EXPECT_TRUE(budget.TryTake(10).has_value());
}

}  // namespace
}  // namespace stevedore::base
