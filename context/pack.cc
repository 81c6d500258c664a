#include "context/pack.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/status.h"
#include "oci/image/canonical_json.h"
#include "oci/image/manifest.h"
#include "oci/image/media_type.h"
#include "oci/layer/compression.h"
#include "oci/layer/layer_entry.h"
#include "oci/layer/layer_writer.h"

namespace stevedore::context {
namespace {

// Content bytes per pack on average.
constexpr uint64_t kPackTargetBytes = 1 << 20;

void AppendNumber(std::string* out, uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    out->push_back(static_cast<char>(value >> shift));
  }
}

void AppendText(std::string* out, absl::string_view text) {
  AppendNumber(out, text.size(), 4);
  out->append(text.data(), text.size());
}

// Whether a pack ends after `entry`: depends on nothing but the entry.
bool CutsAfter(const TreeEntry& entry) {
  if (entry.size >= kPackTargetBytes) return true;
  if (entry.size == 0) return false;
  const std::string hash = base::Sha256(entry.path);
  uint64_t h = 0;
  for (int i = 0; i < 8; ++i) h = h << 8 | static_cast<unsigned char>(hash[i]);
  // H / 2^64 < size / 2^20, both sides times 2^64; size is below 2^20 here.
  return h < entry.size << 44;
}

Pack MakePack(const std::vector<TreeEntry>& entries, size_t begin, size_t end) {
  Pack pack;
  pack.begin = begin;
  pack.end = end;
  base::Hasher hasher;
  for (size_t i = begin; i < end; ++i) {
    const TreeEntry& entry = entries[i];
    pack.content_bytes += entry.size;
    std::string record;
    AppendNumber(&record, static_cast<uint64_t>(entry.type), 1);
    AppendNumber(&record, entry.mode, 4);
    AppendNumber(&record, entry.size, 8);
    AppendText(&record, entry.path);
    AppendText(&record, entry.link_target);
    record.append(entry.digest.data(), entry.digest.size());
    hasher.Update(record);
  }
  pack.key = oci::Digest::FromSha256(hasher.Finish());
  return pack;
}

// Descriptor members in canonical order; all texts are ours or digests, so none needs escaping.
std::string DescriptorJson(const oci::Descriptor& descriptor) {
  std::string json = "{";
  const auto key = descriptor.annotations.find(std::string(kPackKeyAnnotation));
  if (key != descriptor.annotations.end()) {
    absl::StrAppend(&json, "\"annotations\":{\"", kPackKeyAnnotation, "\":\"", key->second, "\"},");
  }
  absl::StrAppend(&json, "\"digest\":\"", descriptor.digest.ToString(), "\",\"mediaType\":\"",
                  descriptor.media_type, "\",\"size\":", descriptor.size, "}");
  return json;
}

}  // namespace

std::vector<Pack> CutPacks(const std::vector<TreeEntry>& entries) {
  std::vector<Pack> packs;
  size_t begin = 0;
  uint64_t bytes = 0;
  const auto cut = [&](size_t end) {
    if (end > begin) packs.push_back(MakePack(entries, begin, end));
    begin = end;
    bytes = 0;
  };
  for (size_t i = 0; i < entries.size(); ++i) {
    const uint64_t size = entries[i].size;
    // A large file stands alone; a stretch stays within the limit.
    if (size > kPackLimitBytes || bytes + size > kPackLimitBytes) cut(i);
    bytes += size;
    if (CutsAfter(entries[i])) cut(i + 1);
  }
  cut(entries.size());
  if (packs.empty()) packs.push_back(MakePack(entries, 0, 0));
  return packs;
}

