// Remembers the content digests of files, so that an unchanged tree costs one stat per file.

#ifndef STEVEDORE_CONTEXT_STAT_CACHE_H_
#define STEVEDORE_CONTEXT_STAT_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "context/tree.h"

namespace stevedore::context {

// What stat(2) says about a file. Equal identities mean equal content, for files that have been
// left alone for a moment; see StatCache::Store.
struct FileIdentity {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t size = 0;
  // Nanoseconds since 1970.
  int64_t mtime_ns = 0;
  int64_t ctime_ns = 0;
  friend bool operator==(const FileIdentity& a, const FileIdentity& b) {
    return a.device == b.device && a.inode == b.inode && a.size == b.size &&
           a.mtime_ns == b.mtime_ns && a.ctime_ns == b.ctime_ns;
  }
};

// A persistent map from file identity to content digest. A cache in the full sense: losing or not
// reading it costs time only; what it returns is right as long as the kernel updates ctime.
// Thread-safe.
class StatCache {
 public:
  // Entries kept by Save; the longest unused go first. 64 bytes each.
  static constexpr size_t kEntryLimit = 1 << 20;

  // Reads `path`. A missing, foreign or damaged file (its checksum is verified) is an empty cache.
  static StatCache Load(const std::string& path);
  // A cache that is never saved.
  StatCache() = default;
  StatCache(StatCache&& other) noexcept;

  // The digest stored for exactly this identity.
  std::optional<TreeEntry::Sha256> Find(const FileIdentity& file) ABSL_LOCKS_EXCLUDED(mu_);

  // Remembers a digest that was computed from bytes read after `read_start` (wall clock). Ignored
  // when the file was modified less than 2 s before `read_start`, or after: timestamps are coarse
  // (a tick of the kernel, 2 s on FAT and old NFS), so a later write within the same tick would
  // leave the identity as it is.
  void Store(const FileIdentity& file, const TreeEntry::Sha256& digest, absl::Time read_start)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Writes the cache to `path` atomically if it changed since Load. Two processes that save at
  // once: one of them wins, the other's new entries are lost.
  absl::Status Save(const std::string& path) ABSL_LOCKS_EXCLUDED(mu_);

  size_t size() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Record {
    FileIdentity file;
    TreeEntry::Sha256 digest;
    // Number of the Load..Save round in which it was used last.
    uint32_t round = 0;
  };
  // Device and inode: a changed file replaces its old record.
  using Key = std::pair<uint64_t, uint64_t>;

  void Decode(absl::string_view bytes) ABSL_LOCKS_EXCLUDED(mu_);
  std::string Encode() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable base::Mutex mu_;
  uint32_t round_ ABSL_GUARDED_BY(mu_) = 1;
  bool changed_ ABSL_GUARDED_BY(mu_) = false;
  absl::flat_hash_map<Key, Record> records_ ABSL_GUARDED_BY(mu_);
};

}  // namespace stevedore::context

#endif  // STEVEDORE_CONTEXT_STAT_CACHE_H_
