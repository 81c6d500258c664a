// Sends a tree to wherever packs are kept.

#ifndef STEVEDORE_CONTEXT_PACK_UPLOAD_H_
#define STEVEDORE_CONTEXT_PACK_UPLOAD_H_

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "context/pack_table.h"
#include "context/tree.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"

namespace stevedore::context {

// Where packs and their manifests go: one repository. Implementations are thread-safe.
class PackSink {
 public:
  virtual ~PackSink() = default;
  // Whether an artifact is there under `tag`.
  virtual absl::StatusOr<bool> HasTag(const std::string& tag) = 0;
  virtual absl::StatusOr<bool> HasBlob(const oci::Descriptor& blob) = 0;
  // Stores the bytes of the file `path` as `blob`. The file may be gone after the call returned.
  virtual absl::Status PutBlob(const oci::Descriptor& blob, const std::string& path) = 0;
  // Stores `manifest` and lets `tag` name it.
  virtual absl::Status PutManifest(const std::string& tag, absl::string_view manifest,
                                   absl::string_view media_type) = 0;
};

// How UploadTree works.
struct PackUploadOptions {
  // Folder for packs between compressing and sending.
  std::string temporary_directory = "/tmp";
  // Packs in work at once.
  int threads = 2;
  std::stop_token stop;
  // Told the content bytes of each pack that is through, whether sent or found there, and the
  // number sent over the wire (0 if found). Called from several threads, one at a time. May be
  // empty.
  std::function<void(uint64_t content_bytes, uint64_t sent_bytes)> progress;
};

// What an upload did.
struct PackUploadResult {
  int pack_count = 0;
  int sent_count = 0;
  uint64_t sent_bytes = 0;
};

// Makes `tree` available in `sink` under ContextTag(tree.digest()): one question if it is there
// already, else only the packs that are missing are read, compressed and sent. `table` may be null.
// Errors are those of the sink and of reading the tree.
absl::StatusOr<PackUploadResult> UploadTree(const Tree& tree, PackTable* table, PackSink& sink,
                                            const PackUploadOptions& options = {});

}  // namespace stevedore::context

#endif  // STEVEDORE_CONTEXT_PACK_UPLOAD_H_
