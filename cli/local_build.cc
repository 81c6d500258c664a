#include "cli/local_build.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/status.h"
#include "cli/build_json.h"
#include "cli/cache_directory.h"
#include "cli/context_memory.h"
#include "cli/contexts.h"
#include "cli/definitions.h"
#include "cli/embedded_build.h"
#include "cli/external_parents.h"
#include "cli/follow.h"
#include "cli/interrupts.h"
#include "cli/kept_logs.h"
#include "cli/live_logs.h"
#include "cli/parent_finders.h"
#include "cli/plan_output.h"
#include "cli/progress_display.h"
#include "cli/project_selection.h"
#include "cli/registry_access.h"
#include "cli/submission.h"
#include "context/stat_cache.h"
#include "coordinator/submission.h"
#include "graph/catalog.h"
#include "oci/layout/layout.h"
#include "stevedore/v1/build_service.pb.h"
#include "worker/layout_provider.h"
#include "worker/registry_provider.h"
#include "worker/repository_provider.h"

namespace stevedore::cli {
namespace {

// For naming the results of a folder: equal for every way to spell it from here.
std::string AbsolutePath(const std::string& path) {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  return error ? path : absolute.lexically_normal().string();
}

// Everything that is known before anything runs, and what it stands on. Members in order of
// construction; the embedded queue uses them all, so it is declared behind an object of this.
class LocalProject {
 public:
  LocalProject(CommandContext& context, const BuildFlags& flags)
      : context_(context),
        flags_(flags),
        lookups_(RegistryAccess::Patience::kPerson, flags.insecure_registries),
        uploads_(RegistryAccess::Patience::kBuild, flags.insecure_registries) {}

  // Reads definitions and contexts and finds parents. `dry`: changes nothing anywhere.
  absl::Status Prepare(const std::string& output, bool dry, std::stop_token stop) {
    ASSIGN_OR_RETURN(const auto variables, TemplateVariables(flags_));
    ASSIGN_OR_RETURN(catalog_holder_, LoadCatalog(variables));
    ASSIGN_OR_RETURN(const std::string directory, ParseOutput(output));
    push_ = PushWanted(flags_, catalog().configuration());
    RETURN_IF_ERROR(lookups_.UseStore(catalog().configuration()));
    RETURN_IF_ERROR(uploads_.UseStore(catalog().configuration()));
    RETURN_IF_ERROR(OpenLayout(directory, dry));
    RETURN_IF_ERROR(Select(dry, stop));
    ASSIGN_OR_RETURN(cache_directory_, CacheDirectory());
    stat_cache_.emplace(context::StatCache::Load(cache_directory_ + "/stat-cache"));
    const ContextSources sources = {.stat_cache = &*stat_cache_,
                                    .git_cache_directory = cache_directory_ + "/git",
                                    .credentials = lookups_.credentials()->records()};
    ASSIGN_OR_RETURN(
        trees_, ReadContexts(selected_.selection, sources, *context_.console, std::move(stop)));
    (void)stat_cache_->Save(cache_directory_ + "/stat-cache");  // A cache: losing it costs time.
    const std::string place = push_ ? "registry" : AbsolutePath(directory);
    results_file_ = ResultsFile(cache_directory_, place);
    return absl::OkStatus();
  }

  absl::StatusOr<coordinator::Submission> Submission() const {
    SubmissionOptions options;
    options.targets = TargetsOf(flags_);
    options.push_tags = true;  // In a layout, tags are how images are found again.
    options.no_cache = flags_.no_cache;
    return MakeSubmission(selected_, trees_, ContextMemory(cache_directory_), options);
  }

  // After a submission: the next one names what changed since. Losing this costs only that.
  void RememberContexts() const {
    const ContextMemory memory(cache_directory_);
    std::set<std::string> done;
    for (const auto& [name, context] : trees_) {
      if (!done.insert(context.memory_key).second) continue;
      (void)memory.Remember(context.memory_key, *context.tree);
    }
  }

  // Whether results go to registries instead of the layout.
  bool pushes() const { return push_; }