absl::StatusOr<oci::Descriptor> WritePack(const Tree& tree, const Pack& pack, base::ByteSink* blob,
                                          const PackWriteOptions& options) {
  std::vector<oci::LayerEntry> entries;
  entries.reserve(pack.end - pack.begin);
  for (size_t i = pack.begin; i < pack.end; ++i) {
    const TreeEntry& entry = tree.entries()[i];
    oci::LayerEntry layer_entry;
    layer_entry.path = entry.path;
    layer_entry.mode = entry.mode;
    layer_entry.size = entry.size;
    layer_entry.link_target = entry.link_target;
    layer_entry.content_id = entry.content_id;
    switch (entry.type) {
      case TreeEntry::Type::kFile:
        layer_entry.type = oci::LayerEntry::Type::kFile;
        break;
      case TreeEntry::Type::kDirectory:
        layer_entry.type = oci::LayerEntry::Type::kDirectory;
        break;
      case TreeEntry::Type::kSymlink:
        layer_entry.type = oci::LayerEntry::Type::kSymlink;
        break;
    }
    entries.push_back(std::move(layer_entry));
  }
  oci::LayerWriterOptions write;
  ASSIGN_OR_RETURN(write.compression, oci::Compression::Parse("zstd"));
  write.threads = 1;  // Packs are small, and several are written at once.
  write.budget = options.budget;
  write.stop = options.stop;
  ASSIGN_OR_RETURN(oci::LayerResult result,
                   oci::WriteLayer(std::move(entries), tree, blob, std::move(write)),
                   "write a pack of the context");
  oci::Descriptor descriptor = std::move(result.descriptor);
  descriptor.media_type = std::string(kPackMediaType);
  descriptor.annotations[std::string(kPackKeyAnnotation)] = pack.key.ToString();
  return descriptor;
}

std::string ContextTag(const oci::Digest& tree_digest) {
  return absl::StrCat("ctx-", tree_digest.hex());
}

oci::Descriptor EmptyConfigDescriptor() {
  oci::Descriptor descriptor;
  descriptor.media_type = oci::kOciEmpty;
  descriptor.digest = oci::Digest::Of(kEmptyConfig);
  descriptor.size = kEmptyConfig.size();
  return descriptor;
}

absl::StatusOr<std::string> ContextManifest(const oci::Digest& tree_digest,
                                            absl::Span<const oci::Descriptor> packs) {
  std::string json =
      absl::StrCat("{\"annotations\":{\"dev.stevedore.tree\":\"", tree_digest.ToString(),
                   "\"},\"artifactType\":\"", kContextArtifactType,
                   "\",\"config\":", DescriptorJson(EmptyConfigDescriptor()), ",\"layers\":[");
  for (size_t i = 0; i < packs.size(); ++i) {
    absl::StrAppend(&json, i == 0 ? "" : ",", DescriptorJson(packs[i]));
  }
  absl::StrAppend(&json, "],\"mediaType\":\"", oci::kOciManifest, "\",\"schemaVersion\":2}");
  if (json.size() > oci::kMaxDocumentBytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the context has ", packs.size(), " packs; its manifest would be ",
                     json.size(), " bytes, and registries take ", oci::kMaxDocumentBytes,
                     "; split the context or leave large files out of it"));
  }
  return json;
}

absl::StatusOr<std::vector<oci::Descriptor>> ParseContextManifest(absl::string_view bytes) {
  ASSIGN_OR_RETURN(const oci::Manifest manifest,
                   oci::Manifest::Parse(std::string(bytes), oci::kOciManifest),
                   "manifest of a context");
  if (manifest.artifact_type() != kContextArtifactType) {
    return absl::InvalidArgumentError(absl::StrCat("manifest of a context: artifact type ",
                                                   base::Quoted(manifest.artifact_type()),
                                                   " instead of ", kContextArtifactType));
  }
  for (const oci::Descriptor& layer : manifest.layers()) {
    const auto key = layer.annotations.find(std::string(kPackKeyAnnotation));
    // Keys are written back as they are, so they must be what they should be.
    if (layer.media_type == kPackMediaType && layer.digest.algorithm() == "sha256" &&
        (key == layer.annotations.end() || oci::Digest::Parse(key->second).ok())) {
      continue;
    }
    return absl::InvalidArgumentError(absl::StrCat("manifest of a context: layer ",
                                                   layer.digest.Short(), " of type ",
                                                   base::Quoted(layer.media_type), " is no pack"));
  }
  return manifest.layers();
}

}  // namespace stevedore::context
