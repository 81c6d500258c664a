#include "base/grpc_status.h"

#include "base/testing/status_matchers.h"

namespace stevedore::base {
namespace {

TEST(GrpcStatusTest, EveryCodeSurvivesTheTrip) {
  for (int code = 0; code <= 16; ++code) {
    const absl::Status status(static_cast<absl::StatusCode>(code), "text");
    EXPECT_EQ(FromGrpc(ToGrpc(status)), status) << code;
  }
}

TEST(GrpcStatusTest, LongMessagesAreCut) {
  const grpc::Status status = ToGrpc(absl::InternalError(std::string(100'000, 'x')));
  EXPECT_EQ(status.error_message().size(), 4096u);
}

}  // namespace
}  // namespace stevedore::base
