#include "worker/base_record.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "oci/image/canonical_json.h"
#include "oci/image/digest.h"
#include "oci/image/manifest.h"
#include "oci/image/media_type.h"

namespace stevedore::worker {
namespace {

constexpr char kBaseDigest[] = "org.opencontainers.image.base.digest";

bool StandsOn(const oci::Image& image, const oci::Image& base) {
  const std::vector<oci::Digest>& below = base.config.diff_ids();
  const std::vector<oci::Digest>& all = image.config.diff_ids();
  return !below.empty() && below.size() <= all.size() &&
         std::equal(below.begin(), below.end(), all.begin());
}

}  // namespace

absl::Status RecordBase(const ParentImage& base, oci::Image* image) {
  if (image->manifest.media_type() != oci::kOciManifest) return absl::OkStatus();
  if (image->manifest.annotations().count(kBaseDigest) > 0) return absl::OkStatus();
  if (!StandsOn(*image, base.image)) return absl::OkStatus();
  ASSIGN_OR_RETURN(nlohmann::json json, oci::ParseJson(image->manifest.bytes()), "manifest");
  json["annotations"][kBaseDigest] = base.image.manifest.digest().ToString();
  ASSIGN_OR_RETURN(std::string bytes, oci::CanonicalJson(json), "manifest");
  ASSIGN_OR_RETURN(image->manifest, oci::Manifest::Parse(std::move(bytes), oci::kOciManifest));
  return absl::OkStatus();
}

}  // namespace stevedore::worker
