// One copy, from its first question to its last tag.

#ifndef STEVEDORE_TRANSFER_COPY_JOB_H_
#define STEVEDORE_TRANSFER_COPY_JOB_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/memory_budget.h"
#include "base/mutex.h"
#include "base/thread_pool.h"
#include "oci/image/descriptor.h"
#include "oci/image/manifest.h"
#include "transfer/copy_blobs.h"
#include "transfer/copy_options.h"
#include "transfer/copy_tree.h"
#include "transfer/image_sink.h"
#include "transfer/image_source.h"

namespace stevedore::transfer {

// What one copy is about. The pointers must outlive the job.
struct CopyTask {
  ImageSource* from = nullptr;
  std::string tag_or_digest;
  ImageSink* to = nullptr;
  std::string tag;
  CopyOptions options;
};

// Runs one copy: Copier::Copy. Run is called once, by one thread.
class CopyJob {
 public:
  // The pointers must outlive the job.
  CopyJob(CopyTask task, BlobFlights* flights, base::MemoryBudget* budget, std::stop_token stop);
  ~CopyJob();

  absl::StatusOr<CopyResult> Run();

 private:
  absl::Status CheckOptions() const;
  bool rewrites() const {
    return task_.options.format.has_value() || task_.options.compression.has_value();
  }
  // True if what is at the destination under the source's digest need not be looked into.
  bool trusts() const { return !rewrites() && !task_.options.referrers && !task_.options.recheck; }
  // Asks what the destination's tags name. Drops those that must stay (no_clobber).
  absl::Status LookAtTags();
  // True if every tag (if there is none: the destination) has `digest`.
  absl::StatusOr<bool> IsThere(const oci::Digest& digest);
  absl::StatusOr<CopyResult> Conclude();

  // Everything below `root`; root.document is then ready to be put.
  absl::Status CopyBelow(CopyNode& root);
  absl::Status CopyLeaves(const std::vector<CopyNode*>& leaves, const CopyNode* root);
  absl::Status CopyLeaf(CopyNode& leaf, bool is_root);
  // Blobs, and the manifest that is right for them. Sets `there` if the destination has that
  // already: then it has the blobs, too.
  absl::StatusOr<oci::Manifest> MoveContent(const oci::Manifest& manifest, bool* there);
  absl::StatusOr<oci::Manifest> RecompressLayers(const oci::Manifest& manifest);
  absl::Status FinishIndex(CopyNode& node, bool is_root);
  absl::Status CheckPreserved(const oci::Descriptor& source, const oci::Digest& now);

  // What is attached to `node` and all below it.
  absl::Status CopyReferrers(const CopyNode& node);
  absl::Status CopyReferrersOf(const oci::Digest& subject, int depth);
  absl::StatusOr<std::vector<oci::Descriptor>> ListReferrers(const oci::Digest& subject);

  // Whether the destination has this manifest already, by digest.
  absl::StatusOr<bool> DestinationHas(const oci::Digest& digest);
  absl::Status PutByDigest(const RawManifest& document) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status PutTags(const RawManifest& document) ABSL_LOCKS_EXCLUDED(mu_);
  // Runs `work` for 0 ≤ i < `count` on the blob threads; the first error stops the others.
  absl::Status ForEachBlob(size_t count, absl::FunctionRef<absl::Status(size_t)> work)
      ABSL_LOCKS_EXCLUDED(mu_);
  // Remembers the first error and stops everything; returns the first.
  absl::Status Fail(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mu_);

  CopyTask task_;
  ImageSource& from_;
  ImageSink& to_;
  std::stop_source stop_;  // Requested by the caller's token or the first failure.
  BlobMover mover_;
  std::vector<std::string> tags_;                            // To be written, the main one last.
  std::map<std::string, std::optional<oci::Digest>> named_;  // What tags_ named before.
  oci::Digest source_digest_;  // Of what the source's name means; empty until known.
  CopyTree tree_;
  CopyNode root_;
  std::set<oci::Digest> attached_;  // Referrers dealt with.

  base::Mutex mu_;
  base::CondVar blob_ended_;
  absl::Status error_ ABSL_GUARDED_BY(mu_);
  CopyResult result_ ABSL_GUARDED_BY(mu_);
  std::optional<base::ThreadPool> blob_threads_;  // Made when the first blob is to move.
  // Last: gone before what it stops.
  const std::stop_callback<std::function<void()>> forward_stop_;
};

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_COPY_JOB_H_
