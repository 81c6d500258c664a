// What earlier builds taught: results by build key, durations and inputs by image, poison, owners
// of tags.

#ifndef STEVEDORE_COORDINATOR_KNOWLEDGE_H_
#define STEVEDORE_COORDINATOR_KNOWLEDGE_H_

#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "coordinator/build.h"
#include "coordinator/scheduler_options.h"
#include "coordinator/write_log.h"
#include "stevedore/v1/image.pb.h"

namespace stevedore::coordinator {

// The digest that a build key gave.
struct Result {
  v1::ManifestResult manifest;
  absl::Time seen;     // When a worker last knew it in its repository.
  absl::Time written;  // When its ledger record last got its lifetime.
};

// What is known of one image on one platform.
struct Statistics {
  double seconds = 0;  // EWMA of build times; 0: none yet.
  int64_t image_bytes = 0;
  int64_t count = 0;
  std::string inputs;  // Of the last result, encoded.
  absl::Time written;
};

// Who moved a reference last.
struct TagOwner {
  std::string digest;
  int64_t submission = 0;
  std::string build_id;
  absl::Time written;
};

// All of it is a cache in the sense that losing it costs rebuilds, never correctness. Changes go to
// the write log too. Not thread-safe.
class Knowledge {
 public:
  // Both must outlive this object.
  Knowledge(const SchedulerOptions* options, WriteLog* writes)
      : options_(options), writes_(writes) {}

  // Null if the key gave no result yet.
  const Result* FindResult(const std::string& build_key) const;
  // Stores a result seen at `now` in place of any other.
  void PutResult(const std::string& build_key, const v1::ManifestResult& manifest, absl::Time now);
  // Refreshes the age of a result that was reused; `seen` if a worker has just seen it in its
  // repository.
  void TouchResult(const std::string& build_key, bool seen, absl::Time now);
  // Forgets a result whose manifest has vanished.
  void DropResult(const std::string& build_key);

  // Key of the statistics of a task: its main reference and platform.
  static std::string NameOf(const Build& build, const Task& task);
  // Null if there is none.
  const Statistics* FindStatistics(const std::string& name) const;
  // Median of all durations in seconds; 0 without any. Recomputed when one in eight has changed.
  double MedianSeconds();
  // Adds a duration (zero: only inputs) and remembers inputs.
  void Learn(const std::string& name, absl::Duration duration, int64_t image_bytes,
             std::string inputs, absl::Time now);

  // Why a key is refused; empty if it is not.
  std::string PoisonOf(const std::string& build_key, absl::Time now) const;
  void Poison(const std::string& build_key, std::string reason, absl::Time now);

  // Null if nobody owns it.
  const TagOwner* FindTag(const std::string& reference) const;
  void PutTag(const std::string& reference, TagOwner owner, absl::Time now);

  // Takes one ledger record; false if it is of another family. Malformed records are dropped: this
  // is a cache.
  bool Load(const LedgerRecord& record, absl::Time now);
  // Writes tags again: the only part that others of this queue depend on.
  void Rewrite();
  // Forgets what is older than its lifetime. Call now and then.
  void Expire(absl::Time now);
  // Greatest submission number of a tag.
  int64_t LastSubmission() const;

 private:
  void WriteResult(const std::string& build_key, Result& result, absl::Time now);
  void WriteTag(const std::string& reference, const TagOwner& owner);

  const SchedulerOptions* const options_;
  WriteLog* const writes_;
  absl::flat_hash_map<std::string, Result> results_;
  absl::flat_hash_map<std::string, Statistics> statistics_;
  struct Poisoned {
    std::string reason;
    absl::Time until;
  };
  absl::flat_hash_map<std::string, Poisoned> poisoned_;
  absl::flat_hash_map<std::string, TagOwner> tags_;
  double median_seconds_ = 0;
  int changes_since_median_ = 1 << 20;
};

}  // namespace stevedore::coordinator

#endif  // STEVEDORE_COORDINATOR_KNOWLEDGE_H_
