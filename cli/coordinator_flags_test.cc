#include "cli/coordinator_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/status_matchers.h"

namespace stevedore::cli {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::HasSubstr;

TEST(CoordinatorFlagsTest, MissingAddressNamesTheRemedies) {
  EXPECT_THAT(Connect({}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("STEVEDORE_COORDINATOR")));
  EXPECT_THAT(Connect({.address = "somewhere"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("HOST:PORT")));
}

TEST(CoordinatorFlagsTest, WaitIsADuration) {
  ASSERT_OK_AND_ASSIGN(const FollowOptions options,
                       ReadFollowOptions({.address = "a:1", .wait_for_server = "90s"}));
  EXPECT_EQ(options.wait_for_server, absl::Seconds(90));
  EXPECT_THAT(ReadFollowOptions({.address = "a:1", .wait_for_server = "soon"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("soon")));
}

}  // namespace
}  // namespace stevedore::cli
