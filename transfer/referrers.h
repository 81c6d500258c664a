// What is attached to an image (signatures, SBOMs, ...): the documents of the referrers API and of
// the tag that stands in for it at registries without one.

#ifndef STEVEDORE_TRANSFER_REFERRERS_H_
#define STEVEDORE_TRANSFER_REFERRERS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"
#include "oci/image/index.h"

namespace stevedore::transfer {

// The tag of the index that lists what refers to `subject`, by the fallback scheme of the
// distribution spec: "sha256-2cf2…", its parts cut to 32 and 64 characters. All functions are
// thread-safe.
std::string ReferrersTag(const oci::Digest& subject);

// A document that is attached to another one.
struct Referrer {
  oci::Digest subject;
  // As lists of referrers have it: with artifact type (of a manifest without one, the type of its
  // config) and annotations.
  oci::Descriptor descriptor;
};

// What the manifest or index `bytes` is attached to; nullopt if to nothing, or if it is none.
std::optional<Referrer> ReferrerOf(const std::string& bytes, const std::string& media_type);

// `listed` with `referrer`, once; nullopt if it is there already, word for word. INVALID_ARGUMENT
// if the result would not be an index.
absl::StatusOr<std::optional<oci::Index>> WithReferrer(const std::optional<oci::Index>& listed,
                                                       const oci::Descriptor& referrer);
// `listed` without `referrer`; nullopt if it is not there.
absl::StatusOr<std::optional<oci::Index>> WithoutReferrer(const oci::Index& listed,
                                                          const oci::Digest& referrer);

// Those of type `artifact_type`; all of them if it is empty.
std::vector<oci::Descriptor> FilterReferrers(std::vector<oci::Descriptor> referrers,
                                             const std::string& artifact_type);

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_REFERRERS_H_
