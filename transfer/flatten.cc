#include "transfer/flatten.h"

#include <utility>

#include "absl/status/status.h"
#include "base/byte_source.h"
#include "base/file.h"
#include "base/status.h"
#include "oci/image/image_editor.h"
#include "oci/layer/layer_writer.h"

namespace stevedore::transfer {
namespace {

constexpr size_t kCopyBytes = 1 << 16;

// Contents of files one after the other in one file; `content_id` is the offset.
class ScratchContents final : public oci::LayerContents {
 public:
  explicit ScratchContents(base::FileDescriptor file) : file_(std::move(file), "unpacked files") {}

  absl::StatusOr<std::unique_ptr<base::RandomReader>> Open(
      const oci::LayerEntry& entry) const override {
    return std::make_unique<Part>(&file_, entry.content_id);
  }

 private:
  class Part final : public base::RandomReader {
   public:
    Part(const base::FileReader* file, uint64_t start) : file_(file), start_(start) {}
    absl::Status ReadAt(uint64_t offset, char* buffer, size_t size) const override {
      return file_->ReadAt(start_ + offset, buffer, size);
    }

   private:
    const base::FileReader* const file_;
    const uint64_t start_;
  };

  const base::FileReader file_;
};

// Copies the contents of all files to `file` and says in `entries` where they are.
absl::Status Unpack(const oci::MergedFilesystem& files, int file,
                    std::vector<oci::LayerEntry>& entries) {
  uint64_t offset = 0;
  std::vector<char> buffer(kCopyBytes);
  return files.ReadContents([&](size_t index, base::ByteSource& content) -> absl::Status {
    entries[index].content_id = offset;
    while (true) {
      ASSIGN_OR_RETURN(const size_t count, content.Read(buffer.data(), buffer.size()));
      if (count == 0) return absl::OkStatus();
      RETURN_IF_ERROR(
          base::WriteFully(file, absl::string_view(buffer.data(), count), "unpacked files"));
      offset += count;
    }
  });
}

absl::StatusOr<oci::LayerResult> WriteMerged(std::vector<oci::LayerStream> layers,
                                             const FlattenOptions& options, base::ByteSink* blob) {
  std::vector<oci::LayerEntry> entries;
  ASSIGN_OR_RETURN(base::FileDescriptor file, base::OpenUnlinkedFile(options.scratch_directory));
  {
    ASSIGN_OR_RETURN(const oci::MergedFilesystem files,
                     oci::MergedFilesystem::Plan(std::move(layers), options.merge));
    entries.reserve(files.size());
    for (size_t i = 0; i < files.size(); ++i) entries.push_back(files.Entry(i).entry);
    RETURN_IF_ERROR(Unpack(files, file.get(), entries));
  }
  const ScratchContents contents(std::move(file));
  oci::LayerWriterOptions writing;
  writing.compression = options.compression;
  writing.threads = options.threads;
  writing.stop = options.merge.stop;
  return oci::WriteLayer(std::move(entries), contents, blob, std::move(writing));
}

}  // namespace

absl::StatusOr<Flattened> FlattenImage(const oci::Image& image,
                                       std::vector<oci::LayerStream> layers,
                                       const FlattenOptions& options, base::ByteSink* blob) {
  ASSIGN_OR_RETURN(oci::ImageEditor editor, oci::ImageEditor::Create(image));
  // Before the long work: Docker's format knows no zstd.
  RETURN_IF_ERROR(
      oci::LayerMediaType(editor.format(), options.compression.layer_compression()).status());
  Flattened flat;
  ASSIGN_OR_RETURN(flat.layer, WriteMerged(std::move(layers), options, blob), "flatten ",
                   image.manifest.digest().ToString());
  editor.RemoveAllLayers();
  editor.KeepCreated();
  RETURN_IF_ERROR(editor.AppendLayer({.diff_id = flat.layer.diff_id,
                                      .descriptor = flat.layer.descriptor,
                                      .created_by = options.created_by}));
  ASSIGN_OR_RETURN(flat.image, editor.Finish());
  return flat;
}

}  // namespace stevedore::transfer
