#include "tests/build/fleet.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "tests/build/project.h"

namespace stevedore::testing {

absl::StatusOr<std::unique_ptr<Fleet>> Fleet::Start() {
  ASSIGN_OR_RETURN(base::TemporaryDirectory directory, base::TemporaryDirectory::Create());
  auto fleet = std::unique_ptr<Fleet>(new Fleet(std::move(directory)));
  ASSIGN_OR_RETURN(fleet->registry_, Registry::Start());
  ASSIGN_OR_RETURN(fleet->redis_, Redis::Start());
  // A port of its own, so that a second coordinator can take the place of the first.
  fleet->coordinator_address_ = absl::StrCat("127.0.0.1:", FreePort());
  RETURN_IF_ERROR(fleet->StartCoordinator());
  return fleet;
}

absl::Status Fleet::StartCoordinator() {
  ASSIGN_OR_RETURN(
      coordinator_,
      Process::Start({.argv = {ProgramPath("coordinator/stevedore-coordinator"), "--listen",
                               coordinator_address_, "--redis", redis_->Address(),
                               "--artifact-repository", registry() + "/test/artifacts",
                               // Shorter than a fleet has, as tests wait for them.
                               "--takeover", "1", "--lease", "8", "--lease-grace", "2"}}));
  const std::vector<std::string> parts = absl::StrSplit(coordinator_address_, ':');
  return WaitForPort(std::stoi(parts[1]));
}

absl::Status Fleet::StartWorker(const std::string& name) {
  const std::string home = directory_.path() + "/" + name;
  RETURN_IF_ERROR(base::MakeDirectories(home));
  ProcessOptions options;
  options.argv = {ProgramPath("worker/stevedore-worker"),
                  "--coordinator",
                  coordinator_address_,
                  "--name",
                  name,
                  "--slots",
                  "1",
                  "--cache-dir",
                  home + "/cache"};
  options.environment = {{"HOME", home}, {"DOCKER_CONFIG", home}};
  ASSIGN_OR_RETURN(workers_[name], Process::Start(std::move(options)));
  return absl::OkStatus();
}

absl::StatusOr<std::string> Fleet::DigestOf(const std::string& reference) const {
  ASSIGN_OR_RETURN(const ProcessResult result,
                   Process::Run({.argv = {"skopeo", "inspect", "--no-tags", "--tls-verify=false",
                                          "--format", "{{.Digest}}", "docker://" + reference}}));
  if (result.exit_code != 0) return absl::NotFoundError(result.err);
  return std::string(absl::StripAsciiWhitespace(result.out));
}

}  // namespace stevedore::testing
