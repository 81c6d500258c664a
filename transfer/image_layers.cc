#include "transfer/image_layers.h"

#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/byte_source.h"
#include "base/file.h"
#include "base/status.h"

namespace stevedore::transfer {
namespace {

// What is known of one blob after it was read.
struct Spool {
  std::shared_ptr<base::FileReader> file;  // Null until there is a whole copy.
  uint64_t size = 0;
};

// Passes a blob on and leaves a copy behind once all of it, verified, went by.
class CopyingSource final : public base::ByteSource {
 public:
  CopyingSource(std::unique_ptr<base::ByteSource> source, base::FileDescriptor file,
                std::shared_ptr<Spool> spool)
      : source_(std::move(source)), file_(std::move(file)), spool_(std::move(spool)) {}

  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    ASSIGN_OR_RETURN(const size_t count, source_->Read(buffer, size));
    if (count > 0) {
      RETURN_IF_ERROR(base::WriteFully(file_.get(), absl::string_view(buffer, count), "spool"));
      size_ += count;
    } else if (file_.valid()) {
      spool_->file = std::make_shared<base::FileReader>(std::move(file_), "spool");
      spool_->size = size_;
    }
    return count;
  }

 private:
  const std::unique_ptr<base::ByteSource> source_;
  base::FileDescriptor file_;
  const std::shared_ptr<Spool> spool_;
  uint64_t size_ = 0;
};

// Reads such a copy.
class CopySource final : public base::ByteSource {
 public:
  explicit CopySource(const Spool& spool) : file_(spool.file), size_(spool.size) {}

  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    const size_t count = std::min<uint64_t>(size, size_ - offset_);
    if (count > 0) RETURN_IF_ERROR(file_->ReadAt(offset_, buffer, count));
    offset_ += count;
    return count;
  }

 private:
  const std::shared_ptr<base::FileReader> file_;
  const uint64_t size_;
  uint64_t offset_ = 0;
};

absl::StatusOr<std::unique_ptr<base::ByteSource>> OpenSpooled(ImageSource& images,
                                                              const oci::Descriptor& blob,
                                                              const ImageLayersOptions& options,
                                                              const std::shared_ptr<Spool>& spool) {
  if (spool->file != nullptr) return std::make_unique<CopySource>(*spool);
  ASSIGN_OR_RETURN(std::unique_ptr<base::ByteSource> source, images.OpenBlob(blob, options.stop));
  if (options.spool_directory.empty()) return source;
  ASSIGN_OR_RETURN(base::FileDescriptor file, base::OpenUnlinkedFile(options.spool_directory));
  return std::make_unique<CopyingSource>(std::move(source), std::move(file), spool);
}

}  // namespace

absl::StatusOr<std::vector<oci::LayerStream>> OpenImageLayers(ImageSource& images,
                                                              const oci::Image& image,
                                                              const ImageLayersOptions& options) {
  const std::vector<oci::Descriptor>& blobs = image.manifest.layers();
  const std::vector<oci::Digest>& diff_ids = image.config.diff_ids();
  if (blobs.size() != diff_ids.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        images.Describe(), ": the manifest ", image.manifest.digest().ToString(), " has ",
        blobs.size(), " layers, but its config ", diff_ids.size(), " diff ids"));
  }
  std::vector<oci::LayerStream> layers;
  for (size_t i = 0; i < blobs.size(); ++i) {
    oci::LayerStream layer;
    layer.name = absl::StrCat("layer ", i + 1, " (", blobs[i].digest.ToString(), ")");
    layer.diff_id = diff_ids[i];
    layer.open = [&images, blob = blobs[i], options, spool = std::make_shared<Spool>()] {
      return OpenSpooled(images, blob, options, spool);
    };
    layers.push_back(std::move(layer));
  }
  return layers;
}

}  // namespace stevedore::transfer
