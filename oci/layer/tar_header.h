// The bytes before an entry's content in a tar.

#ifndef STEVEDORE_OCI_LAYER_TAR_HEADER_H_
#define STEVEDORE_OCI_LAYER_TAR_HEADER_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "oci/layer/layer_entry.h"

namespace stevedore::oci {

// Everything in a tar comes in blocks of this many bytes.
inline constexpr uint64_t kTarBlock = 512;
// Two blocks of zeros end a tar.
inline constexpr uint64_t kTarEndBytes = 2 * kTarBlock;

// How entries become headers.
struct TarHeaderOptions {
  // Modification time of every entry that has none of its own, in seconds since 1970; not negative.
  int64_t mtime = 0;
  // Adds "/" to the names of directories that have none, as tar(1) does.
  bool directory_slash = true;
};

// `bytes` of content and the zeros that fill the last block.
inline uint64_t TarPadded(uint64_t bytes) {
  return (bytes + kTarBlock - 1) / kTarBlock * kTarBlock;
}

// The header: a ustar block, and before it a pax record where ustar has no room (a name that no "/"
// splits into 155 and 100 bytes, a long link, bytes outside ASCII, content of 8 GiB and more, ids
// above 2097151, times after 2242, extended attributes). Owner names are empty; nothing else
// goes in. Pure: equal entries make equal bytes. INVALID_ARGUMENT,
// naming the entry, for what no tar can say: an empty name, a NUL byte, a device number above
// 2097151, a pax record above 1 MiB. Thread-safe.
absl::Status AppendTarHeader(const LayerEntry& entry, const TarHeaderOptions& options,
                             std::string* out);

// How many bytes AppendTarHeader appends; fast for entries that need no pax record.
absl::StatusOr<uint64_t> TarHeaderSize(const LayerEntry& entry, const TarHeaderOptions& options);

// OK if `path` names a place inside a root directory: relative, no component empty, "." or "..", no
// NUL, no backslash that another system would take for a separator on the way out (`..\x`, `\x`,
// `C:\x`). INVALID_ARGUMENT otherwise. Thread-safe, as all here.
absl::Status CheckSafePath(absl::string_view path);

// OK if the symbolic link at `path` with `target` cannot lead out of the root directory by "..":
// absolute targets are relative to the image's root and fine. INVALID_ARGUMENT otherwise.
absl::Status CheckSafeSymlink(absl::string_view path, absl::string_view target);

// The order of layers: depth first, names bytewise within each directory.
bool LayerPathLess(absl::string_view a, absl::string_view b);

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_LAYER_TAR_HEADER_H_
