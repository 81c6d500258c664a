#include "cli/coordinator_flags.h"

#include <CLI/CLI.hpp>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/status.h"
#include "cli/grpc_build_client.h"

namespace stevedore::cli {

void AddCoordinatorFlags(CLI::App& command, CoordinatorFlags& flags) {
  command.add_option("--coordinator", flags.address, "Address of the coordinator, HOST:PORT")
      ->envname("STEVEDORE_COORDINATOR")
      ->type_name("HOST:PORT");
  command
      .add_option("--wait-for-server", flags.wait_for_server,
                  "How long the coordinator may be away before giving up, e.g. 30s, 10m")
      ->type_name("TIME")
      ->capture_default_str();
}

absl::StatusOr<std::unique_ptr<BuildClient>> Connect(const CoordinatorFlags& flags) {
  if (flags.address.empty()) {
    return absl::InvalidArgumentError(
        "no coordinator: give --coordinator HOST:PORT or set STEVEDORE_COORDINATOR; to build on "
        "this machine without one, use `stevedore-cli build`");
  }
  if (flags.address.find(':') == std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("--coordinator ", base::Quoted(flags.address), ": HOST:PORT is needed"));
  }
  return ConnectToCoordinator(flags.address);
}

absl::StatusOr<FollowOptions> ReadFollowOptions(const CoordinatorFlags& flags) {
  FollowOptions options;
  if (!absl::ParseDuration(flags.wait_for_server, &options.wait_for_server) ||
      options.wait_for_server < absl::ZeroDuration()) {
    return absl::InvalidArgumentError(absl::StrCat("--wait-for-server ",
                                                   base::Quoted(flags.wait_for_server),
                                                   ": use a time such as 30s or 10m"));
  }
  return options;
}

}  // namespace stevedore::cli
