// New documents from old ones: other media types, other layers, fewer children.

#ifndef STEVEDORE_TRANSFER_CONVERT_H_
#define STEVEDORE_TRANSFER_CONVERT_H_

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "oci/image/descriptor.h"
#include "oci/image/index.h"
#include "oci/image/manifest.h"
#include "oci/image/media_type.h"
#include "oci/image/platform.h"

namespace stevedore::transfer {

// `manifest` in the media types of `format` (if given), with `layers[i]` (if set; digest, size and
// media type count) in place of its i-th layer. Everything else, members that nobody knows
// included, is kept; if nothing changes the bytes do not either. The config keeps its bytes: both
// families write the same document. INVALID_ARGUMENT for what Docker's format has no word for: zstd
// layers, artifacts, layers of other types. Thread-safe, as all here.
absl::StatusOr<oci::Manifest> ConvertManifest(
    const oci::Manifest& manifest, std::optional<oci::ImageFormat> format,
    const std::vector<std::optional<oci::Descriptor>>& layers = {});

// `index` in the media types of `format` (if given) with `children[i]` in place of its i-th
// manifest (digest, size and media type count; the rest of the entry stays), without those that are
// nullopt. `children` has an entry for each. Otherwise as ConvertManifest.
absl::StatusOr<oci::Index> ConvertIndex(
    const oci::Index& index, std::optional<oci::ImageFormat> format,
    const std::vector<std::optional<oci::Descriptor>>& children);

// For each manifest of `index` whether it serves one of `platforms`. Nested indexes do (what is in
// them must be looked at), and attestations do if what they speak of does. NOT_FOUND, listing what
// there is, if nothing does.
absl::StatusOr<std::vector<bool>> SelectChildren(const oci::Index& index,
                                                 const std::vector<oci::Platform>& platforms);

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_CONVERT_H_
