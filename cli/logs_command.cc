#include <CLI/CLI.hpp>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/build_view.h"
#include "cli/command.h"
#include "cli/coordinator_flags.h"
#include "cli/interrupts.h"
#include "cli/patience.h"
#include "stevedore/v1/build_service.pb.h"

namespace stevedore::cli {
namespace {

// Values of the command's flags.
struct LogsFlags {
  CoordinatorFlags coordinator;
  std::string build_id;
  std::string image;
  std::string platform;
  bool follow = false;
};

// The task that the flags name.
absl::StatusOr<TaskView> FindTask(BuildClient& client, const LogsFlags& flags) {
  ASSIGN_OR_RETURN(const v1::GetBuildResponse build, client.GetBuild(flags.build_id));
  for (const v1::TaskStatus& status : build.tasks()) {
    if (status.image_id() != flags.image) continue;
    if (flags.platform.empty() || status.platform() == flags.platform) {
      return ReadTaskStatus(status);
    }
  }
  return absl::NotFoundError(
      absl::StrCat("build ", flags.build_id, " has no image ", flags.image,
                   flags.platform.empty() ? "" : absl::StrCat(" on ", flags.platform),
                   "; `stevedore-cli builds ", flags.build_id, "` lists its images"));
}

// Prints the log until the task has ended.
absl::StatusOr<ExitCode> PrintLog(CommandContext& context, BuildClient& client,
                                  const LogsFlags& flags, std::stop_token stop) {
  int64_t offset = 0;
  absl::Time last_answer = absl::Now();
  ASSIGN_OR_RETURN(const FollowOptions options, ReadFollowOptions(flags.coordinator));
  while (true) {
    const absl::Status status = client.TailLog(
        flags.build_id, flags.image, flags.platform, offset,
        [&](const v1::TailLogResponse& piece) {
          last_answer = absl::Now();
          if (piece.offset() > offset) {
            context.console->Err(
                absl::StrCat("(", piece.offset() - offset, " bytes before this are not kept)\n"));
          }
          context.console->Out(piece.data());
          offset = piece.offset() + static_cast<int64_t>(piece.data().size());
        },
        stop);
    if (status.ok()) return ExitCode::kOk;
    if (stop.stop_requested()) return absl::CancelledError("stopped reading; the build goes on");
    if (!absl::IsUnavailable(status) || absl::Now() - last_answer > options.wait_for_server) {
      return status;
    }
    if (Pause(options.longest_retry, stop)) {
      return absl::CancelledError("stopped reading; the build goes on");
    }
  }
}

absl::StatusOr<ExitCode> Logs(CommandContext& context, const LogsFlags& flags) {
  ASSIGN_OR_RETURN(const std::unique_ptr<BuildClient> client, Connect(flags.coordinator));
  ASSIGN_OR_RETURN(const TaskView task, FindTask(*client, flags));
  if (!flags.follow && !task.ended()) {
    context.console->Err(absl::StrCat(task.image, " is ", StateName(task.state),
                                      "; use --follow to read its log as it is written\n"));
    return ExitCode::kOk;
  }
  Interrupts interrupts(context.console);
  ASSIGN_OR_RETURN(const ExitCode code, PrintLog(context, *client, flags, interrupts.token()));
  if (!task.error.empty()) {
    context.console->Err(
        absl::StrCat(task.image, " ", StateName(task.state), ": ", task.error, "\n"));
  }
  return code;
}

}  // namespace

void AddLogsCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("logs", "Print the log of one image of a build");
  const auto flags = std::make_shared<LogsFlags>();
  command->add_option("BUILD", flags->build_id, "Id of the build")->required();
  command->add_option("IMAGE", flags->image, "Image of the build, NAME:VERSION")->required();
  command->add_option("--platform", flags->platform, "Which platform, if there are several")
      ->type_name("OS/ARCH");
  command->add_flag("-f,--follow", flags->follow, "Read on until the image has ended");
  AddCoordinatorFlags(*command, flags->coordinator);
  command->callback(
      [&context, flags] { context.action = [&context, flags] { return Logs(context, *flags); }; });
}

}  // namespace stevedore::cli
