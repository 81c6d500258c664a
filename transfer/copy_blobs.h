// The blobs of a copy: found, mounted, or streamed.

#ifndef STEVEDORE_TRANSFER_COPY_BLOBS_H_
#define STEVEDORE_TRANSFER_COPY_BLOBS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/memory_budget.h"
#include "base/mutex.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"
#include "oci/layer/compression.h"
#include "transfer/copy_options.h"
#include "transfer/image_sink.h"
#include "transfer/image_source.h"

namespace stevedore::transfer {

// What the copies of one process know of each other's blobs. Thread-safe.
class BlobFlights {
 public:
  // Work on one blob for one destination. The stop token is that of the copy that runs it.
  using Work = std::function<absl::Status()>;

  // Runs `work`, or waits while another thread runs work under the same `key` and returns true if
  // that succeeded; if it failed, `work` runs here. False: `work` ran here. CANCELLED once `stop`
  // is requested while waiting.
  absl::StatusOr<bool> Once(const std::string& key, const Work& work, std::stop_token stop)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Who compresses a layer holds the one unit of this: each needs tens of MiB.
  base::MemoryBudget& compressions() { return compressions_; }

  // Notes that repository `repository` of `host` has the blob now.
  void Remember(const std::string& host, const oci::Digest& digest, const std::string& repository)
      ABSL_LOCKS_EXCLUDED(mu_);
  // A repository of `host` that has the blob; empty if none is known.
  std::string Find(const std::string& host, const oci::Digest& digest) const
      ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // A note costs about 200 bytes; all are dropped when there are so many.
  static constexpr size_t kMaxNotes = 50'000;

  // Work that runs.
  struct Flight {
    bool ended = false;
    bool succeeded = false;
  };

  base::MemoryBudget compressions_{1};
  mutable base::Mutex mu_;
  base::CondVar ended_;
  std::map<std::string, std::shared_ptr<Flight>> flights_ ABSL_GUARDED_BY(mu_);  // By key.
  std::map<std::pair<std::string, oci::Digest>, std::string> places_
      ABSL_GUARDED_BY(mu_);  // Repository by host and blob.
};

// Moves the blobs of one copy, each once. Thread-safe.
class BlobMover {
 public:
  // The pointers must outlive this. `on_event` may be null and is called by one thread at a time.
  BlobMover(ImageSource* from, ImageSink* to, const CopyOptions* options, BlobFlights* flights,
            base::MemoryBudget* budget);

  // Makes `blob` be at the destination. OK at once for a blob that this copy has dealt with.
  absl::Status Move(const oci::Descriptor& blob, std::stop_token stop) ABSL_LOCKS_EXCLUDED(mu_);

  // As Move for a config, which is read back if it had to be sent: DATA_LOSS if the destination
  // returns other bytes.
  absl::Status MoveConfig(const oci::Descriptor& config, std::stop_token stop)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Sends layer `layer`, whose tar is `diff_id`, compressed by `compression`. Returns the
  // descriptor of the new blob in OCI's media types. DATA_LOSS if the tar is another.
  absl::StatusOr<oci::Descriptor> Recompress(const oci::Descriptor& layer,
                                             const oci::Digest& diff_id,
                                             const oci::Compression& compression,
                                             std::stop_token stop) ABSL_LOCKS_EXCLUDED(mu_);

  // Tells on_event, if anybody listens.
  void Tell(CopyEvent event) ABSL_LOCKS_EXCLUDED(tell_mu_);

  // The counters of the result so far: blobs and bytes.
  CopyResult Counts() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  enum class Outcome { kThere, kMounted, kCopied };

  absl::Status MoveOnce(const oci::Descriptor& blob, std::stop_token stop);
  absl::StatusOr<Outcome> FindOrSend(const oci::Descriptor& blob, std::stop_token stop);
  absl::StatusOr<bool> Mount(const oci::Descriptor& blob, std::stop_token stop);
  absl::Status Send(const oci::Descriptor& blob, std::stop_token stop);
  absl::StatusOr<oci::Descriptor> SendRecompressed(const oci::Descriptor& layer,
                                                   const oci::Digest& diff_id,
                                                   const oci::Compression& compression,
                                                   std::stop_token stop);
  absl::Status ReadBack(const oci::Descriptor& config, std::stop_token stop);
  // Counts the outcome and tells of it.
  void Note(const oci::Descriptor& blob, Outcome outcome) ABSL_LOCKS_EXCLUDED(mu_);
  bool Done(const oci::Digest& digest) const ABSL_LOCKS_EXCLUDED(mu_);

  ImageSource& from_;
  ImageSink& to_;
  const CopyOptions& options_;
  BlobFlights& flights_;
  base::MemoryBudget& budget_;
  std::string place_;                        // Names the destination in keys of `flights_`.
  std::string to_host_, to_repository_;      // Empty if `to` is no registry.
  std::string from_host_, from_repository_;  // Likewise.

  mutable base::Mutex mu_;
  CopyResult counts_ ABSL_GUARDED_BY(mu_);
  std::map<oci::Digest, Outcome> done_ ABSL_GUARDED_BY(mu_);
  std::map<oci::Digest, oci::Descriptor> recompressed_ ABSL_GUARDED_BY(mu_);  // By source digest.
  base::Mutex tell_mu_;
};

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_COPY_BLOBS_H_
