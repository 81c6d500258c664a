#include "cli/exit_code.h"

#include <gtest/gtest.h>

namespace stevedore::cli {
namespace {

TEST(ExitCodeTest, TellsWhoHasToActNext) {
  EXPECT_EQ(ExitCodeOf(absl::OkStatus()), ExitCode::kOk);
  EXPECT_EQ(ExitCodeOf(absl::NotFoundError("")), ExitCode::kFailed);
  EXPECT_EQ(ExitCodeOf(absl::InvalidArgumentError("")), ExitCode::kUsage);
  EXPECT_EQ(ExitCodeOf(absl::FailedPreconditionError("")), ExitCode::kUsage);
  EXPECT_EQ(ExitCodeOf(absl::UnavailableError("")), ExitCode::kInfrastructure);
  EXPECT_EQ(ExitCodeOf(absl::UnauthenticatedError("")), ExitCode::kInfrastructure);
  EXPECT_EQ(ExitCodeOf(absl::PermissionDeniedError("")), ExitCode::kInfrastructure);
  EXPECT_EQ(ExitCodeOf(absl::InternalError("")), ExitCode::kInfrastructure);
  EXPECT_EQ(ExitCodeOf(absl::CancelledError("")), ExitCode::kCancelled);
}

}  // namespace
}  // namespace stevedore::cli
