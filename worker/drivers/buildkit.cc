#include "worker/drivers/buildkit.h"

#include <fcntl.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/status.h"
#include "context/tree.h"
#include "graph/buildkit_options.h"
#include "oci/image/reference.h"
#include "oci/layer/compression.h"
#include "oci/layout/layout_archive.h"
#include "worker/drivers/buildkit/progress_log.h"
#include "worker/drivers/buildkit_result.h"
#include "worker/drivers/buildkit_solve.h"
#include "worker/drivers/docker_inputs.h"

namespace stevedore::worker {

// One build of one image. Used by one thread, but for what the session calls.
class BuildkitBuild {
 public:
  BuildkitBuild(BuildkitDriver& driver, BuildkitDriver::Place& place, const BuildRequest& request,
                std::stop_token stop)
      : driver_(driver), place_(place), request_(request), stop_(std::move(stop)) {}
  BuildkitBuild(const BuildkitBuild&) = delete;
  BuildkitBuild& operator=(const BuildkitBuild&) = delete;
  ~BuildkitBuild() {
    if (tag_.empty()) return;
    const absl::Status status =
        place_.engine->RemoveImage(tag_, {.force = false, .with_parents = true});
    if (!status.ok()) {
      base::Log(base::LogLevel::kWarning, "built image stays in the engine",
                {{"image", tag_}, {"error", status.message()}});
    }
  }

  absl::StatusOr<BuiltImage> Run() {
    ASSIGN_OR_RETURN(options_, graph::BuildkitOptions::Parse(request_.options_json), "options");
    if (request_.context == nullptr) {
      return absl::InvalidArgumentError(
          "driver buildkit needs a context with the Dockerfile; add `context: [{path: FOLDER}]`");
    }
    RETURN_IF_ERROR(PinParents());
    return place_.engine != nullptr ? BuildInEngine() : BuildInDaemon();
  }

 private:
  void Progress(std::string phase) const {
    if (request_.progress) request_.progress({.phase = std::move(phase)});
  }

  absl::Status PinParents();
  absl::StatusOr<SessionContent> Content();
  absl::Status RunSolve(Solve solve, base::ByteSink* result);
  absl::StatusOr<BuiltImage> BuildInEngine();
  absl::StatusOr<BuiltImage> BuildInDaemon();
  absl::Status Keep();

  BuildkitDriver& driver_;
  BuildkitDriver::Place& place_;
  const BuildRequest& request_;
  const std::stop_token stop_;
  graph::BuildkitOptions options_;
  std::vector<DockerParents::Loan> loans_;
  std::vector<PinnedParent> pinned_;
  std::map<std::string, std::string> arguments_;
  PinnedContext context_;
  std::map<std::string, credentials::Credential> logins_;
  std::string tag_;  // Of the result in the engine, until this goes.
};

absl::Status BuildkitBuild::PinParents() {
  for (const ParentImage& parent : request_.parents) {
    if (request_.facts.to_registry) {
      ASSIGN_OR_RETURN(PinnedParent pinned, PinByDigest(parent));
      pinned_.push_back(std::move(pinned));
      continue;
    }
    if (place_.parents == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat(
          "parent ", parent.id, " is in a folder, where BuildKit at ", place_.client->name(),
          " cannot see it; build with --push-after-build to a registry, or unset BUILDKIT_HOST to "
          "use the BuildKit of a Docker engine"));
    }
    Progress(absl::StrCat("load ", parent.id));
    ASSIGN_OR_RETURN(DockerParents::Loan loan, place_.parents->Lend(parent, stop_));
    pinned_.push_back({.reference = loan.name(), .tag = loan.tag()});
    loans_.push_back(std::move(loan));
  }
  arguments_ = PinnedArguments(request_, pinned_);
  ASSIGN_OR_RETURN(context_, PinContext(request_, options_.common.dockerfile, arguments_, pinned_));
  graph::DockerfileOptions images = options_.common;
  images.cache_from = ImagesOf(options_);
  ASSIGN_OR_RETURN(
      logins_, FindLogins(request_, context_.references, images, driver_.resources_.credentials));
  return absl::OkStatus();
}

