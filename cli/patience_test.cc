#include "cli/patience.h"

#include <gtest/gtest.h>

namespace stevedore::cli {
namespace {

TEST(PauseTest, EndsByTimeOrStop) {
  EXPECT_FALSE(Pause(absl::Milliseconds(1), {}));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_TRUE(Pause(absl::Hours(1), stop.get_token()));
}

}  // namespace
}  // namespace stevedore::cli
