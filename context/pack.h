// How a tree travels: cut into packs, each a zstd-compressed tar segment and a layer of an OCI
// artifact.

#ifndef STEVEDORE_CONTEXT_PACK_H_
#define STEVEDORE_CONTEXT_PACK_H_

#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/byte_sink.h"
#include "base/memory_budget.h"
#include "context/tree.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"

namespace stevedore::context {

// Type of the artifact that holds a context, and of its layers.
inline constexpr absl::string_view kContextArtifactType =
    "application/vnd.stevedore.context.v1+json";
inline constexpr absl::string_view kPackMediaType = "application/vnd.stevedore.pack.v1.tar+zstd";
// Annotation of a layer: its pack key.
inline constexpr absl::string_view kPackKeyAnnotation = "dev.stevedore.pack.key";
// Files above this many bytes are packs by themselves; stretches without a cut are cut here.
inline constexpr uint64_t kPackLimitBytes = 4 << 20;

// A part of a tree's entry list: entries [begin, end).
struct Pack {
  size_t begin = 0;
  size_t end = 0;
  // Bytes of the files in it.
  uint64_t content_bytes = 0;
  // SHA-256 of its entries (path, type, mode, size, digest): known without reading or compressing a
  // byte.
  oci::Digest key;
};

// Cuts `entries` (sorted) into packs, at least one. The cut is stateless, so an edit changes at
// most two packs wherever it is, plus the file's own if that is above kPackLimitBytes: after an
// entry when H(path) / 2^64 < size / 1 MiB, H being the first 8 bytes of SHA-256; a longer stretch
// is cut each 4 MiB from its own start (a change there moves the cuts up to the end of the stretch;
// one stretch in 3,000 has more than one such cut).
std::vector<Pack> CutPacks(const std::vector<TreeEntry>& entries);

// What WritePack needs beside the tree.
struct PackWriteOptions {
  // Null: the limits of the layer writer alone.
  base::MemoryBudget* budget = nullptr;
  std::stop_token stop;
};

// Writes one pack of `tree` to `blob` (and closes it) as a deterministic tar, compressed with zstd.
// Returns the layer's descriptor with kPackMediaType and the key as annotation.
absl::StatusOr<oci::Descriptor> WritePack(const Tree& tree, const Pack& pack, base::ByteSink* blob,
                                          const PackWriteOptions& options = {});

// "ctx-<64 hex>": the tag under which the artifact of a tree is kept. `tree_digest` must be a
// sha256.
std::string ContextTag(const oci::Digest& tree_digest);

// The empty JSON object that stands for the artifact's config, and its descriptor.
inline constexpr absl::string_view kEmptyConfig = "{}";
oci::Descriptor EmptyConfigDescriptor();

// The artifact's manifest (an OCI image manifest, media type
// application/vnd.oci.image.manifest.v1+json) for packs in order. Equal packs give equal bytes.
// RESOURCE_EXHAUSTED above 4 MiB (about 12,000 packs), which registries refuse.
absl::StatusOr<std::string> ContextManifest(const oci::Digest& tree_digest,
                                            absl::Span<const oci::Descriptor> packs);

// The packs that a manifest from a registry lists. INVALID_ARGUMENT if it is not an artifact of
// this kind, or above its limits.
absl::StatusOr<std::vector<oci::Descriptor>> ParseContextManifest(absl::string_view manifest);

}  // namespace stevedore::context

#endif  // STEVEDORE_CONTEXT_PACK_H_