absl::StatusOr<SessionContent> BuildkitBuild::Content() {
  SessionContent content;
  content.folders["context"] = context_.tree;
  ASSIGN_OR_RETURN(content.folders["dockerfile"],
                   DockerfileFolder(*context_.tree, options_.common.dockerfile));
  content.file_time = request_.source_date_epoch.value_or(0);
  content.login = [this](const std::string& host) { return LoginFor(host, logins_); };
  ASSIGN_OR_RETURN(content.secrets, ReadSecrets(options_.secrets, driver_.environment_,
                                                driver_.resources_.credentials));
  ASSIGN_OR_RETURN(content.ssh_agents, FindAgents(options_.ssh, driver_.environment_));
  return content;
}

absl::Status BuildkitBuild::RunSolve(Solve solve, base::ByteSink* result) {
  ASSIGN_OR_RETURN(SessionContent content, Content());
  content.result = result;
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Session::Start(std::move(content)));
  ProgressLog log(
      [this](absl::string_view line) {
        if (request_.log) request_.log(line);
      },
      [this](const std::string& phase, int done, int known) {
        Progress(absl::StrCat(phase, " (", done, "/", known, ")"));
      });
  const auto built = place_.client->Run(
      solve, *session, [&log](const auto& status) { log.Add(status); }, stop_);
  log.Flush();
  if (built.ok()) return absl::OkStatus();
  absl::Status status = built.status();
  if (absl::IsDeadlineExceeded(status)) {
    return absl::FailedPreconditionError(absl::StrCat("the build took longer than its limit of ",
                                                      absl::FormatDuration(solve.timeout),
                                                      " (option `timeout`)"));
  }
  if (!absl::IsFailedPrecondition(status) && !absl::IsInvalidArgument(status)) return status;
  // Of a kind that this daemon does not know, or to a place that does not take it.
  if (absl::StrContains(status.message(), "unknown cache exporter") ||
      absl::StrContains(log.FailedStep(), "exporting cache")) {
    return absl::AbortedError(status.message());
  }
  const std::string output = log.FailedOutput();
  if (!output.empty()) {
    status = absl::Status(status.code(), absl::StrCat(status.message(), "; it printed:\n", output));
  }
  return base::Annotate(status, request_.source);
}

absl::StatusOr<BuiltImage> BuildkitBuild::BuildInEngine() {
  Solve solve = MakeSolve(options_, request_, arguments_, !loans_.empty());
  PinContexts(request_, pinned_, &solve);
  ASSIGN_OR_RETURN(const std::string own, place_.engine->Negotiate(stop_));
  tag_ = absl::StrCat("stevedore-build:", base::RandomHex(16));
  solve.exporter = "moby";
  solve.exporter_attributes["name"] = tag_;
  absl::Status status = RunSolve(solve, nullptr);
  if (absl::IsAborted(status) && !solve.cache_to.empty()) {
    if (request_.log) {
      request_.log(absl::StrCat("warning: the build cache was not exported: ", status.message()));
    }
    // All steps are known now: this takes a moment.
    solve.cache_to.clear();
    status = RunSolve(solve, nullptr);
  }
  RETURN_IF_ERROR(status);
  Progress("export");
  ASSIGN_OR_RETURN(const std::optional<transfer::EngineImage> image,
                   place_.engine->InspectImage(tag_, stop_));
  if (!image.has_value()) {
    return absl::UnavailableError(absl::StrCat("image ", tag_,
                                               " was built, but is not in the Docker engine at ",
                                               place_.engine->address().ToString(), " any more"));
  }
  ASSIGN_OR_RETURN(const oci::Compression compression,
                   oci::Compression::Parse(options_.common.compression), "options.compression");
  const DockerExport parts{.resources = driver_.resources_,
                           .request = request_,
                           .compression = compression,
                           .names = &driver_.names_,
                           .stop = stop_};
  if (image->diff_ids.empty()) {
    base::StringSource nothing("");
    return ImportArchive(parts, *image, nothing);  // Which says what is wrong.
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<base::ByteSource> archive,
                   place_.engine->ExportImage(image->id, stop_));
  ASSIGN_OR_RETURN(BuiltImage built, ImportArchive(parts, *image, *archive));
  if (options_.common.keep_image) RETURN_IF_ERROR(Keep());
  return built;
}

