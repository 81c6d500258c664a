// A tree read from packs.

#ifndef STEVEDORE_CONTEXT_PACK_TREE_H_
#define STEVEDORE_CONTEXT_PACK_TREE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/byte_source.h"
#include "context/pack_cache.h"
#include "context/tree.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"

namespace stevedore::context {

// How PackTree::Fetch works.
struct PackTreeOptions {
  // Packs fetched at once.
  int threads = 4;
  std::stop_token stop;
  // Told the compressed bytes of each pack that is there. Called from several threads, one at a
  // time. May be empty.
  std::function<void(uint64_t bytes)> progress;
};

// Entries and contents of a tree in the segments of a PackCache. Thread-safe.
class PackTree final : public Tree {
 public:
  // Fetches the `packs` that `cache` lacks, reads their entries and verifies that the whole is the
  // tree named `tree_digest`, contents included. DATA_LOSS if it is not: whoever uploaded it lied,
  // or wrote at the same time as somebody else; the message names the tree. Errors of `fetch` as
  // they are.
  static absl::StatusOr<std::unique_ptr<PackTree>> Fetch(const oci::Digest& tree_digest,
                                                         absl::Span<const oci::Descriptor> packs,
                                                         PackCache& cache,
                                                         const PackCache::Fetch& fetch,
                                                         const PackTreeOptions& options = {});

  absl::StatusOr<std::unique_ptr<base::RandomReader>> OpenContent(
      uint64_t content_id) const override;

 private:
  // Where a content is.
  struct Place {
    size_t segment = 0;
    uint64_t offset = 0;  // Bytes from the segment's start.
    uint64_t size = 0;
  };

  PackTree(std::vector<TreeEntry> entries, std::vector<Place> places,
           std::vector<std::shared_ptr<const PackSegment>> segments)
      : Tree(std::move(entries)), places_(std::move(places)), segments_(std::move(segments)) {}

  const std::vector<Place> places_;  // By content id.
  const std::vector<std::shared_ptr<const PackSegment>> segments_;
};

}  // namespace stevedore::context

#endif  // STEVEDORE_CONTEXT_PACK_TREE_H_
