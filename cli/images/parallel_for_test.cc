#include "cli/images/parallel_for.h"

#include <atomic>
#include <vector>

#include "base/testing/status_matchers.h"

namespace stevedore::cli {
namespace {

using base::testing::StatusIs;

TEST(ParallelForTest, EachOnce) {
  std::vector<std::atomic<int>> counts(100);
  EXPECT_OK(ParallelFor(counts.size(), 4,
                        [&](size_t i) {
                          ++counts[i];
                          return absl::OkStatus();
                        },
                        {}));
  for (const std::atomic<int>& count : counts) EXPECT_EQ(count, 1);
  EXPECT_OK(ParallelFor(0, 4, [](size_t) { return absl::InternalError("nothing to do"); }, {}));
}

TEST(ParallelForTest, AnErrorAndAStopEndIt) {
  std::atomic<int> count = 0;
  const auto fail = [&](size_t) {
    ++count;
    return absl::UnavailableError("down");
  };
  EXPECT_THAT(ParallelFor(100, 1, fail, {}),
              StatusIs(absl::StatusCode::kUnavailable, ::testing::StrEq("down")));
  EXPECT_EQ(count, 1);
  std::stop_source source;
  source.request_stop();
  EXPECT_THAT(ParallelFor(100, 1, fail, source.get_token()),
              StatusIs(absl::StatusCode::kCancelled, ::testing::StrEq("stopped")));
  EXPECT_EQ(count, 1);
}

}  // namespace
}  // namespace stevedore::cli
