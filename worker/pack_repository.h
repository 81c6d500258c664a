// Packs in a repository.

#ifndef STEVEDORE_WORKER_PACK_REPOSITORY_H_
#define STEVEDORE_WORKER_PACK_REPOSITORY_H_

#include <stop_token>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "context/pack_upload.h"
#include "oci/image/descriptor.h"
#include "worker/repository_provider.h"

namespace stevedore::worker {

// Lets context::UploadTree write to any place for images: what a CLI does before it submits.
// Thread-safe.
class PackRepository final : public context::PackSink {
 public:
  explicit PackRepository(Repository repository, std::stop_token stop = {})
      : repository_(std::move(repository)), stop_(std::move(stop)) {}

  absl::StatusOr<bool> HasTag(const std::string& tag) override;
  absl::StatusOr<bool> HasBlob(const oci::Descriptor& blob) override;
  absl::Status PutBlob(const oci::Descriptor& blob, const std::string& path) override;
  absl::Status PutManifest(const std::string& tag, absl::string_view manifest,
                           absl::string_view media_type) override;

 private:
  const Repository repository_;
  const std::stop_token stop_;
};

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_PACK_REPOSITORY_H_
