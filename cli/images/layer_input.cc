#include "cli/images/layer_input.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/byte_source.h"
#include "base/hash.h"
#include "base/status.h"
#include "oci/layer/decompress.h"
#include "oci/layer/directory_tree.h"
#include "oci/layer/layer_writer.h"
#include "oci/layer/retimed_tar.h"
#include "oci/layer/tar_reader.h"

namespace stevedore::cli {
namespace {

// Digests what passes, and ends when the command does.
class DigestingSource final : public base::ByteSource {
 public:
  DigestingSource(base::ByteSource* below, std::stop_token stop)
      : below_(below), stop_(std::move(stop)), hasher_(base::HashAlgorithm::kSha256) {}

  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    if (stop_.stop_requested()) return absl::CancelledError("reading the layer was cancelled");
    ASSIGN_OR_RETURN(const size_t n, below_->Read(buffer, size));
    hasher_.Update(absl::string_view(buffer, n));
    size_ += n;
    return n;
  }
  // Of what was read; once.
  oci::Digest Digest() { return oci::Digest::FromSha256(hasher_.Finish()); }
  uint64_t size() const { return size_; }

 private:
  base::ByteSource* const below_;
  const std::stop_token stop_;
  base::Hasher hasher_;
  uint64_t size_ = 0;
};

// Reads all entries, so that hostile tars are refused here and not where they are unpacked.
absl::Status CheckTar(base::ByteSource& tar) {
  oci::TarReader reader(&tar);
  while (true) {
    ASSIGN_OR_RETURN(const std::optional<oci::TarEntry> entry, reader.Next());
    if (!entry.has_value()) return absl::OkStatus();
  }
}

transfer::BlobOpener OpenerOf(const std::string& path) {
  return [path]() -> absl::StatusOr<std::unique_ptr<base::ByteSource>> {
    ASSIGN_OR_RETURN(std::unique_ptr<base::FileSource> file, base::FileSource::Open(path));
    return file;
  };
}

// Standard input can be read once only; layers are read twice, to check and to send them.
absl::Status Spool(base::ByteSource& source, const std::string& path) {
  ASSIGN_OR_RETURN(base::FileDescriptor file,
                   base::OpenFile(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
  base::FileSink sink(std::move(file), path);
  RETURN_IF_ERROR(base::CopyAll(source, sink).status());
  return sink.Close();
}

}  // namespace

absl::StatusOr<std::unique_ptr<LayerInputs>> LayerInputs::Create(LayerInputOptions options) {
  ASSIGN_OR_RETURN(base::TemporaryDirectory directory, base::TemporaryDirectory::Create());
  return std::unique_ptr<LayerInputs>(new LayerInputs(options, std::move(directory)));
}

std::string LayerInputs::NextFile() {
  return base::JoinPath(directory_.path(), absl::StrCat("layer", ++files_));
}

oci::Compression LayerInputs::CodecLike(oci::LayerCompression had) const {
  const bool zstd =
      had == oci::LayerCompression::kZstd && options_.format == oci::ImageFormat::kOci;
  if (had == oci::LayerCompression::kNone) return *oci::Compression::Parse("none");
  if (zstd) return *oci::Compression::Parse("zstd");
  return *oci::Compression::Parse("gzip");
}

absl::StatusOr<LayerInput> LayerInputs::Compress(base::ByteSource& tar,
                                                 const oci::Compression& compression,
                                                 std::stop_token stop) {
  const std::string path = NextFile();
  ASSIGN_OR_RETURN(base::FileDescriptor file,
                   base::OpenFile(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
  base::FileSink sink(std::move(file), path);
  oci::LayerWriterOptions options;
  options.compression = compression;
  options.stop = std::move(stop);
  ASSIGN_OR_RETURN(const oci::LayerResult result,
                   oci::WriteTarLayer(tar, &sink, std::move(options)));
  return LayerInput{.layer = {.diff_id = result.diff_id, .descriptor = result.descriptor},
                    .blob = {.blob = result.descriptor, .opener = OpenerOf(path)}};
}

absl::StatusOr<LayerInput> LayerInputs::FromTar(const std::string& path, std::stop_token stop) {
  std::string file = path;
  const std::string name = path == "-" ? "standard input" : path;
  if (path == "-") {
    file = NextFile();
    base::FileSource input(base::FileDescriptor(dup(STDIN_FILENO)), name);
    RETURN_IF_ERROR(Spool(input, file), name);
  }
  // First pass: is it a tar, and which one?
  ASSIGN_OR_RETURN(std::unique_ptr<base::FileSource> opened, base::FileSource::Open(file));
  ASSIGN_OR_RETURN(const oci::Decompressed tar, oci::OpenDecompressed(std::move(opened)), name);
  DigestingSource uncompressed(tar.source.get(), stop);
  RETURN_IF_ERROR(CheckTar(uncompressed), name);
  const bool zstd_for_docker = tar.compression == oci::LayerCompression::kZstd &&
                               options_.format == oci::ImageFormat::kDocker;
  if (tar.compression == oci::LayerCompression::kNone || zstd_for_docker ||
      options_.source_date_epoch.has_value()) {
    ASSIGN_OR_RETURN(opened, base::FileSource::Open(file));
    ASSIGN_OR_RETURN(const oci::Decompressed again, oci::OpenDecompressed(std::move(opened)), name);
    oci::RetimedTar retimed(again.source.get(), options_.source_date_epoch.value_or(0));
    base::ByteSource* const source = options_.source_date_epoch.has_value()
                                         ? static_cast<base::ByteSource*>(&retimed)
                                         : again.source.get();
    ASSIGN_OR_RETURN(LayerInput input, Compress(*source, options_.compression, stop), name);
    return input;
  }
  // Compressed already: the blob is the file.
  ASSIGN_OR_RETURN(opened, base::FileSource::Open(file));
  DigestingSource blob(opened.get(), stop);
  std::vector<char> buffer(1 << 16);
  for (size_t n = 1; n != 0;) {
    ASSIGN_OR_RETURN(n, blob.Read(buffer.data(), buffer.size()), name);
  }
  const bool zstd = tar.compression == oci::LayerCompression::kZstd;
  const oci::Descriptor descriptor{.media_type = zstd ? oci::kOciLayerZstd : oci::kOciLayerGzip,
                                   .digest = blob.Digest(),
                                   .size = blob.size()};
  return LayerInput{.layer = {.diff_id = uncompressed.Digest(), .descriptor = descriptor},
                    .blob = {.blob = descriptor, .opener = OpenerOf(file)}};
}

absl::StatusOr<LayerInput> LayerInputs::FromFolder(const std::string& path, std::stop_token stop) {
  oci::WalkOptions walk;
  walk.stop = stop;
  ASSIGN_OR_RETURN(const oci::DirectoryTree tree, oci::DirectoryTree::Walk(path, std::move(walk)));
  std::vector<oci::LayerEntry> entries = tree.entries();
  for (oci::LayerEntry& entry : entries) {
    entry.uid = 0;
    entry.gid = 0;
    const bool executable = (entry.mode & 0111) != 0;
    if (entry.type == oci::LayerEntry::Type::kDirectory) entry.mode = 0755;
    if (entry.type == oci::LayerEntry::Type::kFile ||
        entry.type == oci::LayerEntry::Type::kHardLink) {
      entry.mode = executable ? 0755 : 0644;
    }
  }
  const std::string file_name = NextFile();
  ASSIGN_OR_RETURN(base::FileDescriptor file,
                   base::OpenFile(file_name, O_WRONLY | O_CREAT | O_EXCL, 0600));
  base::FileSink sink(std::move(file), file_name);
  oci::LayerWriterOptions options;
  options.compression = options_.compression;
  options.source_date_epoch = options_.source_date_epoch.value_or(0);
  options.stop = std::move(stop);
  ASSIGN_OR_RETURN(const oci::LayerResult result,
                   oci::WriteLayer(std::move(entries), tree, &sink, std::move(options)), path);
  return LayerInput{.layer = {.diff_id = result.diff_id, .descriptor = result.descriptor},
                    .blob = {.blob = result.descriptor, .opener = OpenerOf(file_name)}};
}

absl::StatusOr<LayerInput> LayerInputs::FromPath(const std::string& path, std::stop_token stop) {
  struct stat info = {};
  if (path != "-" && stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
    return FromFolder(path, std::move(stop));
  }
  return FromTar(path, std::move(stop));
}

absl::StatusOr<LayerInput> LayerInputs::Retimed(transfer::ImageSource& source,
                                                const oci::Descriptor& layer, int64_t seconds,
                                                std::stop_token stop) {
  const auto known = retimed_.find(layer.digest);
  if (known != retimed_.end()) return known->second;
  ASSIGN_OR_RETURN(std::unique_ptr<base::ByteSource> blob, source.OpenBlob(layer, stop));
  ASSIGN_OR_RETURN(const oci::Decompressed tar, oci::OpenDecompressed(std::move(blob)));
  oci::RetimedTar retimed(tar.source.get(), seconds);
  ASSIGN_OR_RETURN(LayerInput input, Compress(retimed, CodecLike(tar.compression), stop), "layer ",
                   layer.digest.Short());
  retimed_.emplace(layer.digest, input);
  return input;
}

}  // namespace stevedore::cli
