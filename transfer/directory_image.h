// Images of one layer made from a folder.

#ifndef STEVEDORE_TRANSFER_DIRECTORY_IMAGE_H_
#define STEVEDORE_TRANSFER_DIRECTORY_IMAGE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/byte_sink.h"
#include "oci/image/image.h"
#include "oci/image/image_editor.h"
#include "oci/image/media_type.h"
#include "oci/image/platform.h"
#include "oci/layer/compression.h"
#include "oci/layer/layer_writer_options.h"

namespace stevedore::transfer {

// User and group of files.
struct FileOwner {
  uint32_t uid = 0;
  uint32_t gid = 0;
};

// "1000:1000"; "1000" has the group of the same number. INVALID_ARGUMENT for anything else.
// Thread-safe.
absl::StatusOr<FileOwner> ParseFileOwner(absl::string_view text);

// What to make of a folder.
struct DirectoryImageOptions {
  oci::Platform platform = {.os = "linux", .architecture = "amd64"};
  oci::ImageFormat format = oci::ImageFormat::kOci;
  oci::Compression compression = oci::Compression();
  oci::ConfigChanges config = {};
  std::map<std::string, std::string> annotations = {};
  std::string created_by = "stevedore";
  // Of all files; nullopt: those they have on disk.
  std::optional<FileOwner> owner = FileOwner();
  // False: folders are 0755, files 0755 or 0644 by whether anybody may run them: the same on every
  // machine whatever its umask. True: modes as on disk, set-id and sticky bits too.
  bool exact_modes = false;
  bool xattrs = false;
  // Time of every file and of the image, in seconds since 1970. nullopt: files 0, the image none.
  std::optional<int64_t> source_date_epoch = std::nullopt;
  // False leaves the path (relative to the folder) out, with everything below a folder. May be
  // null. Called from several threads.
  std::function<bool(absl::string_view path, bool is_directory)> filter = nullptr;
  int threads = 0;  // 0: one per core.
  std::stop_token stop = {};
};

// An image; its only layer is in the sink that it was written to.
struct DirectoryImage {
  oci::Image image;
  oci::LayerResult layer;
  uint64_t entries = 0;
};

// Writes everything below `directory` as one layer to `blob` and closes it: depth first, names
// bytewise, symbolic links as they are and never followed, several names of one file as hard links.
// Equal trees make equal images. INVALID_ARGUMENT, listing them, for sockets and devices, which are
// no content of an image; NOT_FOUND if there is no such folder; ABORTED for files that change
// meanwhile. Thread-safe.
absl::StatusOr<DirectoryImage> MakeDirectoryImage(const std::string& directory,
                                                  const DirectoryImageOptions& options,
                                                  base::ByteSink* blob);

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_DIRECTORY_IMAGE_H_
