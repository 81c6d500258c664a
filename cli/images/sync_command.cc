#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "cli/images/image_access.h"
#include "cli/images/image_commands.h"
#include "cli/images/image_flags.h"
#include "cli/images/sync_arguments.h"
#include "cli/images/sync_file.h"
#include "cli/images/sync_places.h"
#include "cli/images/sync_printer.h"
#include "cli/structured_output.h"
#include "transfer/copier.h"
#include "transfer/sync.h"

namespace stevedore::cli {
namespace {

using transfer::SyncJob;
using transfer::SyncReport;
using transfer::SyncSettings;

// Values of the flags.
struct SyncFlags {
  ImageFlags image;
  std::string source, destination;
  std::string source_kind, destination_kind;  // skopeo's --src and --dest.
  std::vector<std::string> jobs;
  int parallel = 0;  // 0: as the file says.
  bool dry_run = false, keep_going = false, fail_fast = false, scoped = false;
  bool delete_extraneous = false, no_delete = false;  // Neither: as the file says.
  std::string append_suffix;
  bool all = true;  // skopeo's flag; every platform is what we copy anyway.
};

// With skopeo's kinds in front, if they were given.
std::string WithKind(const std::string& kind, const std::string& place) {
  if (kind == "docker" && !absl::StartsWith(place, "docker://")) return "docker://" + place;
  if (kind == "dir" && !absl::StartsWith(place, "dir:")) return "dir:" + place;
  return place;
}

bool IsFile(const SyncFlags& flags) {
  if (!flags.source_kind.empty()) return flags.source_kind == "yaml";
  std::error_code ignored;
  return std::filesystem::is_regular_file(flags.source, ignored) ||
         absl::EndsWith(flags.source, ".yaml") || absl::EndsWith(flags.source, ".yml");
}

absl::StatusOr<SyncSettings> ReadSettings(const SyncFlags& flags) {
  const std::string destination = WithKind(flags.destination_kind, flags.destination);
  if (IsFile(flags)) {
    return ReadSyncFile(flags.source, {.destination = destination, .scoped = flags.scoped});
  }
  if (destination.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(base::Quoted(flags.source),
                     " is no file; name a file with jobs, or a source and where it "
                     "is to be mirrored: sync SOURCE DESTINATION"));
  }
  return JobsOf(WithKind(flags.source_kind, flags.source), destination, flags.scoped);
}

// Leaves the jobs that --job names.
absl::Status SelectJobs(const std::vector<std::string>& names, SyncSettings* settings) {
  if (names.empty()) return absl::OkStatus();
  std::vector<std::string> known;
  for (const SyncJob& job : settings->jobs) known.push_back(job.name);
  for (const std::string& name : names) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    return absl::NotFoundError(absl::StrCat("there is no job ", base::Quoted(name), "; there are ",
                                            absl::StrJoin(known, ", ")));
  }
  settings->jobs.erase(std::remove_if(settings->jobs.begin(), settings->jobs.end(),
                                      [&](const SyncJob& job) {
                                        return std::find(names.begin(), names.end(), job.name) ==
                                               names.end();
                                      }),
                       settings->jobs.end());
  return absl::OkStatus();
}

absl::StatusOr<SyncSettings> Prepare(const SyncFlags& flags) {
  ASSIGN_OR_RETURN(SyncSettings settings, ReadSettings(flags));
  RETURN_IF_ERROR(SelectJobs(flags.jobs, &settings));
  if (flags.parallel > 0) settings.parallel = flags.parallel;
  ASSIGN_OR_RETURN(const std::optional<oci::Platform> platform, PlatformOf(flags.image));
  for (SyncJob& job : settings.jobs) {
    if (platform.has_value()) job.platforms = {*platform};
    if (flags.image.platform == "all") job.platforms.clear();
    if (!flags.append_suffix.empty()) job.tag_suffix = flags.append_suffix;
    if (flags.delete_extraneous) job.delete_extraneous = true;
    if (flags.no_delete) job.delete_extraneous = false;
    if (job.delete_extraneous && job.destination.kind == transfer::EndpointKind::kDirectory) {
      return absl::InvalidArgumentError(
          absl::StrCat("--delete: job ", base::Quoted(job.name),
                       " mirrors to folders, whose tags cannot be listed; use --no-delete"));
    }
  }
  return settings;
}

