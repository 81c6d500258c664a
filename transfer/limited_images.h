// A source of images that is read no faster than somebody allows.

#ifndef STEVEDORE_TRANSFER_LIMITED_IMAGES_H_
#define STEVEDORE_TRANSFER_LIMITED_IMAGES_H_

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "transfer/image_source.h"
#include "transfer/rate_limiter.h"

namespace stevedore::transfer {

// Another source, whose blobs are read at the rate of a limiter of bytes. Thread-safe.
class LimitedImages final : public ImageSource {
 public:
  // `bytes` must outlive this and the streams it opens.
  LimitedImages(std::unique_ptr<ImageSource> below, RateLimiter* bytes)
      : below_(std::move(below)), bytes_(bytes) {}

  absl::StatusOr<RawManifest> GetManifest(const std::string& tag_or_digest,
                                          std::stop_token stop = {}) override {
    return below_->GetManifest(tag_or_digest, stop);
  }
  absl::StatusOr<std::optional<oci::Descriptor>> HeadManifest(const std::string& tag_or_digest,
                                                              std::stop_token stop = {}) override {
    return below_->HeadManifest(tag_or_digest, stop);
  }
  absl::StatusOr<std::unique_ptr<base::ByteSource>> OpenBlob(const oci::Descriptor& blob,
                                                             std::stop_token stop = {}) override;
  absl::StatusOr<std::vector<std::string>> ListTags(std::stop_token stop = {}) override {
    return below_->ListTags(stop);
  }
  absl::StatusOr<std::vector<oci::Descriptor>> Referrers(const oci::Digest& subject,
                                                         const std::string& artifact_type,
                                                         std::stop_token stop = {}) override {
    return below_->Referrers(subject, artifact_type, stop);
  }
  std::string MountName() const override { return below_->MountName(); }
  std::string Describe() const override { return below_->Describe(); }

 private:
  const std::unique_ptr<ImageSource> below_;
  RateLimiter* const bytes_;
};

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_LIMITED_IMAGES_H_
