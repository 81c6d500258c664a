#include "transfer/copier.h"

#include <utility>

#include "transfer/copy_blobs.h"
#include "transfer/copy_job.h"

namespace stevedore::transfer {

Copier::Copier(CopierOptions options)
    : budget_(options.memory_bytes), flights_(std::make_unique<BlobFlights>()) {}

Copier::~Copier() = default;

absl::StatusOr<CopyResult> Copier::Copy(ImageSource& from, const std::string& tag_or_digest,
                                        ImageSink& to, const std::string& tag,
                                        const CopyOptions& options, std::stop_token stop) {
  CopyJob job(
      {.from = &from, .tag_or_digest = tag_or_digest, .to = &to, .tag = tag, .options = options},
      flights_.get(), &budget_, std::move(stop));
  return job.Run();
}

}  // namespace stevedore::transfer