absl::Status BuildkitBuild::Keep() {
  std::vector<std::string> names = request_.facts.tags;
  names.insert(names.begin(), request_.reference);
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(const oci::Reference reference, oci::Reference::Parse(name));
    RETURN_IF_ERROR(place_.engine->TagImage(tag_, reference.Name(), reference.tag(), stop_),
                    "keep_image: name it ", name);
  }
  return absl::OkStatus();
}

absl::StatusOr<BuiltImage> BuildkitBuild::BuildInDaemon() {
  Solve solve = MakeSolve(options_, request_, arguments_, false);
  PinContexts(request_, pinned_, &solve);
  solve.exporter = "oci";
  solve.exporter_attributes["compression"] =
      absl::StartsWith(options_.common.compression, "zstd") ? "zstd" : "gzip";
  for (CachePlace& place : solve.cache_to) place.attributes["ignore-error"] = "true";
  const std::string& scratch = driver_.resources_.scratch_directory;
  if (!scratch.empty()) RETURN_IF_ERROR(base::MakeDirectories(scratch));
  ASSIGN_OR_RETURN(const base::TemporaryDirectory folder,
                   base::TemporaryDirectory::Create(
                       scratch.empty() ? "" : base::JoinPath(scratch, "buildkit.")));
  const std::string path = base::JoinPath(folder.path(), "image.tar");
  absl::Status status;
  for (int attempt = 0; attempt < 2; ++attempt) {
    ASSIGN_OR_RETURN(base::FileDescriptor file,
                     base::OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC, 0600));
    base::FileSink sink(std::move(file), path);
    status = RunSolve(solve, &sink);
    if (!absl::IsAborted(status) || solve.cache_to.empty()) break;
    if (request_.log) {
      request_.log(absl::StrCat("warning: the build cache was not exported: ", status.message()));
    }
    solve.cache_to.clear();
  }
  RETURN_IF_ERROR(status);
  Progress("import");
  ASSIGN_OR_RETURN(const std::unique_ptr<base::FileSource> tar, base::FileSource::Open(path));
  ASSIGN_OR_RETURN(const oci::Layout layout,
                   oci::ReadLayoutArchive(*tar, base::JoinPath(folder.path(), "layout")),
                   "BuildKit's result");
  return TakeLayoutImage(request_, layout, stop_);
}

absl::StatusOr<BuildkitDriver::Place*> BuildkitDriver::GetPlace() {
  base::MutexLock lock(&mu_);
  if (place_ != nullptr) return place_.get();
  auto place = std::make_unique<Place>();
  ASSIGN_OR_RETURN(const std::optional<BuildkitAddress> address,
                   BuildkitAddress::FromEnvironment(environment_));
  if (address.has_value()) {
    ASSIGN_OR_RETURN(place->client, BuildkitClient::Create(*address));
  } else {
    ASSIGN_OR_RETURN(transfer::DockerEngineAddress engine,
                     transfer::DockerEngineAddress::FromEnvironment(environment_));
    place->engine = std::make_unique<transfer::DockerEngine>(&http_, std::move(engine));
    place->parents = std::make_unique<DockerParents>(place->engine.get(), resources_);
    place->client = BuildkitClient::Create(place->engine.get());
  }
  place_ = std::move(place);
  return place_.get();
}

absl::StatusOr<BuiltImage> BuildkitDriver::Build(const BuildRequest& request,
                                                 std::stop_token stop) {
  ASSIGN_OR_RETURN(Place* const place, GetPlace());
  return BuildkitBuild(*this, *place, request, std::move(stop)).Run();
}

}  // namespace stevedore::worker
