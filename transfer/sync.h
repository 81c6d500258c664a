// Mirroring: many repositories follow others, each tag on its own.

#ifndef STEVEDORE_TRANSFER_SYNC_H_
#define STEVEDORE_TRANSFER_SYNC_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "oci/image/digest.h"
#include "transfer/copier.h"
#include "transfer/image_sink.h"
#include "transfer/image_source.h"
#include "transfer/sync_job.h"

namespace stevedore::transfer {

// What became of one tag.
enum class SyncAction : uint8_t {
  kCopied,     // In a dry run: would be.
  kUnchanged,  // The destination had it.
  kDeleted,    // In a dry run: would be.
  kKept,       // Extraneous, but not deleted: `status` of tag or job says why.
  kFailed,     // `status` says why.
};

// "copied", "unchanged", ... Thread-safe.
absl::string_view SyncActionName(SyncAction action);

// One tag of one job. A value.
struct SyncTagResult {
  std::string source;  // Tag or digest there; empty for what is deleted.
  std::string tag;     // At the destination; empty: by digest only.
  SyncAction action = SyncAction::kFailed;
  oci::Digest digest = {};  // At the destination.
  uint64_t bytes_copied = 0;
  absl::Status status = absl::OkStatus();
};

// One job. A value.
struct SyncJobResult {
  std::string name, source, destination;
  // Why the job could not begin, or could not delete; of its tags each says for itself.
  absl::Status status = absl::OkStatus();
  // As planned: wanted tags, digests, then extraneous tags.
  std::vector<SyncTagResult> tags;
};

// All jobs, in the order of the settings. A value.
struct SyncReport {
  std::vector<SyncJobResult> jobs;

  // How many tags ended as `action`. O(tags).
  size_t Count(SyncAction action) const;
  // OK; CANCELLED if the run was; UNAVAILABLE if all that failed is a matter of network, space or
  // permission; else ABORTED. Says how many of how many failed.
  absl::Status Overall() const;
};

// The images of a job's source.
struct SyncSource {
  std::shared_ptr<ImageSource> images;
  // If not empty: whatever tag is wanted, this is what the place's only image is called there.
  std::string only = "";
};

// Opens what jobs name. Both are called from several threads.
struct SyncPlaces {
  // Once for each job.
  std::function<absl::StatusOr<SyncSource>(const SyncJob&, std::stop_token)> source;
  // For each image, as a `dir:` is one image. `name`: its tag at the destination, or its digest if
  // it has none; empty: the place as such.
  std::function<absl::StatusOr<std::shared_ptr<ImageSink>>(const SyncJob&, const std::string& name,
                                                           std::stop_token)>
      sink;
};

// What a run is asked to do beyond its jobs.
struct SyncOptions {
  bool dry_run = false;
  // False: after the first failure nothing else begins; what did not is CANCELLED.
  bool keep_going = true;
  // Told about each tag that is done, from any thread, one call after the other. May be null.
  std::function<void(const SyncJobResult& job, const SyncTagResult& tag)> on_tag = nullptr;
};

// Runs `settings.jobs`, `settings.parallel` tags at once. Jobs and tags fail each for itself. An
// unchanged tag costs what the Copier asks for it: one HEAD on each side. Deletions come when all
// tags of their job are there, and not at all if one of them failed. A tag is deleted by its name;
// where a place can only delete by digest, only if no tag that stays leads to that manifest.
// `copier` must outlive the call. Thread-safe.
SyncReport RunSync(const SyncSettings& settings, Copier* copier, const SyncPlaces& places,
                   const SyncOptions& options = {}, std::stop_token stop = {});

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_SYNC_H_
