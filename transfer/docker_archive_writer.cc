#include "transfer/docker_archive_writer.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/spool.h"
#include "base/status.h"
#include "nlohmann/json.hpp"
#include "oci/image/canonical_json.h"
#include "oci/image/media_type.h"
#include "oci/layer/decompress.h"
#include "oci/layer/tar_header.h"

namespace stevedore::transfer {
namespace {

using Json = nlohmann::json;

// The content of one file and how long it is.
struct SizedSource {
  std::unique_ptr<base::ByteSource> source;
  uint64_t size = 0;
};

// A tar that is made while it is read.
class ArchiveSource final : public base::ByteSource {
 public:
  using Opener = std::function<absl::StatusOr<SizedSource>()>;

  // `open` is called when its turn comes.
  void Add(std::string path, Opener open) { parts_.push_back({std::move(path), std::move(open)}); }
  void AddText(std::string path, std::string text) {
    Add(std::move(path), [text = std::move(text)]() -> absl::StatusOr<SizedSource> {
      return SizedSource{std::make_unique<base::StringSource>(text), text.size()};
    });
  }
  void AddFolder(std::string path) { parts_.push_back({std::move(path), nullptr}); }

  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    while (pending_.size() == taken_) {
      if (content_.source != nullptr) {
        ASSIGN_OR_RETURN(const size_t count, ReadContent(buffer, size));
        if (count > 0) return count;
      } else if (!parts_.empty()) {
        RETURN_IF_ERROR(Begin());
      } else if (!ended_) {
        ended_ = true;
        Pend(std::string(oci::kTarEndBytes, '\0'));
      } else {
        return 0;
      }
    }
    const size_t count = pending_.copy(buffer, size, taken_);
    taken_ += count;
    return count;
  }

 private:
  struct Part {
    std::string path;
    Opener open;  // Empty: a folder.
  };

  void Pend(std::string bytes) {
    pending_ = std::move(bytes);
    taken_ = 0;
  }

  // 0 at the end of the part.
  absl::StatusOr<size_t> ReadContent(char* buffer, size_t size) {
    ASSIGN_OR_RETURN(const size_t count, content_.source->Read(buffer, size));
    if (count > left_ || (count == 0 && left_ > 0)) {
      return absl::DataLossError(absl::StrCat(path_, " has not the size it said"));
    }
    left_ -= count;
    if (count > 0) return count;
    content_.source.reset();
    Pend(std::string(oci::TarPadded(content_.size) - content_.size, '\0'));
    return 0;
  }

  absl::Status Begin() {
    const Part part = std::move(parts_.front());
    parts_.pop_front();
    path_ = part.path;
    oci::LayerEntry entry;
    entry.path = part.path;
    if (part.open == nullptr) {
      entry.type = oci::LayerEntry::Type::kDirectory;
      entry.mode = 0755;
    } else {
      ASSIGN_OR_RETURN(content_, part.open(), part.path);
      entry.size = left_ = content_.size;
    }
    std::string header;
    RETURN_IF_ERROR(oci::AppendTarHeader(entry, {}, &header));
    Pend(std::move(header));
    return absl::OkStatus();
  }

  std::deque<Part> parts_;
  std::string path_;  // Of `content_`.
  SizedSource content_;
  uint64_t left_ = 0;
  std::string pending_;
  size_t taken_ = 0;
  bool ended_ = false;
};

// Reads a file from its start.
class WholeSource final : public base::ByteSource {
 public:
  WholeSource(std::unique_ptr<base::FileReader> file, uint64_t size)
      : file_(std::move(file)), left_(size) {}
  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    const size_t count = std::min<uint64_t>(size, left_);
    if (count == 0) return 0;
    RETURN_IF_ERROR(file_->ReadAt(offset_, buffer, count));
    offset_ += count;
    left_ -= count;
    return count;
  }

 private:
  const std::unique_ptr<base::FileReader> file_;
  uint64_t offset_ = 0;
  uint64_t left_;
};

absl::StatusOr<SizedSource> OpenLayer(const oci::Descriptor& layer, ImageSource* source,
                                      const std::string& scratch, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(std::unique_ptr<base::ByteSource> blob, source->OpenBlob(layer, stop));
  if (oci::CompressionOf(layer.media_type) != oci::LayerCompression::kZstd) {
    return SizedSource{std::move(blob), layer.size};
  }
  ASSIGN_OR_RETURN(const oci::Decompressed plain, oci::OpenDecompressed(std::move(blob)));
  ASSIGN_OR_RETURN(std::unique_ptr<base::FileReader> file,
                   base::SpoolToFile(*plain.source, scratch));
  ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  return SizedSource{std::make_unique<WholeSource>(std::move(file), size), size};
}

// The name of a layer's folder: what is in it has that digest.
const oci::Digest& ContentOf(const DockerArchiveImage& image, size_t i) {
  const oci::Descriptor& layer = image.manifest.layers()[i];
  const bool unpacked = oci::CompressionOf(layer.media_type) == oci::LayerCompression::kZstd;
  return unpacked ? image.config.diff_ids()[i] : layer.digest;
}

}  // namespace

absl::StatusOr<std::unique_ptr<base::ByteSource>> OpenDockerArchive(
    const std::vector<DockerArchiveImage>& images, ImageSource* source, const std::string& scratch,
    std::stop_token stop) {
  auto archive = std::make_unique<ArchiveSource>();
  Json list = Json::array();
  std::set<oci::Digest> seen;
  for (const DockerArchiveImage& image : images) {
    if (image.manifest.layers().size() != image.config.diff_ids().size()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "image ", image.manifest.digest().Short(), " has ", image.manifest.layers().size(),
          " layers where its config has ", image.config.diff_ids().size()));
    }
    const std::string config = absl::StrCat(image.config.digest().hex(), ".json");
    if (seen.insert(image.config.digest()).second) archive->AddText(config, image.config.bytes());
    Json layers = Json::array();
    for (size_t i = 0; i < image.manifest.layers().size(); ++i) {
      layers.push_back(absl::StrCat(ContentOf(image, i).hex(), "/layer.tar"));
    }
    list.push_back({{"Config", config}, {"RepoTags", image.names}, {"Layers", std::move(layers)}});
  }
  ASSIGN_OR_RETURN(std::string text, oci::CanonicalJson(list));
  archive->AddText("manifest.json", std::move(text));
  for (const DockerArchiveImage& image : images) {
    for (size_t i = 0; i < image.manifest.layers().size(); ++i) {
      const oci::Digest& content = ContentOf(image, i);
      if (!seen.insert(content).second) continue;
      const std::string folder(content.hex());
      archive->AddFolder(folder);
      archive->Add(absl::StrCat(folder, "/layer.tar"),
                   [layer = image.manifest.layers()[i], source, scratch, stop] {
                     return OpenLayer(layer, source, scratch, stop);
                   });
    }
  }
  return archive;
}

}  // namespace stevedore::transfer