// What went wrong with jobs as such; their tags were told as they were done.
void PrintJobErrors(const SyncReport& report, Console& console) {
  for (const transfer::SyncJobResult& job : report.jobs) {
    if (!job.status.ok()) PrintError(console, absl::StrCat(job.name, ": ", job.status.message()));
  }
}

absl::StatusOr<ExitCode> Conclude(const SyncReport& report, Console& console) {
  PrintJobErrors(report, console);
  const absl::Status overall = report.Overall();
  // Some image could not be had or put, which is not the network's fault.
  if (absl::IsAborted(overall)) {
    PrintError(console, overall.message());
    return ExitCode::kFailed;
  }
  RETURN_IF_ERROR(overall);
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> Sync(CommandContext& context, const SyncFlags& flags) {
  ASSIGN_OR_RETURN(const SyncSettings settings, Prepare(flags));
  ASSIGN_OR_RETURN(const std::unique_ptr<ImageAccess> access,
                   ImageAccess::Open(context, flags.image));
  ASSIGN_OR_RETURN(const std::unique_ptr<JobPlaces> places,
                   JobPlaces::Open(context, flags.image, access.get(), settings));
  Console& console = *context.console;
  transfer::Copier copier;
  transfer::SyncOptions options;
  options.dry_run = flags.dry_run;
  options.keep_going = !flags.fail_fast;
  options.on_tag = [&](const transfer::SyncJobResult& job, const transfer::SyncTagResult& tag) {
    const std::string line = DescribeTag(job, tag, flags.dry_run);
    if (!line.empty()) console.Err(line);
  };
  const SyncReport report =
      transfer::RunSync(settings, &copier, places->places(), options, access->stop());
  console.Out(
      FormatResult(flags.image, SyncTable(report, flags.dry_run), SyncJson(report, flags.dry_run)));
  return Conclude(report, console);
}

void AddFlags(CLI::App& command, SyncFlags* flags) {
  command
      .add_option("source", flags->source,
                  "File with jobs; or what to mirror: a repository, "
                  "oci:folder, dir:folder")
      ->type_name("FILE|SOURCE")
      ->required();
  command
      .add_option("destination", flags->destination,
                  "Below which to put it (with SOURCE, or a file as skopeo reads them)")
      ->type_name("DESTINATION");
  command.add_option("--job", flags->jobs, "Run this job only; may be repeated")
      ->type_name("NAME")
      ->allow_extra_args(false);
  command.add_flag("--dry-run", flags->dry_run, "Ask everything, change nothing");
  CLI::Option* const no_delete =
      command.add_flag("--no-delete", flags->no_delete, "Delete nothing, whatever the file says");
  command
      .add_flag("--delete", flags->delete_extraneous,
                "Delete tags of the destination that are not selected, within each job's limit; "
                "default: as the file says")
      ->excludes(no_delete);
  CLI::Option* const fail_fast =
      command.add_flag("--fail-fast", flags->fail_fast, "After a failure begin nothing else");
  command
      .add_flag("--keep-going", flags->keep_going,
                "After a failure go on with the other tags and jobs, which is the default")
      ->excludes(fail_fast);
  command.add_option("-j,--jobs", flags->parallel, "Tags that are copied at once")
      ->check(CLI::Range(1, 1000))
      ->type_name("N");
  command.add_flag("--scoped", flags->scoped,
                   "Keep registry and whole repository in the names at the destination");
  command.add_option("--append-suffix", flags->append_suffix, "Put behind each tag")
      ->type_name("SUFFIX");
  command.add_flag("-a,--all", flags->all, "All platforms, which is the default");
  command.add_option("-s,--src", flags->source_kind, "As skopeo: what SOURCE is")
      ->check(CLI::IsMember({"docker", "dir", "yaml"}))
      ->type_name("docker|dir|yaml");
  command.add_option("-d,--dest", flags->destination_kind, "As skopeo: what DESTINATION is")
      ->check(CLI::IsMember({"docker", "dir"}))
      ->type_name("docker|dir");
  AddImageFlags(command, &flags->image);
}

}  // namespace

void AddSyncCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "sync", "Keep copies of repositories up to date: jobs in a file, or one source");
  const auto flags = std::make_shared<SyncFlags>();
  AddFlags(*command, flags.get());
  command->callback(
      [&context, flags] { context.action = [&context, flags] { return Sync(context, *flags); }; });
}

}  // namespace stevedore::cli
