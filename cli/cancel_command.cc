#include <CLI/CLI.hpp>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/build_view.h"
#include "cli/command.h"
#include "cli/coordinator_flags.h"
#include "stevedore/v1/build_service.pb.h"

namespace stevedore::cli {
namespace {

// Values of the command's flags.
struct CancelFlags {
  CoordinatorFlags coordinator;
  std::vector<std::string> build_ids;
  std::string reason;
};

absl::StatusOr<ExitCode> Cancel(CommandContext& context, const CancelFlags& flags) {
  ASSIGN_OR_RETURN(const std::unique_ptr<BuildClient> client, Connect(flags.coordinator));
  for (const std::string& id : flags.build_ids) {
    ASSIGN_OR_RETURN(const v1::CancelBuildResponse response, client->CancelBuild(id, flags.reason),
                     "cancel build ", id);
    v1::BuildStatus status;
    status.set_state(response.state());
    BuildView build;
    ReadBuildStatus(status, build);
    context.console->Out(absl::StrCat("build ", id, " is ", StateName(build.state), "\n"));
  }
  return ExitCode::kOk;
}

}  // namespace

void AddCancelCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("cancel", "Ask submitted builds to end");
  const auto flags = std::make_shared<CancelFlags>();
  command->add_option("BUILD", flags->build_ids, "Ids of the builds")->required();
  command->add_option("--reason", flags->reason, "Shown to who watches");
  AddCoordinatorFlags(*command, flags->coordinator);
  command->callback([&context, flags] {
    context.action = [&context, flags] { return Cancel(context, *flags); };
  });
}

}  // namespace stevedore::cli
