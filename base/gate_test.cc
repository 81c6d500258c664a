#include "base/gate.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace stevedore::base {
namespace {

TEST(GateTest, CloseWaitsForWorkInsideAndRefusesMore) {
  Gate gate;
  ASSERT_TRUE(gate.Enter());
  std::atomic<bool> left{false};
  std::jthread worker([&] {
    left = true;
    gate.Leave();
  });
  gate.Close();
  EXPECT_TRUE(left);
  EXPECT_FALSE(gate.Enter());
}

}  // namespace
}  // namespace stevedore::base