  WorkerPlaces Places() {
    registries_ = std::make_unique<worker::RegistryProvider>(uploads_.client());
    logs_.emplace(KeptLogsDirectory(cache_directory_));
    if (!push_) provider_ = std::make_unique<worker::LayoutProvider>(&*layout_);
    return {.repositories = push_ ? registries_.get() : provider_.get(),
            .registries = registries_.get(),
            .credentials = uploads_.credentials(),
            .logs = &*logs_};
  }

  EmbeddedOptions WorkerOptions(int threads) const {
    EmbeddedOptions options;
    options.concurrency = Concurrency();
    const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    options.threads = threads > 0 ? threads : cores;
    std::set<std::string> platforms;
    for (const graph::ResolvedImage& image : selected_.selection.images) {
      platforms.insert(image.platforms.begin(), image.platforms.end());
    }
    options.platforms.assign(platforms.begin(), platforms.end());
    options.cache_directory = cache_directory_;
    return options;
  }

  // `plan` on standard output.
  absl::Status Print(const v1::PlanBuildResponse& plan, const PlanOutput& form) const {
    PlanSurroundings surroundings = SurroundingsOf(selected_, flags_);
    surroundings.slots = Concurrency();
    return PrintPlan(*context_.console, form, selected_, plan, surroundings, push_,
                     CredentialIdsOf(lookups_.credentials()));
  }

  bool nothing_to_build() const { return selected_.selection.images.empty(); }
  const ContextTrees& trees() const { return trees_; }
  const std::string& results_file() const { return results_file_; }
  context::StatCache* stat_cache() { return &*stat_cache_; }
  // Of the worker; after Places.
  LogKeeper& logs() { return *logs_; }

 private:
  const graph::Catalog& catalog() const { return *catalog_holder_; }

  int Concurrency() const {
    return flags_.concurrency > 0 ? flags_.concurrency : catalog().configuration().concurrency;
  }

  absl::StatusOr<std::unique_ptr<graph::Catalog>> LoadCatalog(
      const std::map<std::string, std::string>& variables) {
    ASSIGN_OR_RETURN(graph::Catalog catalog, LoadDefinitions(context_, variables));
    return std::make_unique<graph::Catalog>(std::move(catalog));
  }

  absl::Status OpenLayout(const std::string& directory, bool dry) {
    if (push_) return absl::OkStatus();
    absl::StatusOr<oci::Layout> layout =
        dry ? oci::Layout::Open(directory) : oci::Layout::OpenOrCreate(directory);
    if (dry && absl::IsNotFound(layout.status())) return absl::OkStatus();
    if (!layout.ok()) return base::Annotate(layout.status(), "output folder");
    layout_.emplace(*std::move(layout));
    return absl::OkStatus();
  }

  absl::Status Select(bool dry, std::stop_token stop) {
    ParentOptions options;
    options.build_if_unreachable = !push_;  // Who pushes needs the registry anyway.
    options.plan_without = dry;
    if (push_) {
      finder_ = std::make_unique<RegistryParentFinder>(lookups_.client());
    } else {
      finder_ = std::make_unique<LayoutParentFinder>(
          layout_.has_value() ? &*layout_ : nullptr, lookups_.client(), !dry,
          [this](absl::string_view note) { context_.console->Err(absl::StrCat(note, "\n")); });
    }
    ASSIGN_OR_RETURN(
        selected_, SelectByFlags(context_, flags_, catalog(), *finder_, options, std::move(stop)));
    return absl::OkStatus();
  }

