// Layers from tars and folders that a command line names.

#ifndef STEVEDORE_CLI_IMAGES_LAYER_INPUT_H_
#define STEVEDORE_CLI_IMAGES_LAYER_INPUT_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "base/file.h"
#include "oci/image/image_editor.h"
#include "oci/image/media_type.h"
#include "oci/layer/compression.h"
#include "transfer/image_source.h"
#include "transfer/image_writing.h"

namespace stevedore::cli {

// A layer that is ready to be appended and sent.
struct LayerInput {
  oci::AppendedLayer layer;
  transfer::NewBlob blob;
};

// How to make layers.
struct LayerInputOptions {
  // Of layers that are not compressed yet.
  oci::Compression compression = oci::Compression();
  // Docker's family has no zstd layers: such tars are compressed anew.
  oci::ImageFormat format = oci::ImageFormat::kOci;
  // The time of every entry in seconds since 1970; not given: tars keep theirs, folders get 0.
  std::optional<int64_t> source_date_epoch = std::nullopt;
};

// Makes layers, each in one pass with bounded memory; what was made lies in a folder that goes with
// this object, so it must outlive the writing of the image. Not thread-safe.
class LayerInputs {
 public:
  // The folder is made in the system's place for temporary files.
  static absl::StatusOr<std::unique_ptr<LayerInputs>> Create(LayerInputOptions options);

  // The tar at `path`, plain or compressed; "-" is standard input. What is compressed with gzip or
  // zstd already is taken as it is (unless times change), so that its digest stays. NOT_FOUND;
  // INVALID_ARGUMENT, naming the file and the byte, for what is no tar or would do harm.
  absl::StatusOr<LayerInput> FromTar(const std::string& path, std::stop_token stop);

  // Everything below the folder at `path`, as the assemble driver takes files: owner root, mode
  // 0755 for folders and what may be executed, 0644 for other files.
  absl::StatusOr<LayerInput> FromFolder(const std::string& path, std::stop_token stop);

  // FromFolder or FromTar, whichever `path` is.
  absl::StatusOr<LayerInput> FromPath(const std::string& path, std::stop_token stop);

  // A layer of an image with other times: its blob is read from `source` and written anew, with the
  // codec that it had. A blob that was done before is not done again.
  absl::StatusOr<LayerInput> Retimed(transfer::ImageSource& source, const oci::Descriptor& layer,
                                     int64_t seconds, std::stop_token stop);

 private:
  LayerInputs(LayerInputOptions options, base::TemporaryDirectory directory)
      : options_(options), directory_(std::move(directory)) {}

  std::string NextFile();
  // Compresses the tar that `tar` reads.
  absl::StatusOr<LayerInput> Compress(base::ByteSource& tar, const oci::Compression& compression,
                                      std::stop_token stop);
  // The codec to write with where it was `had` before.
  oci::Compression CodecLike(oci::LayerCompression had) const;

  const LayerInputOptions options_;
  const base::TemporaryDirectory directory_;
  int files_ = 0;
  std::map<oci::Digest, LayerInput> retimed_;  // By the blob's digest before.
};

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_IMAGES_LAYER_INPUT_H_
