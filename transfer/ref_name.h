// Names of images inside layouts.

#ifndef STEVEDORE_TRANSFER_REF_NAME_H_
#define STEVEDORE_TRANSFER_REF_NAME_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace stevedore::transfer {

// INVALID_ARGUMENT, with the rule, if `name` does not do as the annotation
// org.opencontainers.image.ref.name: parts of letters, digits and _-.:@+ with slashes between them,
// each beginning with a letter, digit or underscore, at most 512 bytes. Every tag and full
// reference does. Thread-safe.
absl::Status CheckRefName(absl::string_view name);

// Whether `tag_or_digest` is meant as a digest: begins with "sha256:" or "sha512:". Thread-safe.
bool LooksLikeDigest(absl::string_view tag_or_digest);

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_REF_NAME_H_
