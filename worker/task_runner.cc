#include "worker/task_runner.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "base/status.h"
#include "context/merged_tree.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"
#include "oci/image/platform.h"
#include "oci/image/reference.h"
#include "stevedore/v1/worker_service.pb.h"
#include "transfer/image_sink.h"
#include "transfer/image_source.h"
#include "worker/base_record.h"
#include "worker/commit.h"
#include "worker/publish.h"

namespace stevedore::worker {
namespace {

// Whether a driver's error is about the definition or its input, so that another attempt would end
// the same way.
bool IsUserError(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kUnimplemented:
      return true;
    default:
      return false;
  }
}

v1::Outcome Failed(const absl::Status& status, v1::FailureClass kind, const std::stop_token& stop) {
  v1::Outcome outcome;
  if (stop.stop_requested()) {
    outcome.set_kind(v1::Outcome::KIND_CANCELLED);
    return outcome;
  }
  outcome.set_kind(v1::Outcome::KIND_FAILED);
  outcome.set_failure_class(kind);
  outcome.set_error(std::string(status.message()));
  return outcome;
}

GitContextSource SourceOf(const v1::GitSource& git) {
  GitContextSource source;
  source.url = git.url();
  source.commit = git.commit();
  source.subdirectory = git.subdirectory();
  source.credentials_id = git.credentials_id();
  source.ssh_user = git.ssh_user();
  return source;
}

// One build run; see TaskRunner.
class BuildTask {
 public:
  BuildTask(const v1::BuildRun& run, RepositoryProvider& repositories, ContextProvider& contexts,
            ParentCache& parents, RunMonitor& monitor, std::stop_token stop)
      : run_(run),
        image_(run.image()),
        repositories_(repositories),
        contexts_(contexts),
        parent_cache_(parents),
        monitor_(monitor),
        stop_(std::move(stop)) {}

  // Opens the target and asks for the known result. True if that is all there is to do.
  absl::StatusOr<bool> CheckKnown() {
    ASSIGN_OR_RETURN(const oci::Reference reference, oci::Reference::Parse(image_.reference()));
    ASSIGN_OR_RETURN(target_, repositories_.Open(reference));
    if (run_.known_result().digest().empty()) return false;
    monitor_.SetPhase("reuse");
    ASSIGN_OR_RETURN(const std::optional<oci::Descriptor> known,
                     target_.source->HeadManifest(run_.known_result().digest(), stop_));
    return known.has_value();
  }

  absl::Status GetParents() {
    if (run_.parents_size() == 0) return absl::OkStatus();
    monitor_.SetPhase("parents");
    for (const v1::ParentImage& wanted : run_.parents()) {
      const std::string what = absl::StrCat("parent ", wanted.id());
      ASSIGN_OR_RETURN(oci::Reference reference, oci::Reference::Parse(wanted.reference()), what);
      ASSIGN_OR_RETURN(const oci::Digest digest, oci::Digest::Parse(wanted.digest()), what);
      ASSIGN_OR_RETURN(Repository repository, repositories_.Open(reference), what);
      ParentImage parent;
      parent.id = wanted.id();
      parent.reference = wanted.reference();
      ASSIGN_OR_RETURN(parent.image, parent_cache_.Get(digest, repository), what, " (",
                       wanted.reference(), "@", wanted.digest(), ")");
      request_.parents.push_back(std::move(parent));
      places_.push_back(ImagePlace{std::move(reference), std::move(repository)});
    }
    return absl::OkStatus();
  }

  absl::Status GetContexts() {
    if (image_.contexts_size() == 0) return absl::OkStatus();
    monitor_.SetPhase("context");
    std::vector<std::shared_ptr<const context::Tree>> trees;
    for (const v1::BuildContext& wanted : image_.contexts()) {
      ContextRequest request;
      request.path = wanted.path();
      request.artifact_repository = run_.artifact_repository();
      if (wanted.has_git()) request.git = SourceOf(wanted.git());
      request.owner = absl::StrCat("image ", image_.id());
      request.progress = [this](uint64_t bytes) { monitor_.AddBytes(bytes); };
      request.stop = stop_;
      ASSIGN_OR_RETURN(request.tree_digest, oci::Digest::Parse(wanted.tree_digest()), "context ",
                       wanted.path());
      ASSIGN_OR_RETURN(std::shared_ptr<const context::Tree> tree, contexts_.Open(request));
      trees.push_back(std::move(tree));
    }
    if (trees.size() == 1) {
      request_.context = std::move(trees[0]);
    } else {
      request_.context = context::MergedTree::Create(std::move(trees));
    }
    return absl::OkStatus();
  }

  absl::Status Build(Driver& driver) {
    request_.id = image_.id();
    request_.reference = image_.reference();
    request_.source = image_.source();
    SetFacts();
    ASSIGN_OR_RETURN(request_.platform, oci::Platform::Parse(run_.platform()));
    request_.options_json = image_.options_json();
    request_.arguments.insert(image_.arguments().begin(), image_.arguments().end());
    request_.parent_arguments.insert(image_.parent_arguments().begin(),
                                     image_.parent_arguments().end());
    request_.labels.insert(image_.labels().begin(), image_.labels().end());
    if (image_.has_source_date_epoch()) {
      request_.source_date_epoch = image_.source_date_epoch();
    }
    request_.output = target_.sink.get();
    request_.log = [this](absl::string_view line) { monitor_.LogLine(line); };
    request_.progress = [this](const BuildProgress& progress) {
      monitor_.SetPhase(progress.phase, progress.bytes_total);
      monitor_.SetBytes(progress.bytes_done);
    };
    monitor_.SetPhase("build");
    ASSIGN_OR_RETURN(built_, driver.Build(request_, stop_));
    if (request_.parents.empty()) return absl::OkStatus();
    return RecordBase(request_.parents.front(), &built_.image);
  }

