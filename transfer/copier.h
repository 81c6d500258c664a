// Moves images from any place to any other.

#ifndef STEVEDORE_TRANSFER_COPIER_H_
#define STEVEDORE_TRANSFER_COPIER_H_

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>

#include "absl/status/statusor.h"
#include "base/memory_budget.h"
#include "transfer/copy_options.h"
#include "transfer/image_sink.h"
#include "transfer/image_source.h"

namespace stevedore::transfer {

// Settings of a Copier. A value.
struct CopierOptions {
  // What all its copies together may hold in buffers.
  uint64_t memory_bytes = 40 << 20;
};

class BlobFlights;

// Copies images. A copy asks the destination for the manifest first: if that is there, nothing else
// is asked. Otherwise blobs go first (several at once, as streams: none is ever whole in memory or
// in a file), then manifests, then indexes, then the tags: whenever it ends, each tag names an old
// or the new image, whole, and the next run goes on where this one was. Copies that run at the same
// time send a blob to the same place once.
//
// Thread-safe; one object should serve a whole process.
class Copier {
 public:
  explicit Copier(CopierOptions options = {});
  Copier(const Copier&) = delete;
  Copier& operator=(const Copier&) = delete;
  ~Copier();

  // Copies `tag_or_digest` of `from` to `tag` of `to`; with an empty `tag` (and no extra ones) by
  // digest only. INVALID_ARGUMENT: options that contradict each other or the image (zstd layers in
  // Docker's format, other digests although `preserve_digests`), a document nested too deep.
  // NOT_FOUND: no such image, or none for the platform. DATA_LOSS: content is not what its
  // descriptor says. CANCELLED. Otherwise what the places return, with the blob's digest.
  absl::StatusOr<CopyResult> Copy(ImageSource& from, const std::string& tag_or_digest,
                                  ImageSink& to, const std::string& tag,
                                  const CopyOptions& options = {}, std::stop_token stop = {});

 private:
  base::MemoryBudget budget_;
  const std::unique_ptr<BlobFlights> flights_;
};

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_COPIER_H_
