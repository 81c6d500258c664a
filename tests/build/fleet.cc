#include "tests/build/fleet.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "tests/build/project.h"

namespace stevedore::testing {

absl::StatusOr<std::unique_ptr<Fleet>> Fleet::Start(FleetOptions options) {
  ASSIGN_OR_RETURN(base::TemporaryDirectory directory, base::TemporaryDirectory::Create());
  auto fleet = std::unique_ptr<Fleet>(new Fleet(options, std::move(directory)));
  ASSIGN_OR_RETURN(fleet->registry_, Registry::Start(options.registry));
  if (options.proxy) {
    ASSIGN_OR_RETURN(fleet->proxy_, FaultyProxy::Start(fleet->registry_->port()));
  }
  ASSIGN_OR_RETURN(fleet->redis_, Redis::Start());
  // A port of its own, so that a second coordinator can take the place of the first.
  fleet->coordinator_address_ = absl::StrCat("127.0.0.1:", FreePort());
  RETURN_IF_ERROR(fleet->StartCoordinator());
  return fleet;
}

absl::Status Fleet::StartCoordinator() {
  ProcessOptions options;
  options.argv = {ProgramPath("coordinator/stevedore-coordinator"),
                  "--listen",
                  coordinator_address_,
                  "--redis",
                  redis_->Address(),
                  "--artifact-repository",
                  registry() + "/test/artifacts",
                  "--takeover",
                  "1",
                  "--lease",
                  absl::StrCat(options_.lease),
                  "--lease-grace",
                  absl::StrCat(options_.grace),
                  "--orphan-after",
                  absl::StrCat(options_.orphan)};
  options.argv.insert(options.argv.end(), options_.coordinator_flags.begin(),
                      options_.coordinator_flags.end());
  ASSIGN_OR_RETURN(coordinator_, Process::Start(std::move(options)));
  const std::vector<std::string> parts = absl::StrSplit(coordinator_address_, ':');
  return WaitForPort(std::stoi(parts[1]));
}

absl::Status Fleet::StartWorker(const std::string& name, const std::vector<std::string>& flags,
                                const std::map<std::string, std::string>& environment) {
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
                  "--lease",
                  absl::StrCat(options_.lease),
                  "--cache-dir",
                  CacheOf(name)};
  options.argv.insert(options.argv.end(), flags.begin(), flags.end());
  options.environment = environment;
  options.environment.insert({{"HOME", home}, {"DOCKER_CONFIG", home}});
  ASSIGN_OR_RETURN(workers_[name], Process::Start(std::move(options)));
  return absl::OkStatus();
}

absl::StatusOr<std::string> Fleet::DigestOf(const std::string& reference) const {
  // skopeo tries TLS first, which the proxy would wait to understand.
  const std::string direct = absl::StrReplaceAll(reference, {{registry(), registry_->host()}});
  ASSIGN_OR_RETURN(const ProcessResult result,
                   Process::Run({.argv = {"skopeo", "inspect", "--no-tags", "--tls-verify=false",
                                          "--format", "{{.Digest}}", "docker://" + direct}}));
  if (result.exit_code != 0) return absl::NotFoundError(result.err);
  return std::string(absl::StripAsciiWhitespace(result.out));
}

}  // namespace stevedore::testing
