// Remembers what git's blobs hash to, so that a repository that is here already is not read again.

#ifndef STEVEDORE_CONTEXT_GIT_BLOB_TABLE_H_
#define STEVEDORE_CONTEXT_GIT_BLOB_TABLE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "context/tree.h"

namespace stevedore::context {

// A persistent map from git object id to size and SHA-256 of the content. A cache in the full
// sense: losing it costs time only. Thread-safe.
class GitBlobTable {
 public:
  // Raw SHA-1 id.
  using ObjectId = std::array<char, 20>;

  // What a blob's content is.
  struct Blob {
    uint64_t size = 0;
    TreeEntry::Sha256 digest = {};
    bool is_lfs_pointer = false;
  };

  // Blobs kept by Save; what is above is computed again the next time. 61 bytes each.
  static constexpr size_t kBlobLimit = 4 << 20;

  // Reads `path`. A missing, foreign or damaged file (its checksum is verified) is an empty table.
  static GitBlobTable Load(const std::string& path);
  // An empty table.
  GitBlobTable() = default;
  GitBlobTable(GitBlobTable&& other) noexcept;

  std::optional<Blob> Find(const ObjectId& id) const ABSL_LOCKS_EXCLUDED(mu_);
  void Store(const ObjectId& id, const Blob& blob) ABSL_LOCKS_EXCLUDED(mu_);

  // Writes the table to `path` atomically if blobs were stored since Load. Two processes that save
  // at once: one of them wins, the other's new blobs are lost.
  absl::Status Save(const std::string& path) ABSL_LOCKS_EXCLUDED(mu_);

  size_t size() const ABSL_LOCKS_EXCLUDED(mu_);

  // The table as the file holds it, and back; false for anything else. For Load, Save and tests.
  std::string Encode() const ABSL_LOCKS_EXCLUDED(mu_);
  bool Decode(absl::string_view bytes) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  mutable base::Mutex mu_;
  bool changed_ ABSL_GUARDED_BY(mu_) = false;
  absl::flat_hash_map<ObjectId, Blob> blobs_ ABSL_GUARDED_BY(mu_);
};

}  // namespace stevedore::context

#endif  // STEVEDORE_CONTEXT_GIT_BLOB_TABLE_H_
