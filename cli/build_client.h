// The coordinator as the command line sees it, far away or in the same process.

#ifndef STEVEDORE_CLI_BUILD_CLIENT_H_
#define STEVEDORE_CLI_BUILD_CLIENT_H_

#include <stop_token>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace stevedore::coordinator {
struct Submission;
}  // namespace stevedore::coordinator

namespace stevedore::v1 {
class BuildStatus;
class CancelBuildResponse;
class GetBuildResponse;
class GetServerResponse;
class ListBuildsResponse;
class PlanBuildResponse;
class SubmitBuildResponse;
class TailLogResponse;
class WatchBuildResponse;
}  // namespace stevedore::v1

namespace stevedore::cli {

// Calls of BuildService. Errors are those of build_service.proto; UNAVAILABLE means that the same
// call may work later. Thread-safe.
class BuildClient {
 public:
  virtual ~BuildClient() = default;

  // Who answers, for messages: "coordinator at 127.0.0.1:9400".
  virtual std::string name() const = 0;

  virtual absl::StatusOr<v1::GetServerResponse> GetServer() = 0;
  virtual absl::StatusOr<v1::PlanBuildResponse> PlanBuild(
      const coordinator::Submission& submission) = 0;
  virtual absl::StatusOr<v1::SubmitBuildResponse> SubmitBuild(
      const coordinator::Submission& submission) = 0;

  // Calls `receive` with every response after `resume_id` until the build has ended (OK), the
  // stream breaks (UNAVAILABLE), or `stop` is requested (CANCELLED). `receive` is called on the
  // calling thread; `stop` is looked at at once, also while nothing comes.
  virtual absl::Status WatchBuild(const std::string& build_id, const std::string& resume_id,
                                  absl::FunctionRef<void(const v1::WatchBuildResponse&)> receive,
                                  std::stop_token stop) = 0;

  virtual absl::StatusOr<v1::GetBuildResponse> GetBuild(const std::string& build_id) = 0;
  // All pages up to `limit` builds, newest first.
  virtual absl::StatusOr<std::vector<v1::BuildStatus>> ListBuilds(int limit) = 0;
  virtual absl::StatusOr<v1::CancelBuildResponse> CancelBuild(const std::string& build_id,
                                                              const std::string& reason) = 0;

  // The log of one task from byte `offset` on until it has ended; as WatchBuild. `platform` may be
  // empty.
  virtual absl::Status TailLog(const std::string& build_id, const std::string& image,
                               const std::string& platform, int64_t offset,
                               absl::FunctionRef<void(const v1::TailLogResponse&)> receive,
                               std::stop_token stop) = 0;
};

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_BUILD_CLIENT_H_
