#include "worker/drivers/docker.h"

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/status.h"
#include "context/tree.h"
#include "graph/dockerfile_options.h"
#include "oci/image/reference.h"
#include "oci/layer/compression.h"
#include "transfer/docker_engine_error.h"
#include "worker/drivers/context_tar.h"
#include "worker/drivers/docker_inputs.h"
#include "worker/drivers/docker_output.h"

namespace stevedore::worker {
namespace {

// How long an engine may take to end a build whose client has gone, before that is worth a warning.
constexpr absl::Duration kEndingTime = absl::Seconds(20);
// Bytes of context between two reports of progress.
constexpr uint64_t kProgressStep = 1 << 20;

// One build of one image. Used by one thread.
class DockerBuild {
 public:
  DockerBuild(const DriverResources& resources, const BuildRequest& request,
              transfer::DockerEngine& engine, DockerParents& parents, ArchiveNames& names,
              std::stop_token stop)
      : resources_(resources),
        request_(request),
        engine_(engine),
        parents_(parents),
        names_(names),
        stop_(std::move(stop)),
        output_(request.log,
                [this](absl::string_view step) { Progress(std::string(step), 0, 0); }) {}
  DockerBuild(const DockerBuild&) = delete;
  DockerBuild& operator=(const DockerBuild&) = delete;
  ~DockerBuild() {
    if (tag_.empty()) return;
    // Also after a failure: the engine may have named the image before the failure showed.
    Warn("built image stays in the engine",
         engine_.RemoveImage(tag_, {.force = false, .with_parents = false}));
  }

  absl::StatusOr<BuiltImage> Run() {
    ASSIGN_OR_RETURN(options_, graph::DockerfileOptions::Parse(request_.options_json), "options");
    ASSIGN_OR_RETURN(compression_, oci::Compression::Parse(options_.compression),
                     "options.compression");
    if (request_.context == nullptr) {
      return absl::InvalidArgumentError(
          "driver docker needs a context with the Dockerfile; add `context: [{path: FOLDER}]`");
    }
    RETURN_IF_ERROR(engine_.Negotiate(stop_).status());
    RETURN_IF_ERROR(PinParents());
    RETURN_IF_ERROR(BuildInEngine());
    absl::StatusOr<BuiltImage> built = TakeImage();
    // The engine's part is over: what is missing then is an infrastructure's failure.
    if (built.ok() && options_.keep_image) RETURN_IF_ERROR(Keep());
    return built;
  }

 private:
  void Progress(std::string phase, uint64_t done, uint64_t total) const {
    if (!request_.progress) return;
    request_.progress({.phase = std::move(phase), .bytes_done = done, .bytes_total = total});
  }
  static void Warn(absl::string_view what, const absl::Status& status) {
    // An engine that is gone was reported already.
    if (status.ok() || absl::IsUnavailable(status)) return;
    base::Log(base::LogLevel::kWarning, what, {{"error", status.message()}});
  }

  absl::Status PinParents();
  absl::StatusOr<std::string> ForeignPlatform();
  absl::Status PullBases(const std::string& platform);
  absl::Status BuildInEngine();
  // What ended the build inside the stream, and what ended the stream.
  absl::Status ReportedFailure() const;
  absl::Status Failure(const absl::Status& status);
  void AwaitEnd();
  absl::StatusOr<BuiltImage> TakeImage();
  absl::Status Keep();

  const DriverResources& resources_;
  const BuildRequest& request_;
  transfer::DockerEngine& engine_;
  DockerParents& parents_;
  ArchiveNames& names_;
  const std::stop_token stop_;
  graph::DockerfileOptions options_;
  oci::Compression compression_;
  DockerOutput output_;

