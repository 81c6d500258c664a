#include "worker/drivers/native_base_layer.h"

#include <cstring>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/byte_source.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/spool.h"
#include "base/status.h"
#include "oci/layer/decompress.h"
#include "oci/layer/tar_contents.h"
#include "oci/layer/tar_reader.h"

namespace stevedore::worker::native {
namespace {

using oci::LayerEntry;

constexpr absl::string_view kMagic = "stevedore layer entries 1\n";
constexpr uint64_t kMaxIndexBytes = uint64_t{2} << 30;
// A layer may not fill the disk of a worker that others build on too.
constexpr uint64_t kMaxUnpackedBytes = uint64_t{64} << 30;

// Passes bytes on until `stop`.
class StoppableSource final : public base::ByteSource {
 public:
  StoppableSource(std::unique_ptr<base::ByteSource> source, std::stop_token stop)
      : source_(std::move(source)), stop_(std::move(stop)) {}
  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    if (stop_.stop_requested()) return absl::CancelledError("the build was cancelled");
    return source_->Read(buffer, size);
  }

 private:
  const std::unique_ptr<base::ByteSource> source_;
  const std::stop_token stop_;
};

absl::StatusOr<std::unique_ptr<base::ByteSource>> OpenTar(const BaseLayer& layer,
                                                          const std::stop_token& stop) {
  ASSIGN_OR_RETURN(std::unique_ptr<base::ByteSource> blob,
                   layer.source->OpenBlob(layer.descriptor, stop));
  ASSIGN_OR_RETURN(oci::Decompressed opened,
                   oci::OpenDecompressed(std::move(blob), {.max_output_bytes = kMaxUnpackedBytes}));
  return std::make_unique<StoppableSource>(std::move(opened.source), stop);
}

// Hashes what passes.
class HashingSource final : public base::ByteSource {
 public:
  HashingSource(base::ByteSource* source, base::Hasher* hasher)
      : source_(source), hasher_(hasher) {}
  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    ASSIGN_OR_RETURN(const size_t count, source_->Read(buffer, size));
    hasher_->Update(absl::string_view(buffer, count));
    return count;
  }

 private:
  base::ByteSource* const source_;
  base::Hasher* const hasher_;
};

// Contents of a layer, unpacked when they are wanted. Thread-safe.
class BaseLayerContent final : public ContentSource {
 public:
  BaseLayerContent(BaseLayer layer, std::string scratch_directory, std::stop_token stop)
      : layer_(std::move(layer)),
        scratch_directory_(std::move(scratch_directory)),
        stop_(std::move(stop)) {}

  std::string Identity(const LayerEntry& entry) const override {
    return absl::StrCat("part ", entry.content_id, " ", entry.size, " of ",
                        layer_.diff_id.ToString());
  }

  absl::StatusOr<std::unique_ptr<base::RandomReader>> Open(const LayerEntry& entry) const override
      ABSL_LOCKS_EXCLUDED(mu_) {
    const base::RandomReader* tar = nullptr;
    {
      base::MutexLock lock(&mu_);
      if (tar_ == nullptr) {
        ASSIGN_OR_RETURN(const auto source, OpenTar(layer_, stop_));
        ASSIGN_OR_RETURN(tar_, base::SpoolToFile(*source, scratch_directory_), "unpack layer ",
                         layer_.descriptor.digest.Short());
      }
      tar = tar_.get();
    }
    return oci::TarContents(tar).Open(entry);
  }

 private:
  const BaseLayer layer_;
  const std::string scratch_directory_;
  const std::stop_token stop_;
  mutable base::Mutex mu_;
  mutable std::unique_ptr<base::RandomReader> tar_ ABSL_GUARDED_BY(mu_);
};

void PutNumber(uint64_t value, std::string* out) {
  for (; value >= 0x80; value >>= 7) out->push_back(static_cast<char>(value | 0x80));
  out->push_back(static_cast<char>(value));
}

void PutText(absl::string_view text, std::string* out) {
  PutNumber(text.size(), out);
  absl::StrAppend(out, text);
}

bool TakeNumber(absl::string_view* bytes, uint64_t* value) {
  *value = 0;
  for (int shift = 0; shift < 64 && !bytes->empty(); shift += 7) {
    const unsigned char c = bytes->front();
    bytes->remove_prefix(1);
    *value |= uint64_t{c & 0x7Fu} << shift;
    if (c < 0x80) return true;
  }
  return false;
}

bool TakeText(absl::string_view* bytes, std::string* text) {
  uint64_t size = 0;
  if (!TakeNumber(bytes, &size) || size > bytes->size()) return false;
  *text = std::string(bytes->substr(0, size));
  bytes->remove_prefix(size);
  return true;
}

