// What goes into a layer: a list of entries, and where their contents come from.

#ifndef STEVEDORE_OCI_LAYER_LAYER_ENTRY_H_
#define STEVEDORE_OCI_LAYER_LAYER_ENTRY_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/byte_source.h"

namespace stevedore::oci {

// One file, directory, link or device of a layer. A value.
struct LayerEntry {
  enum class Type : uint8_t {
    kFile,
    kDirectory,
    kSymlink,
    kHardLink,
    kCharacterDevice,
    kBlockDevice,
    kFifo
  };
  // Components joined by "/", none of them empty, "." or ".."; no leading or trailing slash.
  std::string path;
  Type type = Type::kFile;
  // Permission bits with set-id and sticky bits (07777).
  uint32_t mode = 0644;
  uint32_t uid = 0;
  uint32_t gid = 0;
  // Bytes of content; 0 unless a file.
  uint64_t size = 0;
  // Of a symbolic link, as it will be read; of a hard link, the `path` of another entry.
  std::string link_target;
  // Of the two device types.
  uint32_t device_major = 0;
  uint32_t device_minor = 0;
  // Where LayerContents finds the content; means nothing elsewhere.
  uint64_t content_id = 0;
  // Modification time in seconds since 1970. Negative: that of all entries, which whoever writes
  // the tar decides (see TarHeaderOptions).
  int64_t mtime = -1;
  // Extended attributes by name ("user.a", "security.capability"), sorted by name, each once.
  // Shared by entries with the same attributes; null: none.
  std::shared_ptr<const std::vector<std::pair<std::string, std::string>>> xattrs = nullptr;
};

// Opens the contents of entries. Thread-safe.
class LayerContents {
 public:
  virtual ~LayerContents() = default;
  // Reads the `entry.size` bytes of a file. Fails if the content is no longer what the entry says,
  // as far as that shows without reading it (ABORTED: list again).
  virtual absl::StatusOr<std::unique_ptr<base::RandomReader>> Open(
      const LayerEntry& entry) const = 0;
};

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_LAYER_LAYER_ENTRY_H_
