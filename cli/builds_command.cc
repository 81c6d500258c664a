#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "cli/build_json.h"
#include "cli/build_view.h"
#include "cli/command.h"
#include "cli/coordinator_flags.h"
#include "cli/summary.h"
#include "cli/text.h"
#include "stevedore/v1/build_service.pb.h"

namespace stevedore::cli {
namespace {

// Values of the command's flags.
struct BuildsFlags {
  CoordinatorFlags coordinator;
  std::string build_id;
  std::string output = "table";
  int limit = 20;
};

std::vector<std::string> Row(const BuildView& build) {
  std::vector<std::string> counts;
  if (build.failed > 0) counts.push_back(absl::StrCat(build.failed, " failed"));
  if (build.skipped > 0) counts.push_back(absl::StrCat(build.skipped, " skipped"));
  const int done = build.succeeded + build.reused;
  counts.insert(counts.begin(), absl::StrCat(done, "/", build.task_count, " done"));
  const absl::Time end = build.ended() ? build.end : absl::Now();
  return {build.id,
          std::string(StateName(build.state)),
          build.start == absl::InfinitePast()
              ? ""
              : absl::FormatTime("%Y-%m-%d %H:%M:%S", build.start, absl::LocalTimeZone()),
          build.start == absl::InfinitePast() ? "" : FormatSeconds(end - build.start),
          absl::StrJoin(counts, ", "),
          build.submitter,
          FitTo(absl::StrJoin(build.targets, " "), 40)};
}

absl::StatusOr<ExitCode> ShowBuild(CommandContext& context, BuildClient& client,
                                   const BuildsFlags& flags) {
  ASSIGN_OR_RETURN(const v1::GetBuildResponse response, client.GetBuild(flags.build_id));
  BuildTracker tracker;
  v1::WatchBuildResponse state;
  *state.mutable_build() = response.build();
  *state.mutable_tasks() = response.tasks();
  tracker.Apply(state);
  if (flags.output == "json") {
    context.console->Out(MetadataJson(tracker.view()));
  } else {
    context.console->Out(absl::StrCat(SummaryTable(tracker.view()), SummaryLine(tracker.view()),
                                      FailureReport(tracker.view())));
  }
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> Builds(CommandContext& context, const BuildsFlags& flags) {
  ASSIGN_OR_RETURN(const std::unique_ptr<BuildClient> client, Connect(flags.coordinator));
  if (!flags.build_id.empty()) return ShowBuild(context, *client, flags);
  ASSIGN_OR_RETURN(const std::vector<v1::BuildStatus> builds, client->ListBuilds(flags.limit));
  std::vector<std::vector<std::string>> rows;
  for (const v1::BuildStatus& status : builds) {
    BuildView build;
    ReadBuildStatus(status, build);
    if (flags.output == "json") {
      context.console->Out(BuildJson(build) + "\n");
    } else {
      rows.push_back(Row(build));
    }
  }
  if (flags.output == "json") return ExitCode::kOk;
  context.console->Out(
      FormatTable({"BUILD", "STATE", "STARTED", "TIME", "IMAGES", "SUBMITTER", "TARGETS"}, rows));
  return ExitCode::kOk;
}

}  // namespace

void AddBuildsCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("builds", "List the coordinator's builds, or show one with its images");
  const auto flags = std::make_shared<BuildsFlags>();
  command->add_option("BUILD", flags->build_id, "Id of one build to show");
  command->add_option("--output", flags->output, "Format")
      ->check(CLI::IsMember({"table", "json"}))
      ->type_name("table|json");
  command->add_option("--limit", flags->limit, "Most builds to list")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  AddCoordinatorFlags(*command, flags->coordinator);
  command->callback([&context, flags] {
    context.action = [&context, flags] { return Builds(context, *flags); };
  });
}

}  // namespace stevedore::cli
