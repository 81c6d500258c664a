// Archives as `docker load` reads them.

#ifndef STEVEDORE_TRANSFER_DOCKER_ARCHIVE_WRITER_H_
#define STEVEDORE_TRANSFER_DOCKER_ARCHIVE_WRITER_H_

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/byte_source.h"
#include "oci/image/image_config.h"
#include "oci/image/manifest.h"
#include "transfer/image_source.h"

namespace stevedore::transfer {

// One image to write. A value.
struct DockerArchiveImage {
  oci::Manifest manifest;
  oci::ImageConfig config;         // Has as many diff ids as the manifest has layers.
  std::vector<std::string> names;  // "shop/web:1.4"; may be empty.
};

// A docker archive that is made while it is read: configs, manifest.json, layers, each once, with
// all times zero, so that equal images give equal bytes. Gzip layers go as they are, zstd ones
// unpacked, one at a time, in `scratch` (empty: the system's folder), as engines before version 23
// do not know zstd. Blobs come from `source`, which must outlive the archive. INVALID_ARGUMENT if
// an image has other layers than its config says. Not thread-safe.
absl::StatusOr<std::unique_ptr<base::ByteSource>> OpenDockerArchive(
    const std::vector<DockerArchiveImage>& images, ImageSource* source, const std::string& scratch,
    std::stop_token stop);

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_DOCKER_ARCHIVE_WRITER_H_
