#include "oci/layout/layout_archive.h"

#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/status.h"
#include "nlohmann/json.hpp"
#include "oci/image/canonical_json.h"
#include "oci/image/digest.h"
#include "oci/image/index.h"
#include "oci/image/manifest.h"
#include "oci/image/media_type.h"
#include "oci/layer/layer_entry.h"
#include "oci/layer/tar_reader.h"
#include "oci/layer/tar_writer.h"

namespace stevedore::oci {
namespace {

constexpr char kLayoutFile[] = "oci-layout";
constexpr char kIndexFile[] = "index.json";
constexpr char kBlobs[] = "blobs";
constexpr uint64_t kMaxIndexBytes = 64 << 20;
// Indexes of indexes: real ones have two levels.
constexpr int kMaxNesting = 8;

// Collects what a document refers to.
class Closure {
 public:
  explicit Closure(const Layout& layout) : layout_(layout) {}

  absl::Status Add(const Descriptor& descriptor, int depth = 0) {
    if (depth > kMaxNesting) {
      return absl::InvalidArgumentError(
          absl::StrCat("indexes nest deeper than the allowed ", kMaxNesting, " levels"));
    }
    if (!blobs_.insert(descriptor.digest).second) return absl::OkStatus();
    const absl::StatusOr<uint64_t> size = layout_.BlobSize(descriptor.digest);
    if (!size.ok() || *size != descriptor.size) {
      return absl::DataLossError(absl::StrCat(
          "blob ", descriptor.digest.ToString(), " of ", descriptor.size, " bytes is ",
          size.ok() ? absl::StrCat(*size, " bytes long") : "missing", " in ", layout_.directory()));
    }
    if (IsIndexType(descriptor.media_type)) {
      ASSIGN_OR_RETURN(std::string bytes, layout_.ReadBlob(descriptor.digest));
      ASSIGN_OR_RETURN(const Index index, Index::Parse(std::move(bytes), descriptor.media_type));
      for (const Descriptor& child : index.manifests()) RETURN_IF_ERROR(Add(child, depth + 1));
    } else if (IsManifestType(descriptor.media_type)) {
      ASSIGN_OR_RETURN(std::string bytes, layout_.ReadBlob(descriptor.digest));
      ASSIGN_OR_RETURN(const Manifest manifest,
                       Manifest::Parse(std::move(bytes), descriptor.media_type));
      RETURN_IF_ERROR(Add(manifest.config(), depth + 1));
      for (const Descriptor& layer : manifest.layers()) {
        // Layers that may not be copied are fetched from their vendor.
        if (IsNonDistributable(layer.media_type) && !layout_.HasBlob(layer.digest)) continue;
        RETURN_IF_ERROR(Add(layer, depth + 1));
      }
    }
    return absl::OkStatus();
  }

  const std::set<Digest>& blobs() const { return blobs_; }

 private:
  const Layout& layout_;
  std::set<Digest> blobs_;  // Ordered as the names in the archive are.
};

LayerEntry Entry(std::string path, LayerEntry::Type type, uint64_t size = 0) {
  LayerEntry entry;
  entry.path = std::move(path);
  entry.type = type;
  entry.mode = type == LayerEntry::Type::kDirectory ? 0755 : 0644;
  entry.size = size;
  return entry;
}

absl::Status AppendBlobs(const Layout& layout, const std::set<Digest>& blobs, TarWriter& writer) {
  RETURN_IF_ERROR(writer.Append(Entry(kBlobs, LayerEntry::Type::kDirectory)));
  absl::string_view algorithm;
  for (const Digest& digest : blobs) {
    if (digest.algorithm() != algorithm) {
      algorithm = digest.algorithm();
      RETURN_IF_ERROR(
          writer.Append(Entry(absl::StrCat(kBlobs, "/", algorithm), LayerEntry::Type::kDirectory)));
    }
    ASSIGN_OR_RETURN(const uint64_t size, layout.BlobSize(digest));
    ASSIGN_OR_RETURN(const std::unique_ptr<base::ByteSource> source, layout.OpenBlob(digest));
    RETURN_IF_ERROR(writer.Append(
        Entry(absl::StrCat(kBlobs, "/", digest.Path()), LayerEntry::Type::kFile, size), *source));
  }
  return absl::OkStatus();
}

// The entries with these names and an index of only them.
absl::StatusOr<Index> Subset(const Layout& layout, const std::vector<std::string>& ref_names) {
  std::vector<Descriptor> manifests;
  for (const std::string& name : ref_names) {
    ASSIGN_OR_RETURN(Descriptor descriptor, layout.Find(name));
    manifests.push_back(std::move(descriptor));
  }
  return Index::Create(manifests);
}

// What an archive is read into, entry by entry.
class ArchiveReader {
 public:
  explicit ArchiveReader(Layout layout) : layout_(std::move(layout)) {}

