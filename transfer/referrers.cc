#include "transfer/referrers.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "oci/image/manifest.h"
#include "oci/image/media_type.h"

namespace stevedore::transfer {
namespace {

constexpr size_t kAlgorithmLimit = 32;
constexpr size_t kEncodedLimit = 64;

std::string ForTag(absl::string_view text, size_t limit) {
  std::string result(text.substr(0, limit));
  for (char& c : result) {
    if (!absl::ascii_isalnum(c) && c != '.' && c != '_' && c != '-') c = '-';
  }
  return result;
}

}  // namespace

std::string ReferrersTag(const oci::Digest& subject) {
  return absl::StrCat(ForTag(subject.algorithm(), kAlgorithmLimit), "-",
                      ForTag(subject.hex(), kEncodedLimit));
}

std::optional<Referrer> ReferrerOf(const std::string& bytes, const std::string& media_type) {
  // Most documents are attached to nothing: no second parse for them.
  if (!absl::StrContains(bytes, "\"subject\"")) return std::nullopt;
  if (oci::IsIndexType(media_type)) {
    const auto index = oci::Index::Parse(bytes, media_type);
    if (!index.ok() || !index->subject().has_value()) return std::nullopt;
    Referrer referrer{index->subject()->digest, index->ToDescriptor()};
    referrer.descriptor.artifact_type = index->artifact_type();
    referrer.descriptor.annotations = index->annotations();
    return referrer;
  }
  const auto manifest = oci::Manifest::Parse(bytes, media_type);
  if (!manifest.ok() || !manifest->subject().has_value()) return std::nullopt;
  Referrer referrer{manifest->subject()->digest, manifest->ToDescriptor()};
  referrer.descriptor.artifact_type =
      manifest->artifact_type().empty() ? manifest->config().media_type : manifest->artifact_type();
  referrer.descriptor.annotations = manifest->annotations();
  return referrer;
}

absl::StatusOr<std::optional<oci::Index>> WithReferrer(const std::optional<oci::Index>& listed,
                                                       const oci::Descriptor& referrer) {
  std::vector<oci::Descriptor> entries;
  if (listed.has_value()) {
    for (const oci::Descriptor& entry : listed->manifests()) {
      if (entry == referrer) return std::nullopt;
      if (entry.digest != referrer.digest) entries.push_back(entry);
    }
  }
  entries.push_back(referrer);
  ASSIGN_OR_RETURN(oci::Index index, oci::Index::Create(entries));
  return index;
}

absl::StatusOr<std::optional<oci::Index>> WithoutReferrer(const oci::Index& listed,
                                                          const oci::Digest& referrer) {
  std::vector<oci::Descriptor> entries = listed.manifests();
  const auto gone = std::remove_if(entries.begin(), entries.end(),
                                   [&](const auto& entry) { return entry.digest == referrer; });
  if (gone == entries.end()) return std::nullopt;
  entries.erase(gone, entries.end());
  ASSIGN_OR_RETURN(oci::Index index, oci::Index::Create(entries));
  return index;
}

std::vector<oci::Descriptor> FilterReferrers(std::vector<oci::Descriptor> referrers,
                                             const std::string& artifact_type) {
  if (artifact_type.empty()) return referrers;
  referrers.erase(std::remove_if(referrers.begin(), referrers.end(),
                                 [&](const oci::Descriptor& referrer) {
                                   return referrer.artifact_type != artifact_type;
                                 }),
                  referrers.end());
  return referrers;
}

}  // namespace stevedore::transfer
