#include "transfer/docker_engine_error.h"

#include <string>
#include <tuple>
#include <vector>

#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace stevedore::transfer {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(DockerEngineErrorTest, TextsBecomeCodes) {
  const std::vector<std::pair<std::string, absl::StatusCode>> cases = {
      {"The command '/bin/sh -c false' returned a non-zero code: 1",
       absl::StatusCode::kFailedPrecondition},
      {"The command 'echo no space left on device' returned a non-zero code: 1",
       absl::StatusCode::kFailedPrecondition},
      {"The command 'x' returned a non-zero code: 1: no space left on device",
       absl::StatusCode::kResourceExhausted},
      {"write /layer.tar: No space left on device", absl::StatusCode::kResourceExhausted},
      {"Get https://r/v2/: unauthorized: authentication required",
       absl::StatusCode::kUnauthenticated},
      {"pull access denied for x, repository does not exist or may require 'docker login'",
       absl::StatusCode::kUnauthenticated},
      {"manifest for busybox:9 not found: manifest unknown", absl::StatusCode::kNotFound},
      {"Get http://h/v2/: dial tcp 1.2.3.4:443: connect: connection refused",
       absl::StatusCode::kUnavailable},
      {"context canceled", absl::StatusCode::kUnavailable},
      {"dockerfile parse error line 1: unknown instruction: FORM",
       absl::StatusCode::kInvalidArgument},
  };
  for (const auto& [text, code] : cases) {
    EXPECT_THAT(EngineReportedError({}, text), StatusIs(code, HasSubstr(text))) << text;
  }
}

TEST(DockerEngineErrorTest, SocketsSayWhatIsWrongWithThem) {
  ASSERT_OK_AND_ASSIGN(const base::TemporaryDirectory folder, base::TemporaryDirectory::Create());
  DockerEngineAddress address;
  address.unix_socket = base::JoinPath(folder.path(), "file");
  ASSERT_OK(base::WriteFileAtomically(address.unix_socket, ""));
  EXPECT_THAT(ExplainEngineFailure(address, absl::UnavailableError("x")),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr(address.unix_socket), HasSubstr("nobody listens there"))));
  address.unix_socket = "/" + std::string(200, 'x');
  EXPECT_THAT(ExplainEngineFailure(address, absl::UnavailableError("x")),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("longer than the 107 bytes")));
}

TEST(DockerEngineErrorTest, TlsThatDoesNotFitIsNoFaultOfTheImage) {
  EXPECT_THAT(ExplainEngineFailure(*DockerEngineAddress::Parse("https://h"),
                                   absl::FailedPreconditionError("certificate")),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("check DOCKER_TLS_VERIFY")));
}

TEST(DockerEngineErrorTest, EndsThatSomebodyWantedStayAsTheyAre) {
  EXPECT_THAT(ExplainEngineFailure({}, absl::CancelledError("c")),
              StatusIs(absl::StatusCode::kCancelled, "c"));
  EXPECT_THAT(ExplainEngineFailure({}, absl::DeadlineExceededError("d")),
              StatusIs(absl::StatusCode::kDeadlineExceeded, "d"));
}

}  // namespace
}  // namespace stevedore::transfer
