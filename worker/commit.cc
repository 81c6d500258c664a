#include "worker/commit.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"
#include "oci/image/reference.h"
#include "stevedore/v1/worker_service.pb.h"
#include "transfer/image_sink.h"
#include "transfer/image_source.h"

namespace stevedore::worker {
namespace {

// One reference on its way to its digest.
struct Move {
  const v1::CommitRun::Move* wanted;
  oci::Reference reference;
  Repository repository;
  v1::TagStatus* status;
  bool done = false;
};

// What a registry answers to a manifest that names content it does not have.
bool SaysBlobUnknown(const absl::Status& status) {
  return absl::StrContains(status.message(), "MANIFEST_BLOB_UNKNOWN") ||
         absl::StrContains(status.message(), "BLOB_UNKNOWN") ||
         absl::StrContains(status.message(), "MANIFEST_UNKNOWN");
}

// Runs one commit; see Commit.
class Committer {
 public:
  Committer(RepositoryProvider& repositories, RunMonitor& monitor, std::stop_token stop)
      : repositories_(repositories), monitor_(monitor), stop_(std::move(stop)) {}

  v1::Outcome Run(const v1::CommitRun& run) {
    const absl::Status status = MoveAll(run);
    if (status.ok()) {
      outcome_.set_kind(v1::Outcome::KIND_SUCCEEDED);
    } else if (stop_.stop_requested()) {
      outcome_.set_kind(v1::Outcome::KIND_CANCELLED);
    } else {
      outcome_.set_kind(v1::Outcome::KIND_FAILED);
      outcome_.set_error(std::string(status.message()));
      outcome_.set_failure_class(v1::FAILURE_CLASS_INFRASTRUCTURE);
    }
    return std::move(outcome_);
  }

 private:
  absl::Status MoveAll(const v1::CommitRun& run) {
    for (const v1::CommitRun::Move& wanted : run.moves()) {
      v1::TagStatus* const status = outcome_.add_tags();
      status->set_reference(wanted.reference());
      status->set_digest(wanted.digest());
    }
    std::vector<Move> moves;
    for (int i = 0; i < run.moves_size(); ++i) {
      ASSIGN_OR_RETURN(oci::Reference reference, oci::Reference::Parse(run.moves(i).reference()));
      ASSIGN_OR_RETURN(Repository repository, repositories_.Open(reference),
                       run.moves(i).reference());
      moves.push_back(Move{&run.moves(i), std::move(reference), std::move(repository),
                           outcome_.mutable_tags(i)});
    }
    monitor_.SetPhase("tags", moves.size());
    // Indexes first, by digest: a tag must never name what is not there.
    for (Move& move : moves) {
      if (!move.wanted->index().empty()) RETURN_IF_ERROR(Note(move, PutIndex(move)));
    }
    absl::Status first;
    for (Move& move : moves) {
      const absl::Status status = Note(move, MoveOne(move));
      // A tag that is refused does not keep the others from moving.
      if (!status.ok() && first.ok()) first = status;
      if (stop_.stop_requested() || !outcome_.missing_manifest().empty()) return first;
      monitor_.AddBytes(1);
    }
    for (Move& move : moves) {
      if (!move.done) continue;
      const absl::Status status = Note(move, Verify(move));
      if (!status.ok() && first.ok()) first = status;
    }
    return first;
  }

  // Records a failure with its tag and passes it on.
  absl::Status Note(Move& move, const absl::Status& status) {
    if (status.ok()) return status;
    const absl::Status told = base::Annotate(status, move.wanted->reference());
    move.status->set_error(std::string(told.message()));
    move.status->set_moved(false);
    move.done = false;
    return told;
  }

  absl::Status BeforePut() {
    if (stop_.stop_requested()) return absl::CancelledError("the commit was cancelled");
    if (monitor_.LeaseLives()) return absl::OkStatus();
    return absl::UnavailableError(
        "the coordinator was not heard for longer than the lease; another worker will finish");
  }

  absl::Status PutIndex(Move& move) {
    RETURN_IF_ERROR(BeforePut());
    const absl::Status status = move.repository.sink
                                    ->PutManifest(move.wanted->digest(), move.wanted->index(),
                                                  move.wanted->media_type(), stop_)
                                    .status();
    if (SaysBlobUnknown(status)) outcome_.set_missing_manifest(move.wanted->digest());
    return base::Annotate(status, "put index");
  }

  absl::Status MoveOne(Move& move) {
    const std::string& tag = move.reference.tag();
    if (tag.empty()) return absl::InvalidArgumentError("has no tag to move");
    ASSIGN_OR_RETURN(const std::optional<oci::Descriptor> present,
                     move.repository.source->HeadManifest(tag, stop_));
    if (present.has_value() && present->digest.ToString() == move.wanted->digest()) {
      move.status->set_unchanged(true);
      move.done = true;
      return absl::OkStatus();
    }
    std::string bytes = move.wanted->index();
    std::string media_type = move.wanted->media_type();
    if (bytes.empty()) {
      absl::StatusOr<transfer::RawManifest> manifest =
          move.repository.source->GetManifest(move.wanted->digest(), stop_);
      if (absl::IsNotFound(manifest.status())) {
        outcome_.set_missing_manifest(move.wanted->digest());
      }
      RETURN_IF_ERROR(manifest.status());
      bytes = std::move(manifest->bytes);
      media_type = std::move(manifest->media_type);
    }
    RETURN_IF_ERROR(BeforePut());
    const absl::Status status =
        move.repository.sink->PutManifest(tag, bytes, media_type, stop_).status();
    if (SaysBlobUnknown(status)) outcome_.set_missing_manifest(move.wanted->digest());
    RETURN_IF_ERROR(status);
    monitor_.LogLine(absl::StrCat(move.wanted->reference(), " -> ", move.wanted->digest()));
    move.status->set_moved(true);
    move.done = true;
    return absl::OkStatus();
  }

  absl::Status Verify(Move& move) {
    ASSIGN_OR_RETURN(const std::optional<oci::Descriptor> present,
                     move.repository.source->HeadManifest(move.reference.tag(), stop_));
    if (present.has_value() && present->digest.ToString() == move.wanted->digest()) {
      return absl::OkStatus();
    }
    return absl::AbortedError(absl::StrCat(
        "names ", present.has_value() ? present->digest.ToString() : std::string("nothing"),
        " right after it was made to name ", move.wanted->digest(),
        ": somebody else moves this tag too"));
  }

  RepositoryProvider& repositories_;
  RunMonitor& monitor_;
  const std::stop_token stop_;
  v1::Outcome outcome_;
};

}  // namespace

v1::Outcome Commit(const v1::CommitRun& run, RepositoryProvider& repositories, RunMonitor& monitor,
                   std::stop_token stop) {
  return Committer(repositories, monitor, std::move(stop)).Run(run);
}

}  // namespace stevedore::worker