  std::vector<DockerParents::Loan> loans_;
  std::vector<PinnedParent> pinned_;
  std::map<std::string, std::string> arguments_;
  PinnedContext context_;
  std::map<std::string, credentials::Credential> logins_;
  std::string tag_;  // Of the result, until this goes.
};

absl::Status DockerBuild::PinParents() {
  for (const ParentImage& parent : request_.parents) {
    if (request_.facts.to_registry) {
      ASSIGN_OR_RETURN(PinnedParent pinned, PinByDigest(parent));
      pinned_.push_back(std::move(pinned));
    } else {
      Progress(absl::StrCat("load ", parent.id), 0, 0);
      ASSIGN_OR_RETURN(DockerParents::Loan loan, parents_.Lend(parent, stop_));
      pinned_.push_back({.reference = loan.name(), .tag = loan.tag()});
      loans_.push_back(std::move(loan));
    }
  }
  arguments_ = PinnedArguments(request_, pinned_);
  ASSIGN_OR_RETURN(context_, PinContext(request_, options_.dockerfile, arguments_, pinned_));
  ASSIGN_OR_RETURN(logins_,
                   FindLogins(request_, context_.references, options_, resources_.credentials));
  return absl::OkStatus();
}

absl::StatusOr<std::string> DockerBuild::ForeignPlatform() {
  ASSIGN_OR_RETURN(const transfer::EngineVersion version, engine_.Version(stop_));
  const oci::Platform& wanted = request_.platform;
  const bool own = wanted.os == version.os && wanted.architecture == version.architecture &&
                   (wanted.variant.empty() || wanted.architecture != "arm");
  return own ? std::string() : wanted.ToString();
}

absl::Status DockerBuild::PullBases(const std::string& platform) {
  // With parents that are only in the engine, `pull` would look for those in registries.
  if (!options_.pull || loans_.empty()) return absl::OkStatus();
  options_.pull = false;
  for (const DockerfileReference& reference : context_.references) {
    const bool lent = std::any_of(loans_.begin(), loans_.end(),
                                  [&](const auto& loan) { return loan.name() == reference.image; });
    if (lent) continue;
    const absl::StatusOr<oci::Reference> parsed = oci::Reference::Parse(reference.image);
    if (!parsed.ok()) continue;
    const auto login = logins_.find(parsed->registry());
    RETURN_IF_ERROR(
        engine_.PullImage(
            reference.image, platform, login == logins_.end() ? nullptr : &login->second,
            [this](const transfer::EngineMessage& message) {
              if (message.error.empty()) output_.Take(message);
              return absl::OkStatus();
            },
            stop_),
        "pull ", reference.image);
  }
  return absl::OkStatus();
}

absl::Status DockerBuild::BuildInEngine() {
  ASSIGN_OR_RETURN(const std::string platform, ForeignPlatform());
  RETURN_IF_ERROR(PullBases(platform));
  ASSIGN_OR_RETURN(const std::unique_ptr<ContextTar> tar,
                   ContextTar::Create(context_.tree, request_.source_date_epoch.value_or(0)));
  tar->OnProgress([this, total = tar->size(), told = uint64_t{0}](uint64_t done) mutable {
    if (done < told + kProgressStep && done < total) return;
    told = done;
    Progress("send context", done, total);
  });
  tag_ = absl::StrCat("stevedore-build:", base::RandomHex(16));
  transfer::DockerEngine::BuildInput input;
  input.query = BuildQuery(options_, arguments_, request_.labels, platform, tag_);
  input.logins = logins_;
  input.context = tar.get();
  input.size = tar->size();
  input.timeout = std::min(options_.timeout, request_.limits.time);
  const absl::Status status = engine_.Build(
      input,
      [this](const transfer::EngineMessage& message) {
        output_.Take(message);
        return absl::OkStatus();
      },
      stop_);
  output_.Finish();
  if (!status.ok()) {
    AwaitEnd();
    return Failure(status);
  }
  if (!output_.error().empty()) return ReportedFailure();
  if (output_.image_id().empty()) {
    return absl::UnavailableError(
        absl::StrCat("the Docker engine at ", engine_.address().ToString(),
                     " ended the build without an image and without an error; see its log "
                     "(`journalctl -u docker`)"));
  }
  return absl::OkStatus();
}

absl::Status DockerBuild::ReportedFailure() const {
  std::string report = output_.ErrorReport();
  // A command that could not write: no other build would fare better here.
  if (output_.disk_full()) absl::StrAppend(&report, ": no space left on device");
  const absl::Status status = transfer::EngineReportedError(engine_.address(), report);
  const bool users = absl::IsInvalidArgument(status) || absl::IsNotFound(status) ||
                     absl::IsFailedPrecondition(status);
  return users ? base::Annotate(status, request_.source) : status;
}

absl::Status DockerBuild::Failure(const absl::Status& status) {
  if (absl::IsDeadlineExceeded(status)) {
    return absl::FailedPreconditionError(
        absl::StrCat("the build took longer than its limit of ",
                     absl::FormatDuration(std::min(options_.timeout, request_.limits.time)),
                     " (option `timeout`)"));
  }
  if (absl::IsInvalidArgument(status) || absl::IsNotFound(status)) {
    return base::Annotate(status, request_.source);
  }
  return status;
}

void DockerBuild::AwaitEnd() {
  // The engine sees that nobody listens any more, kills the step's container and removes it. That
  // takes a moment; who is told that a build ended may rely on it.
  const absl::Time deadline = absl::Now() + kEndingTime;
  for (const std::string& container : output_.containers()) {
    while (true) {
      const absl::StatusOr<bool> there = engine_.HasContainer(container);
      // An engine that is gone runs nothing, or will be found out by whoever restarts it.
      if (!there.ok() || !*there) break;
      if (absl::Now() >= deadline) {
        // Not removed by us: its id is what the output said, which a step can forge.
        base::Log(base::LogLevel::kWarning, "container of a build that ended still runs",
                  {{"container", container}, {"engine", engine_.address().ToString()}});
        break;
      }
      absl::SleepFor(absl::Milliseconds(50));
    }
  }
}

absl::StatusOr<BuiltImage> DockerBuild::TakeImage() {
  Progress("export", 0, 0);
  const std::string& id = output_.image_id();
  ASSIGN_OR_RETURN(const std::optional<transfer::EngineImage> image,
                   engine_.InspectImage(id, stop_));
  if (!image.has_value()) {
    return absl::UnavailableError(
        absl::StrCat("image ", id, " was built, but somebody removed it from the Docker engine at ",
                     engine_.address().ToString()));
  }
  const DockerExport parts{.resources = resources_,
                           .request = request_,
                           .compression = compression_,
                           .names = &names_,
                           .stop = stop_};
  if (image->diff_ids.empty()) {
    base::StringSource nothing("");
    return ImportArchive(parts, *image, nothing);  // Which says what is wrong.
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<base::ByteSource> archive, engine_.ExportImage(id, stop_));
  ASSIGN_OR_RETURN(BuiltImage built, ImportArchive(parts, *image, *archive));
  const oci::Platform& platform = built.image.config.platform();
  if (platform.Satisfies(request_.platform)) return built;
  return absl::InvalidArgumentError(absl::StrCat(
      request_.source, ": the engine built for ", platform.ToString(), ", wanted is ",
      request_.platform.ToString(),
      "; its base may exist for the other platform only, or the engine cannot run that one"));
}

absl::Status DockerBuild::Keep() {
  std::vector<std::string> names = request_.facts.tags;
  names.insert(names.begin(), request_.reference);
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(const oci::Reference reference, oci::Reference::Parse(name));
    RETURN_IF_ERROR(engine_.TagImage(output_.image_id(), reference.Name(), reference.tag(), stop_),
                    "keep_image: name it ", name);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<DockerDriver::Place*> DockerDriver::GetPlace() {
  base::MutexLock lock(&mu_);
  if (place_ == nullptr) {
    ASSIGN_OR_RETURN(transfer::DockerEngineAddress address,
                     transfer::DockerEngineAddress::FromEnvironment(environment_));
    place_ = std::make_unique<Place>(&http_, std::move(address), resources_);
  }
  return place_.get();
}

absl::StatusOr<BuiltImage> DockerDriver::Build(const BuildRequest& request, std::stop_token stop) {
  ASSIGN_OR_RETURN(Place* const place, GetPlace());
  return DockerBuild(resources_, request, place->engine, place->parents, names_, std::move(stop))
      .Run();
}

}  // namespace stevedore::worker
