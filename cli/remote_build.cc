#include "cli/remote_build.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/secret.h"
#include "base/status.h"
#include "cli/build_json.h"
#include "cli/cache_directory.h"
#include "cli/context_memory.h"
#include "cli/contexts.h"
#include "cli/definitions.h"
#include "cli/external_parents.h"
#include "cli/follow.h"
#include "cli/interrupts.h"
#include "cli/live_logs.h"
#include "cli/parent_finders.h"
#include "cli/patience.h"
#include "cli/plan_output.h"
#include "cli/progress_display.h"
#include "cli/project_selection.h"
#include "cli/registry_access.h"
#include "cli/sealed_submission.h"
#include "cli/submission.h"
#include "cli/text.h"
#include "context/stat_cache.h"
#include "coordinator/submission.h"
#include "credentials/bundle.h"
#include "credentials/sealing.h"
#include "graph/catalog.h"
#include "graph/resolved_image.h"
#include "stevedore/v1/build_service.pb.h"

namespace stevedore::cli {
namespace {

// A submission and what it was made from.
struct RemoteProject {
  SelectionWithParents selected;
  ContextTrees trees;
  coordinator::Submission submission;
  bool pushes = false;
};

absl::StatusOr<RemoteProject> Prepare(CommandContext& context, const BuildFlags& flags,
                                      const RemoteOptions& remote, const std::string& cache,
                                      RegistryAccess& registries, const ParentOptions& parents,
                                      std::stop_token stop) {
  ASSIGN_OR_RETURN(const auto variables, TemplateVariables(flags));
  ASSIGN_OR_RETURN(const graph::Catalog catalog, LoadDefinitions(context, variables));
  RETURN_IF_ERROR(registries.UseStore(catalog.configuration()));
  RegistryParentFinder finder(registries.client());
  RemoteProject project;
  project.pushes = PushWanted(flags, catalog.configuration());
  ASSIGN_OR_RETURN(project.selected, SelectByFlags(context, flags, catalog, finder, parents, stop));
  const std::string stat_file = cache + "/stat-cache";
  context::StatCache stat_cache = context::StatCache::Load(stat_file);
  const ContextSources sources = {.stat_cache = &stat_cache,
                                  .git_cache_directory = cache + "/git",
                                  .credentials = registries.credentials()->records()};
  ASSIGN_OR_RETURN(project.trees,
                   ReadContexts(project.selected.selection, sources, *context.console, stop));
  RETURN_IF_ERROR(CheckSendable(project.trees));
  (void)stat_cache.Save(stat_file);  // A cache: losing it costs time.
  SubmissionOptions options;
  options.targets = TargetsOf(flags);
  options.push_tags = project.pushes;
  options.detach = remote.detach;
  options.no_cache = flags.no_cache;
  options.priority = remote.priority;
  options.retry_failed = remote.retry_failed;
  ASSIGN_OR_RETURN(project.submission,
                   MakeSubmission(project.selected, project.trees, ContextMemory(cache), options));
  return project;
}

// The coordinator's own words, waited for as long as the user is willing to.
absl::StatusOr<v1::GetServerResponse> AwaitServer(BuildClient& client, const FollowOptions& options,
                                                  ProgressDisplay* display, std::stop_token stop) {
  Patience patience(client, options, display);
  while (true) {
    absl::StatusOr<v1::GetServerResponse> server = client.GetServer();
    if (server.ok() || !absl::IsUnavailable(server.status())) return server;
    RETURN_IF_ERROR(patience.Wait(server.status(), stop));
  }
}

absl::Status SendContexts(CommandContext& context, const RemoteProject& project,
                          const std::string& artifact_repository, const std::string& cache,
                          transfer::RegistryClient* registries, std::stop_token stop) {
  // Workers read git themselves.
  const bool has_folders =
      std::any_of(project.trees.begin(), project.trees.end(),
                  [](const auto& context) { return !context.second.git.has_value(); });
  if (!has_folders) return absl::OkStatus();
  if (artifact_repository.empty()) {
    return absl::FailedPreconditionError(
        "the coordinator names no repository for build contexts; start it with "
        "--artifact-repository HOST:PORT/NAME");
  }
  ASSIGN_OR_RETURN(
      const ContextUploads uploads,
      UploadContexts(project.trees, artifact_repository, cache, registries, std::move(stop)));
  if (uploads.sent_pack_count > 0) {
    context.console->Err(absl::StrCat("sent ", uploads.sent_pack_count,
                                      uploads.sent_pack_count == 1 ? " pack (" : " packs (",
                                      FormatBytes(uploads.sent_bytes), ") of ", uploads.tree_count,
                                      uploads.tree_count == 1 ? " context\n" : " contexts\n"));
  }
  return absl::OkStatus();
}

// Puts what the build's workers need to know into the submission, so that only they can read it.
absl::Status SealCredentials(CommandContext& context, const RemoteOptions& options,
                             const v1::GetServerResponse& server, const RegistryAccess& registries,
                             RemoteProject* project) {
  ASSIGN_OR_RETURN(const auto key,
                   ReadSealingKey(options.sealing_public_key, server.sealing_public_key()));
  CredentialNeeds needs;
  needs.artifact_repository = server.artifact_repository();
  needs.further = options.also_seal;
  for (const graph::ResolvedImage& image : project->selected.selection.images) {
    for (const graph::ContextSpec& spec : image.contexts) {
      if (spec.git.has_value() && !spec.git->credentials_id.empty()) {
        needs.ids.push_back(spec.git->credentials_id);
      }
    }
  }
  ASSIGN_OR_RETURN(const credentials::CredentialBundle bundle,
                   CollectCredentials(project->submission, needs, *registries.credentials(),
                                      registries.credentials()->records()),
                   "--seal-credentials");
  if (bundle.registries.empty() && bundle.records.empty()) {
    PrintWarning(*context.console,
                 "--seal-credentials: neither the project's credential store nor Docker's "
                 "configuration has credentials for this build; workers use their own");
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const base::Secret text, credentials::FormatBundle(bundle));
  v1::SubmitBuildRequest::Header& header = project->submission.header;
  ASSIGN_OR_RETURN(*header.mutable_sealed_credentials(), key.Seal(text, header.request_id()),
                   "--seal-credentials");
  size_t repositories = 0;
  for (const auto& entry : bundle.registries) repositories += entry.repositories.size();
  context.console->Err(absl::StrCat(
      "sealed credentials for ", repositories, repositories == 1 ? " repository" : " repositories",
      " and ", bundle.records.size(), bundle.records.size() == 1 ? " id" : " ids", " to key ",
      key.id(), "\n"));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ExitCode> BuildRemotely(CommandContext& context, const BuildFlags& flags,
                                       const CoordinatorFlags& coordinator,
                                       const RemoteOptions& options) {
  ASSIGN_OR_RETURN(ProgressStyle style, ParseProgressStyle(flags.progress));
  if (flags.logs) style = StyleBesideLogs(style);
  ASSIGN_OR_RETURN(const std::unique_ptr<BuildClient> client, Connect(coordinator));
  ASSIGN_OR_RETURN(FollowOptions follow, ReadFollowOptions(coordinator));
  ASSIGN_OR_RETURN(const std::string cache, CacheDirectory());
  Interrupts interrupts(context.console);
  const std::stop_token stop = interrupts.token();
  RegistryAccess registries(RegistryAccess::Patience::kPerson, flags.insecure_registries);
  ASSIGN_OR_RETURN(RemoteProject project,
                   Prepare(context, flags, options, cache, registries, {}, stop));
  if (project.selected.selection.images.empty()) return ExitCode::kOk;
  const std::unique_ptr<ProgressDisplay> display =
      CreateProgressDisplay(style, context.console, &base::Clock::System());
  ASSIGN_OR_RETURN(const v1::GetServerResponse server,
                   AwaitServer(*client, follow, display.get(), stop));
  RETURN_IF_ERROR(SendContexts(context, project, server.artifact_repository(), cache,
                               registries.client(), stop));
  if (options.seal_credentials) {
    RETURN_IF_ERROR(SealCredentials(context, options, server, registries, &project));
  }
  ASSIGN_OR_RETURN(const std::string id,
                   SubmitWithPatience(*client, project.submission, follow, display.get(), stop));
  // The next submission names what changed since. Losing this costs only that.
  const ContextMemory memory(cache);
  std::set<std::string> done;
  for (const auto& [name, tree] : project.trees) {
    if (!done.insert(tree.memory_key).second) continue;
    (void)memory.Remember(tree.memory_key, *tree.tree);
  }
  if (options.detach) {
    context.console->Out(absl::StrCat(id, "\n"));
    return ExitCode::kOk;
  }
  display->Note(absl::StrCat("build ", id));
  std::optional<LiveLogs> logs;
  if (flags.logs) follow.logs = &logs.emplace(client.get(), context.console);
  ASSIGN_OR_RETURN(const BuildView build,
                   Follow(*client, id, &project.submission, follow, display.get(), stop));
  logs.reset();
  display->Finish(build);
  if (!flags.metadata_file.empty()) {
    RETURN_IF_ERROR(base::WriteFileAtomically(flags.metadata_file, MetadataJson(build)),
                    "--metadata-file");
  }
  return ExitCodeOf(build);
}

absl::StatusOr<ExitCode> PlanRemotely(CommandContext& context, const BuildFlags& flags,
                                      const CoordinatorFlags& coordinator, const PlanOutput& form) {
  ASSIGN_OR_RETURN(const std::unique_ptr<BuildClient> client, Connect(coordinator));
  ASSIGN_OR_RETURN(const std::string cache, CacheDirectory());
  Interrupts interrupts(context.console);
  RegistryAccess registries(RegistryAccess::Patience::kPerson, flags.insecure_registries);
  ASSIGN_OR_RETURN(
      const RemoteProject project,
      Prepare(context, flags, {}, cache, registries, {.plan_without = true}, interrupts.token()));
  v1::PlanBuildResponse plan;
  if (!project.selected.selection.images.empty()) {
    ASSIGN_OR_RETURN(plan, client->PlanBuild(project.submission));
  }
  RETURN_IF_ERROR(PrintPlan(*context.console, form, project.selected, plan,
                            SurroundingsOf(project.selected, flags), project.pushes,
                            CredentialIdsOf(registries.credentials())));
  return ExitCode::kOk;
}

}  // namespace stevedore::cli
