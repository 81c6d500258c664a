// The media types of images, of OCI and of Docker.

#ifndef STEVEDORE_OCI_IMAGE_MEDIA_TYPE_H_
#define STEVEDORE_OCI_IMAGE_MEDIA_TYPE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace stevedore::oci {

inline constexpr char kOciManifest[] = "application/vnd.oci.image.manifest.v1+json";
inline constexpr char kOciIndex[] = "application/vnd.oci.image.index.v1+json";
inline constexpr char kOciConfig[] = "application/vnd.oci.image.config.v1+json";
inline constexpr char kOciLayer[] = "application/vnd.oci.image.layer.v1.tar";
inline constexpr char kOciLayerGzip[] = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr char kOciLayerZstd[] = "application/vnd.oci.image.layer.v1.tar+zstd";
// The config of an artifact: the two bytes `{}`.
inline constexpr char kOciEmpty[] = "application/vnd.oci.empty.v1+json";

inline constexpr char kDockerManifest[] = "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr char kDockerManifestList[] =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr char kDockerConfig[] = "application/vnd.docker.container.image.v1+json";
inline constexpr char kDockerLayer[] = "application/vnd.docker.image.rootfs.diff.tar";
inline constexpr char kDockerLayerGzip[] = "application/vnd.docker.image.rootfs.diff.tar.gzip";
inline constexpr char kDockerLayerZstd[] = "application/vnd.docker.image.rootfs.diff.tar.zstd";

// The Accept header for manifests of any kind, in our order of preference.
inline constexpr char kAcceptManifests[] =
    "application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.v2+json, "
    "application/vnd.oci.image.index.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json";

// Which family of media types a document uses.
enum class ImageFormat { kOci, kDocker };

// How the bytes of a layer blob are compressed, as far as the media type tells.
enum class LayerCompression { kNone, kGzip, kZstd };

// Exact membership in the table above (foreign layers count as layers). Thread-safe, as all below.
bool IsManifestType(absl::string_view media_type);
bool IsIndexType(absl::string_view media_type);
bool IsConfigType(absl::string_view media_type);
bool IsLayerType(absl::string_view media_type);
// Docker schema 1: recognised only to be refused by name.
bool IsLegacyManifestType(absl::string_view media_type);
// Layers whose bytes may not be copied between registries.
bool IsNonDistributable(absl::string_view media_type);
// Any "type/subtype" whose halves are 1 to 127 characters of RFC 6838 and start alphanumeric.
bool IsWellFormedMediaType(absl::string_view media_type);

// What the ending of a layer's type says; kNone if nothing.
LayerCompression CompressionOf(absl::string_view media_type);

// The type of a layer that is written. INVALID_ARGUMENT for zstd in Docker's format: no such type
// is understood there.
absl::StatusOr<std::string> LayerMediaType(ImageFormat format, LayerCompression compression);

// The same role in the other family; types of no family stay as they are. INVALID_ARGUMENT where
// the family has no such type (zstd layers in Docker's).
absl::StatusOr<std::string> ConvertMediaType(absl::string_view media_type, ImageFormat format);

// A Content-Type header without parameters and white space, in lower case.
std::string StripParameters(absl::string_view content_type);

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_IMAGE_MEDIA_TYPE_H_
