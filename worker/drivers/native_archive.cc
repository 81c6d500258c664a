#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "oci/layer/archive_decompress.h"
#include "oci/layer/layer_entry.h"
#include "oci/layer/tar_header.h"
#include "worker/drivers/native_add.h"

namespace stevedore::worker::native {
namespace {

using oci::LayerEntry;

// Passes on what a TarLayer's contents open.
class ArchiveContent final : public ContentSource {
 public:
  ArchiveContent(std::unique_ptr<oci::LayerContents> contents, std::string identity)
      : contents_(std::move(contents)), identity_(std::move(identity)) {}
  std::string Identity(const LayerEntry& entry) const override {
    return absl::StrCat("part ", entry.content_id, " ", entry.size, " of archive ", identity_);
  }
  absl::StatusOr<std::unique_ptr<base::RandomReader>> Open(const LayerEntry& entry) const override {
    return contents_->Open(entry);
  }

 private:
  const std::unique_ptr<oci::LayerContents> contents_;
  const std::string identity_;
};

// The checksum of a tar header says whether it is one. Old tars summed signed bytes.
bool IsTarHeader(const std::array<char, oci::kTarBlock>& block) {
  constexpr size_t kStart = 148;
  constexpr size_t kEnd = 156;
  int64_t sum = 0;
  int64_t signed_sum = 0;
  for (size_t i = 0; i < block.size(); ++i) {
    const char c = i >= kStart && i < kEnd ? ' ' : block[i];
    sum += static_cast<unsigned char>(c);
    signed_sum += static_cast<signed char>(c);
  }
  int64_t want = 0;
  bool digits = false;
  for (size_t i = kStart; i < kEnd; ++i) {
    if (block[i] == ' ' && !digits) continue;
    if (block[i] < '0' || block[i] > '7') break;
    want = want * 8 + (block[i] - '0');
    digits = true;
  }
  return digits && (want == sum || want == signed_sum);
}

}  // namespace

absl::StatusOr<bool> IsArchive(const base::RandomReader& file, uint64_t size,
                               std::stop_token stop) {
  const absl::StatusOr<oci::OpenedArchive> opened = oci::OpenArchive(StreamOf(&file, size, stop));
  if (!opened.ok()) {
    // Looks compressed, but is damaged: then it is a file like others.
    return absl::IsInvalidArgument(opened.status()) ? absl::StatusOr<bool>(false) : opened.status();
  }
  std::array<char, oci::kTarBlock> block;
  size_t count = 0;
  while (count < block.size()) {
    const absl::StatusOr<size_t> more =
        opened->source->Read(block.data() + count, block.size() - count);
    if (absl::IsInvalidArgument(more.status())) return false;
    if (!more.ok()) return more.status();
    if (*more == 0) return false;
    count += *more;
  }
  return IsTarHeader(block);
}

absl::Status ExtractArchive(TarLayer archive, const std::string& identity,
                            absl::string_view destination, const std::optional<Owner>& owner,
                            LayerBuilder& layer) {
  ASSIGN_OR_RETURN(const std::string folder, layer.Resolve(CleanPath(destination)));
  RETURN_IF_ERROR(layer.MakeDirectories(folder, owner.value_or(Owner())));
  const auto contents = std::make_shared<ArchiveContent>(std::move(archive.contents), identity);
  for (LayerEntry& entry : archive.entries) {
    const std::string path = JoinPath(folder, entry.path);
    ASSIGN_OR_RETURN(const std::string parent, layer.Resolve(ParentPath(path)));
    RETURN_IF_ERROR(layer.MakeDirectories(parent, owner.value_or(Owner())));
    entry.path = JoinPath(parent, BaseName(path));
    if (entry.type == LayerEntry::Type::kHardLink) {
      const std::string target = JoinPath(folder, entry.link_target);
      ASSIGN_OR_RETURN(const std::string above, layer.Resolve(ParentPath(target)));
      entry.link_target = JoinPath(above, BaseName(target));
    }
    if (owner.has_value()) {
      entry.uid = owner->uid;
      entry.gid = owner->gid;
    }
    layer.Put(std::move(entry), contents);
  }
  return absl::OkStatus();
}

}  // namespace stevedore::worker::native
