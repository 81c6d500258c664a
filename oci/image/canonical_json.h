// JSON in and out: hostile input bounded, output with one spelling for one value.

#ifndef STEVEDORE_OCI_IMAGE_CANONICAL_JSON_H_
#define STEVEDORE_OCI_IMAGE_CANONICAL_JSON_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json_fwd.hpp"

namespace stevedore::oci {

// Manifests, indexes and configs above this are refused: the distribution spec asks registries for
// 4 MB, and everything in them is held in memory more than once.
inline constexpr uint64_t kMaxDocumentBytes = 4 << 20;
// Deeper documents are refused: code that walks JSON recurses.
inline constexpr int kMaxJsonDepth = 64;

// Parses one JSON document. INVALID_ARGUMENT for anything that is not exactly one (trailing text,
// invalid UTF-8, deeper than kMaxJsonDepth), with the byte offset; RESOURCE_EXHAUSTED above
// `limit_bytes`. Throws nothing. Thread-safe.
absl::StatusOr<nlohmann::json> ParseJson(absl::string_view text,
                                         uint64_t limit_bytes = kMaxDocumentBytes);

// Compact, members sorted bytewise, UTF-8 as it is, no trailing newline: the bytes that digests are
// made of. INVALID_ARGUMENT if a string is not UTF-8. Thread-safe.
absl::StatusOr<std::string> CanonicalJson(const nlohmann::json& json);

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_IMAGE_CANONICAL_JSON_H_