bool TakeEntry(absl::string_view* bytes, LayerEntry* entry) {
  uint64_t numbers[8];  // Type, mode, uid, gid, size, major, minor, content id.
  for (uint64_t& number : numbers) {
    if (!TakeNumber(bytes, &number)) return false;
  }
  uint64_t xattrs = 0;
  if (numbers[0] > static_cast<uint64_t>(LayerEntry::Type::kFifo)) return false;
  if (!TakeText(bytes, &entry->path) || !TakeText(bytes, &entry->link_target)) return false;
  if (!TakeNumber(bytes, &xattrs) || xattrs > bytes->size()) return false;
  entry->type = static_cast<LayerEntry::Type>(numbers[0]);
  entry->mode = numbers[1];
  entry->uid = numbers[2];
  entry->gid = numbers[3];
  entry->size = numbers[4];
  entry->device_major = numbers[5];
  entry->device_minor = numbers[6];
  entry->content_id = numbers[7];
  if (xattrs == 0) return true;
  auto list = std::make_shared<std::vector<std::pair<std::string, std::string>>>(xattrs);
  for (auto& [name, value] : *list) {
    if (!TakeText(bytes, &name) || !TakeText(bytes, &value)) return false;
  }
  entry->xattrs = std::move(list);
  return true;
}

}  // namespace

std::string EncodeEntries(const std::vector<LayerEntry>& entries) {
  std::string out(kMagic);
  PutNumber(entries.size(), &out);
  for (const LayerEntry& entry : entries) {
    for (const uint64_t number :
         {static_cast<uint64_t>(entry.type), uint64_t{entry.mode}, uint64_t{entry.uid},
          uint64_t{entry.gid}, entry.size, uint64_t{entry.device_major},
          uint64_t{entry.device_minor}, entry.content_id}) {
      PutNumber(number, &out);
    }
    PutText(entry.path, &out);
    PutText(entry.link_target, &out);
    PutNumber(entry.xattrs == nullptr ? 0 : entry.xattrs->size(), &out);
    if (entry.xattrs == nullptr) continue;
    for (const auto& [name, value] : *entry.xattrs) {
      PutText(name, &out);
      PutText(value, &out);
    }
  }
  absl::StrAppend(&out, base::Sha256(out));
  return out;
}

std::optional<std::vector<LayerEntry>> DecodeEntries(absl::string_view bytes) {
  constexpr size_t kChecksumBytes = 32;
  if (bytes.size() < kMagic.size() + kChecksumBytes) return std::nullopt;
  const absl::string_view checksum = bytes.substr(bytes.size() - kChecksumBytes);
  bytes.remove_suffix(kChecksumBytes);
  if (base::Sha256(bytes) != checksum || !absl::ConsumePrefix(&bytes, kMagic)) return std::nullopt;
  uint64_t count = 0;
  if (!TakeNumber(&bytes, &count) || count > bytes.size()) return std::nullopt;
  std::vector<LayerEntry> entries(count);
  for (LayerEntry& entry : entries) {
    if (!TakeEntry(&bytes, &entry)) return std::nullopt;
  }
  if (!bytes.empty()) return std::nullopt;
  return entries;
}

absl::StatusOr<std::shared_ptr<const LayerTree>> ReadBaseLayer(const BaseLayer& layer,
                                                               const std::string& cache_directory,
                                                               const std::string& scratch_directory,
                                                               std::stop_token stop) {
  auto contents = std::make_shared<BaseLayerContent>(layer, scratch_directory, stop);
  const std::string folder = absl::StrCat(cache_directory, "/trees");
  const std::string path = absl::StrCat(folder, "/", layer.diff_id.hex());
  if (!cache_directory.empty()) {
    const absl::StatusOr<std::string> bytes = base::ReadFile(path, kMaxIndexBytes);
    if (bytes.ok()) {
      std::optional<std::vector<LayerEntry>> entries = DecodeEntries(*bytes);
      if (entries.has_value()) {
        return std::make_shared<LayerTree>(*std::move(entries), std::move(contents));
      }
    }
  }
  ASSIGN_OR_RETURN(const auto tar, OpenTar(layer, stop));
  // A name for the entries must be theirs: what is remembered goes by the diff id.
  base::Hasher hasher;
  HashingSource hashing(tar.get(), &hasher);
  ASSIGN_OR_RETURN(std::vector<LayerEntry> entries,
                   oci::ReadTarEntries(
                       hashing, {.allow_climbing_symlinks = true, .strip_leading_slashes = true}));
  const bool sha256 = layer.diff_id.ToString().substr(0, 7) == "sha256:";
  if (sha256 && absl::BytesToHexString(hasher.Finish()) != layer.diff_id.hex()) {
    return absl::DataLossError(absl::StrCat("its content is not what the image's config names: ",
                                            layer.diff_id.ToString()));
  }
  if (!cache_directory.empty() && sha256) {
    absl::Status kept = base::MakeDirectories(folder);
    if (kept.ok()) kept = base::WriteFileAtomically(path, EncodeEntries(entries));
    if (!kept.ok()) {  // Costs time only.
      base::Log(base::LogLevel::kWarning, "layer entries are not remembered",
                {{"error", kept.message()}});
    }
  }
  return std::make_shared<LayerTree>(std::move(entries), std::move(contents));
}

}  // namespace stevedore::worker::native
