#include "worker/parent_cache.h"

#include <string>
#include <utility>

#include "base/byte_source.h"
#include "base/status.h"
#include "oci/image/canonical_json.h"
#include "oci/image/image_config.h"
#include "oci/image/manifest.h"
#include "transfer/image_source.h"

namespace stevedore::worker {
namespace {

absl::StatusOr<oci::Image> ReadImage(const oci::Digest& digest, const Repository& repository) {
  ASSIGN_OR_RETURN(transfer::RawManifest raw, repository.source->GetManifest(digest.ToString()));
  RETURN_IF_ERROR(digest.Verify(raw.bytes));
  oci::Image image;
  ASSIGN_OR_RETURN(image.manifest, oci::Manifest::Parse(std::move(raw.bytes), raw.media_type));
  ASSIGN_OR_RETURN(const std::unique_ptr<base::ByteSource> config,
                   repository.source->OpenBlob(image.manifest.config()), "config");
  ASSIGN_OR_RETURN(std::string bytes, base::ReadAll(*config, oci::kMaxDocumentBytes), "config");
  ASSIGN_OR_RETURN(image.config, oci::ImageConfig::Parse(std::move(bytes)), "config");
  return image;
}

}  // namespace

absl::StatusOr<oci::Image> ParentCache::Get(const oci::Digest& digest,
                                            const Repository& repository) {
  std::shared_ptr<const oci::Image> known;
  {
    base::MutexLock lock(&mu_);
    const auto it = images_.find(digest);
    if (it != images_.end()) known = it->second;
  }
  if (known != nullptr) return *known;
  ASSIGN_OR_RETURN(oci::Image image, ReadImage(digest, repository));
  base::MutexLock lock(&mu_);
  if (images_.emplace(digest, std::make_shared<const oci::Image>(image)).second) {
    order_.push_back(digest);
    if (order_.size() > kLimit) {
      images_.erase(order_.front());
      order_.pop_front();
    }
  }
  return image;
}

}  // namespace stevedore::worker
