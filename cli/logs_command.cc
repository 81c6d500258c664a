#include <CLI/CLI.hpp>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/output_lines.h"
#include "base/status.h"
#include "cli/build_view.h"
#include "cli/cache_directory.h"
#include "cli/command.h"
#include "cli/coordinator_flags.h"
#include "cli/interrupts.h"
#include "cli/kept_logs.h"
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

// Prints what a log has, for whoever reads standard output.
class LogPrinter {
 public:
  explicit LogPrinter(Console* console) : console_(*console), raw_(console->out_is_terminal()) {}

  void Print(absl::string_view bytes) {
    if (raw_) {
      console_.Out(bytes);
    } else {
      lines_.Append(bytes, [this](const std::string& line) { PrintLine(line); });
    }
  }
  void Finish() {
    lines_.Finish([this](const std::string& line) { PrintLine(line); });
  }

 private:
  void PrintLine(const std::string& line) { console_.Out(base::WithoutEscapes(line) + "\n"); }

  Console& console_;
  // A terminal may have the colours.
  const bool raw_;
  base::OutputLines lines_;
};

// Prints the log until the task has ended.
absl::StatusOr<ExitCode> PrintLog(CommandContext& context, BuildClient& client,
                                  const LogsFlags& flags, std::stop_token stop) {
  int64_t offset = 0;
  absl::Time last_answer = absl::Now();
  ASSIGN_OR_RETURN(const FollowOptions options, ReadFollowOptions(flags.coordinator));
  LogPrinter printer(context.console);
  while (true) {
    const absl::Status status = client.TailLog(
        flags.build_id, flags.image, flags.platform, offset,
        [&](const v1::TailLogResponse& piece) {
          last_answer = absl::Now();
          if (piece.offset() > offset) {
            context.console->Err(
                absl::StrCat("(", piece.offset() - offset, " bytes before this are not kept)\n"));
          }
          printer.Print(piece.data());
          offset = piece.offset() + static_cast<int64_t>(piece.data().size());
        },
        stop);
    if (!absl::IsUnavailable(status) || stop.stop_requested()) printer.Finish();
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

// Prints the log that a build on this machine left.
absl::StatusOr<ExitCode> PrintKept(CommandContext& context, const std::string& path) {
  ASSIGN_OR_RETURN(const std::unique_ptr<base::FileSource> file, base::FileSource::Open(path));
  LogPrinter printer(context.console);
  std::string buffer(64 << 10, '\0');
  while (true) {
    ASSIGN_OR_RETURN(const size_t size, file->Read(buffer.data(), buffer.size()));
    if (size == 0) break;
    printer.Print(absl::string_view(buffer.data(), size));
  }
  printer.Finish();
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> Logs(CommandContext& context, const LogsFlags& flags) {
  // Ids are random: what is found here is meant.
  if (const absl::StatusOr<std::string> cache = CacheDirectory(); cache.ok()) {
    const absl::StatusOr<std::string> kept =
        FindKeptLog(KeptLogsDirectory(*cache), flags.build_id, flags.image, flags.platform);
    if (kept.ok()) return PrintKept(context, *kept);
    if (flags.coordinator.address.empty()) {
      return base::Annotate(kept.status(), "without --coordinator, logs of builds on this machine");
    }
  }
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
