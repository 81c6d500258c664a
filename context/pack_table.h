// Remembers which blob a pack became.

#ifndef STEVEDORE_CONTEXT_PACK_TABLE_H_
#define STEVEDORE_CONTEXT_PACK_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "base/mutex.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"

namespace stevedore::context {

// A persistent map from pack key to the descriptor of its compressed blob, so that a pack that a
// registry has already needs neither reading nor compressing. A cache: losing it costs a resend.
// Another zstd version makes other blobs for the same key; either is right, as trees are verified
// after unpacking. Thread-safe.
class PackTable {
 public:
  // Entries kept; the longest unused go first.
  static constexpr size_t kEntryLimit = 200'000;

  // Reads `path`; a missing or damaged file is an empty table.
  static PackTable Load(const std::string& path);
  PackTable() = default;
  PackTable(PackTable&& other) noexcept;

  std::optional<oci::Descriptor> Find(const oci::Digest& key) ABSL_LOCKS_EXCLUDED(mu_);
  void Store(const oci::Digest& key, const oci::Descriptor& blob) ABSL_LOCKS_EXCLUDED(mu_);

  // Writes the table to `path` atomically if it changed.
  absl::Status Save(const std::string& path) ABSL_LOCKS_EXCLUDED(mu_);

  size_t size() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Record {
    oci::Digest digest;
    uint64_t size = 0;
    uint64_t used = 0;  // Counter of uses, for age.
  };
  mutable base::Mutex mu_;
  bool changed_ ABSL_GUARDED_BY(mu_) = false;
  uint64_t uses_ ABSL_GUARDED_BY(mu_) = 0;
  absl::flat_hash_map<std::string, Record> records_ ABSL_GUARDED_BY(mu_);  // By key's hex.
};

}  // namespace stevedore::context

#endif  // STEVEDORE_CONTEXT_PACK_TABLE_H_