  CommandContext& context_;
  const BuildFlags& flags_;
  RegistryAccess lookups_;
  RegistryAccess uploads_;
  std::unique_ptr<graph::Catalog> catalog_holder_;
  bool push_ = false;
  std::optional<oci::Layout> layout_;
  std::unique_ptr<ParentFinder> finder_;
  SelectionWithParents selected_;
  std::string cache_directory_;
  std::optional<context::StatCache> stat_cache_;
  ContextTrees trees_;
  std::string results_file_;
  std::optional<LogKeeper> logs_;
  std::unique_ptr<worker::RepositoryProvider> registries_;
  std::unique_ptr<worker::RepositoryProvider> provider_;  // The layout, unless it pushes.
};

// The end of a build: results on the screen and in the metadata file.
absl::StatusOr<ExitCode> Conclude(const BuildView& build, const BuildFlags& flags,
                                  ProgressDisplay& display) {
  display.Finish(build);
  if (!flags.metadata_file.empty()) {
    RETURN_IF_ERROR(base::WriteFileAtomically(flags.metadata_file, MetadataJson(build)),
                    "--metadata-file");
  }
  return ExitCodeOf(build);
}

}  // namespace

absl::StatusOr<std::string> ParseOutput(const std::string& output) {
  absl::string_view directory = output;
  if (!absl::ConsumePrefix(&directory, "oci:") || directory.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("--output ", base::Quoted(output),
                                                   ": use oci:DIR, a folder for an image layout"));
  }
  return std::string(directory);
}

absl::StatusOr<ExitCode> BuildLocally(CommandContext& context, const BuildFlags& flags,
                                      const std::string& output, int threads) {
  ASSIGN_OR_RETURN(ProgressStyle style, ParseProgressStyle(flags.progress));
  if (flags.logs) style = StyleBesideLogs(style);
  Interrupts interrupts(context.console);
  LocalProject project(context, flags);
  RETURN_IF_ERROR(project.Prepare(output, /*dry=*/false, interrupts.token()));
  if (project.nothing_to_build()) return ExitCode::kOk;
  ASSIGN_OR_RETURN(const coordinator::Submission submission, project.Submission());
  ASSIGN_OR_RETURN(const std::unique_ptr<EmbeddedQueue> queue,
                   EmbeddedQueue::Start(project.results_file(), *context.console));
  queue->StartWorker(project.WorkerOptions(threads), project.Places(), project.trees(),
                     project.stat_cache());
  const std::unique_ptr<ProgressDisplay> display =
      CreateProgressDisplay(style, context.console, &base::Clock::System());
  FollowOptions options;
  std::optional<LiveLogs> logs;
  if (flags.logs) options.logs = &logs.emplace(&queue->client(), context.console);
  ASSIGN_OR_RETURN(const std::string id, SubmitWithPatience(queue->client(), submission, options,
                                                            display.get(), interrupts.token()));
  project.RememberContexts();
  project.logs().SetBuild(id);
  const absl::StatusOr<BuildView> build =
      Follow(queue->client(), id, &submission, options, display.get(), interrupts.token());
  logs.reset();
  const absl::Status stopped = queue->Stop();
  if (!build.ok()) return build.status();
  if (!stopped.ok()) {
    PrintWarning(*context.console, absl::StrCat("results are not remembered: ", stopped.message()));
  }
  ASSIGN_OR_RETURN(const ExitCode code, Conclude(*build, flags, *display));
  const bool for_people = style != ProgressStyle::kJson && style != ProgressStyle::kQuiet;
  if (code == ExitCode::kOk && for_people && !project.pushes()) {
    context.console->Err(absl::StrCat("images are in ", output, ", named by their references\n"));
  }
  if (code != ExitCode::kOk && for_people && build->failed > 0) {
    context.console->Err(absl::StrCat("whole logs: stevedore-cli logs ", id, " IMAGE\n"));
  }
  return code;
}

absl::StatusOr<ExitCode> PlanLocally(CommandContext& context, const BuildFlags& flags,
                                     const std::string& output, const PlanOutput& form) {
  Interrupts interrupts(context.console);
  LocalProject project(context, flags);
  RETURN_IF_ERROR(project.Prepare(output, /*dry=*/true, interrupts.token()));
  v1::PlanBuildResponse plan;
  if (!project.nothing_to_build()) {
    ASSIGN_OR_RETURN(const coordinator::Submission submission, project.Submission());
    ASSIGN_OR_RETURN(const std::unique_ptr<EmbeddedQueue> queue,
                     EmbeddedQueue::Start(project.results_file(), *context.console));
    ASSIGN_OR_RETURN(plan, queue->client().PlanBuild(submission));
  }
  RETURN_IF_ERROR(project.Print(plan, form));
  return ExitCode::kOk;
}

}  // namespace stevedore::cli
