// Unpacked packs on a worker's disk.

#ifndef STEVEDORE_CONTEXT_PACK_CACHE_H_
#define STEVEDORE_CONTEXT_PACK_CACHE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/byte_source.h"
#include "base/file.h"
#include "base/mutex.h"
#include "oci/image/descriptor.h"

namespace stevedore::context {

// A pack's tar on disk. The file stays as long as somebody holds the segment. Immutable.
class PackSegment {
 public:
  explicit PackSegment(std::string path) : path_(std::move(path)) {}
  const std::string& path() const { return path_; }
  // Opens the file anew: a tree of a thousand packs must not need a thousand descriptors.
  absl::StatusOr<std::unique_ptr<base::FileReader>> Open() const {
    return base::FileReader::Open(path_);
  }

 private:
  const std::string path_;
};

// Keeps packs as plain tar files by the digest of their compressed blob, within a limit of bytes;
// the longest unused go first, those in use never. One process per directory. Thread-safe.
class PackCache {
 public:
  // Opens the compressed bytes of a pack, verified against the descriptor while they are read.
  using Fetch =
      std::function<absl::StatusOr<std::unique_ptr<base::ByteSource>>(const oci::Descriptor& pack)>;

  // Makes `directory` if needed, removes leftovers of a crash, and takes what is there.
  static absl::StatusOr<std::unique_ptr<PackCache>> Open(const std::string& directory,
                                                         uint64_t limit_bytes);

  // The tar segment of `pack`, fetched and unpacked if it is not here. Two callers that want the
  // same pack: one fetches, the other waits. Errors of `fetch`, of unpacking (INVALID_ARGUMENT) and
  // of the disk.
  absl::StatusOr<std::shared_ptr<const PackSegment>> Get(const oci::Descriptor& pack,
                                                         const Fetch& fetch)
      ABSL_LOCKS_EXCLUDED(mu_);

  uint64_t used_bytes() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // A file of the cache.
  struct Record {
    uint64_t size = 0;
    uint64_t used = 0;  // Counter of uses, for age.
    std::weak_ptr<const PackSegment> segment;
  };

  PackCache(std::string directory, uint64_t limit_bytes)
      : directory_(std::move(directory)), limit_bytes_(limit_bytes) {}
  absl::Status TakeFiles() ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<uint64_t> Unpack(const oci::Descriptor& pack, const std::string& path,
                                  const Fetch& fetch);
  std::shared_ptr<const PackSegment> Use(const std::string& name, Record& record)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Shrink() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::string directory_;
  const uint64_t limit_bytes_;

  mutable base::Mutex mu_;
  base::CondVar changed_;
  uint64_t uses_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t used_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  absl::flat_hash_map<std::string, Record> records_ ABSL_GUARDED_BY(mu_);  // By file name.
  absl::flat_hash_set<std::string> fetching_ ABSL_GUARDED_BY(mu_);
};

}  // namespace stevedore::context

#endif  // STEVEDORE_CONTEXT_PACK_CACHE_H_