  absl::Status Take(const LayerEntry& entry, base::ByteSource& content) {
    absl::string_view path = entry.path;
    if (entry.type == LayerEntry::Type::kDirectory) {
      if (path == kBlobs || path == "blobs/sha256" || path == "blobs/sha512") {
        return absl::OkStatus();
      }
    } else if (entry.type == LayerEntry::Type::kFile) {
      if (path == kLayoutFile) {
        return ReadInto(content, &version_);
      }
      if (path == kIndexFile) return ReadInto(content, &index_);
      if (absl::ConsumePrefix(&path, "blobs/") && absl::StrContains(path, "/")) {
        const size_t slash = path.find('/');
        ASSIGN_OR_RETURN(const Digest digest, Digest::Parse(absl::StrCat(path.substr(0, slash), ":",
                                                                         path.substr(slash + 1))));
        return TakeBlob(digest, content);
      }
    }
    return absl::InvalidArgumentError(absl::StrCat(
        base::Quoted(entry.path), " is not a part of an image layout (`oci-layout`, `index.json`, ",
        "files `blobs/sha256/<digest>`)"));
  }

  absl::StatusOr<Layout> Finish() {
    if (version_ != "{\"imageLayoutVersion\":\"1.0.0\"}") {
      ASSIGN_OR_RETURN(const nlohmann::json json, ParseJson(version_), kLayoutFile);
      if (!json.is_object() || json.value("imageLayoutVersion", nlohmann::json()) != "1.0.0") {
        return absl::InvalidArgumentError(absl::StrCat("oci-layout holds ", base::Quoted(version_),
                                                       "; only version 1.0.0 is supported"));
      }
    }
    ASSIGN_OR_RETURN(const Index index, Index::Parse(index_, "", kMaxIndexBytes), kIndexFile);
    for (const Descriptor& manifest : index.manifests()) {
      if (layout_.HasBlob(manifest.digest)) continue;
      return absl::DataLossError(absl::StrCat("index.json lists ", manifest.digest.ToString(),
                                              ", which is not in the archive"));
    }
    RETURN_IF_ERROR(
        base::WriteFileAtomically(base::JoinPath(layout_.directory(), kIndexFile), index.bytes()));
    return layout_;
  }

 private:
  static absl::Status ReadInto(base::ByteSource& content, std::string* out) {
    ASSIGN_OR_RETURN(*out, base::ReadAll(content, kMaxIndexBytes));
    return absl::OkStatus();
  }

  absl::Status TakeBlob(const Digest& digest, base::ByteSource& content) {
    ASSIGN_OR_RETURN(const std::unique_ptr<BlobWriter> writer,
                     layout_.StartBlob(digest.hash_algorithm()));
    RETURN_IF_ERROR(base::CopyAll(content, *writer).status());
    return writer->Commit(digest).status();
  }

  const Layout layout_;
  std::string version_;
  std::string index_;
};

}  // namespace

absl::Status WriteLayoutArchive(const Layout& layout, const std::vector<std::string>& ref_names,
                                base::ByteSink* tar) {
  absl::StatusOr<Index> index = ref_names.empty() ? layout.ReadIndex() : Subset(layout, ref_names);
  RETURN_IF_ERROR(index.status());
  Closure closure(layout);
  for (const Descriptor& manifest : index->manifests()) RETURN_IF_ERROR(closure.Add(manifest));

  TarWriter writer(tar);
  RETURN_IF_ERROR(AppendBlobs(layout, closure.blobs(), writer));
  RETURN_IF_ERROR(
      writer.Append(Entry(kIndexFile, LayerEntry::Type::kFile), absl::string_view(index->bytes())));
  RETURN_IF_ERROR(writer.Append(Entry(kLayoutFile, LayerEntry::Type::kFile),
                                absl::string_view("{\"imageLayoutVersion\":\"1.0.0\"}")));
  RETURN_IF_ERROR(writer.Finish());
  return tar->Close();
}

absl::StatusOr<Layout> ReadLayoutArchive(base::ByteSource& tar, const std::string& directory) {
  if (base::Exists(base::JoinPath(directory, kLayoutFile))) {
    return absl::FailedPreconditionError(
        absl::StrCat(directory, " already holds an image layout; choose another folder"));
  }
  ASSIGN_OR_RETURN(Layout layout, Layout::OpenOrCreate(directory));
  ArchiveReader archive(std::move(layout));
  TarReader reader(&tar);
  while (true) {
    ASSIGN_OR_RETURN(const std::optional<TarEntry> entry, reader.Next());
    if (!entry.has_value()) break;
    RETURN_IF_ERROR(archive.Take(entry->entry, reader.Content()), "entry ",
                    base::Quoted(entry->entry.path));
  }
  return archive.Finish();
}

}  // namespace stevedore::oci