  absl::Status Push() {
    monitor_.SetPhase("push");
    std::vector<ImagePlace> places = places_;
    places.insert(places.end(), built_.other_places.begin(), built_.other_places.end());
    RETURN_IF_ERROR(Publish(built_, target_, places, monitor_, stop_));
    monitor_.LogLine(absl::StrCat("pushed ", built_.image.manifest.digest().ToString(), " to ",
                                  target_.sink->Describe()));
    return absl::OkStatus();
  }

  v1::Outcome Succeeded() const {
    v1::Outcome outcome;
    outcome.set_kind(v1::Outcome::KIND_SUCCEEDED);
    const oci::Manifest& manifest = built_.image.manifest;
    v1::ManifestResult* const result = outcome.mutable_result();
    result->set_digest(manifest.digest().ToString());
    result->set_media_type(manifest.media_type());
    result->set_size(static_cast<int64_t>(manifest.bytes().size()));
    result->set_image_bytes(static_cast<int64_t>(manifest.ImageBytes()));
    result->set_platform(run_.platform());
    return outcome;
  }

 private:
  void SetFacts() {
    ImageFacts& facts = request_.facts;
    const absl::StatusOr<oci::Reference> reference = oci::Reference::Parse(image_.reference());
    if (reference.ok()) {  // CheckKnown opened it.
      facts.registry = reference->registry();
      const std::string& path = reference->repository();
      const size_t slash = path.rfind('/');
      facts.name = slash == std::string::npos ? path : path.substr(slash + 1);
      facts.name_space = slash == std::string::npos ? "" : path.substr(0, slash);
      facts.version = reference->tag();
    }
    facts.tags.assign(image_.tags().begin(), image_.tags().end());
    facts.builder = image_.builder();
    facts.to_registry = !target_.mount_domain.empty();
    if (run_.has_time_limit()) {
      request_.limits.time =
          absl::Seconds(run_.time_limit().seconds()) + absl::Nanoseconds(run_.time_limit().nanos());
    }
  }

  const v1::BuildRun& run_;
  const v1::Image& image_;
  RepositoryProvider& repositories_;
  ContextProvider& contexts_;
  ParentCache& parent_cache_;
  RunMonitor& monitor_;
  const std::stop_token stop_;
  Repository target_;
  std::vector<ImagePlace> places_;  // Beside request_.parents.
  BuildRequest request_;
  BuiltImage built_;
};

}  // namespace

v1::Outcome TaskRunner::Execute(const v1::Assignment& assignment, RunMonitor& monitor,
                                std::stop_token stop) {
  if (assignment.has_commit()) {
    return Commit(assignment.commit(), *repositories_, monitor, std::move(stop));
  }
  return Build(assignment.build(), monitor, std::move(stop));
}

v1::Outcome TaskRunner::Build(const v1::BuildRun& run, RunMonitor& monitor, std::stop_token stop) {
  const v1::Image& image = run.image();
  const auto driver = drivers_->find(image.driver());
  if (driver == drivers_->end()) {
    return Failed(absl::InvalidArgumentError(
                      absl::StrCat("no driver ", base::Quoted(image.driver()), " here; there are: ",
                                   absl::StrJoin(*drivers_, ", ",
                                                 [](std::string* out, const auto& known) {
                                                   absl::StrAppend(out, known.first);
                                                 }))),
                  v1::FAILURE_CLASS_USER, stop);
  }
  BuildTask task(run, *repositories_, *contexts_, parents_, monitor, stop);
  const absl::StatusOr<bool> known = task.CheckKnown();
  if (!known.ok()) return Failed(known.status(), v1::FAILURE_CLASS_INFRASTRUCTURE, stop);
  if (*known) {
    v1::Outcome outcome;
    outcome.set_kind(v1::Outcome::KIND_REUSED);
    *outcome.mutable_result() = run.known_result();
    return outcome;
  }
  absl::Status status = task.GetParents();
  if (status.ok()) status = task.GetContexts();
  if (!status.ok()) {
    // A context folder that changed under an embedded build is the user's to settle.
    const bool user = absl::IsFailedPrecondition(status);
    return Failed(status, user ? v1::FAILURE_CLASS_USER : v1::FAILURE_CLASS_INFRASTRUCTURE, stop);
  }
  status = task.Build(*driver->second);
  if (!status.ok()) {
    return Failed(status,
                  IsUserError(status) ? v1::FAILURE_CLASS_USER : v1::FAILURE_CLASS_INFRASTRUCTURE,
                  stop);
  }
  status = task.Push();
  if (!status.ok()) return Failed(status, v1::FAILURE_CLASS_INFRASTRUCTURE, stop);
  return task.Succeeded();
}

}  // namespace stevedore::worker
