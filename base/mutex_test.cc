#include "base/mutex.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace stevedore::base {
namespace {

TEST(MutexTest, GuardsACounter) {
  Mutex mu;
  int count = 0;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) {
        MutexLock lock(&mu);
        ++count;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(count, 4000);
}

TEST(CondVarTest, WakesAWaiter) {
  Mutex mu;
  CondVar changed;
  bool ready = false;
  std::jthread setter([&] {
    MutexLock lock(&mu);
    ready = true;
    changed.Signal();
  });
  MutexLock lock(&mu);
  while (!ready) changed.Wait(&mu);
  EXPECT_TRUE(ready);
}

TEST(CondVarTest, WaitForGivesUp) {
  Mutex mu;
  CondVar changed;
  MutexLock lock(&mu);
  EXPECT_FALSE(changed.WaitFor(&mu, absl::Milliseconds(1)));
  EXPECT_FALSE(changed.WaitFor(&mu, -absl::Seconds(1)));
}

}  // namespace
}  // namespace stevedore::base
