#include "transfer/directory_image.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/file.h"
#include "base/status.h"
#include "oci/layer/directory_tree.h"
#include "oci/layer/layer_entry.h"
#include "oci/layer/layer_writer.h"

namespace stevedore::transfer {
namespace {

using Type = oci::LayerEntry::Type;

constexpr size_t kNamesInMessage = 10;

bool ParseId(absl::string_view text, uint32_t* id) {
  return !text.empty() && absl::ascii_isdigit(text[0]) && absl::SimpleAtoi(text, id) &&
         *id != UINT32_MAX;  // (uid_t)-1 means "unchanged" to the kernel.
}

// Whatever a machine's umask and users are, the same tree becomes the same entries.
absl::Status Adjust(const std::string& directory, const DirectoryImageOptions& options,
                    std::vector<oci::LayerEntry>& entries) {
  std::vector<std::string> devices;
  for (oci::LayerEntry& entry : entries) {
    if (entry.type == Type::kCharacterDevice || entry.type == Type::kBlockDevice) {
      devices.push_back(base::Quoted(base::JoinPath(directory, entry.path)));
    }
    if (options.owner.has_value()) {
      entry.uid = options.owner->uid;
      entry.gid = options.owner->gid;
    }
    if (entry.type == Type::kSymlink) {
      entry.mode = 0777;
    } else if (!options.exact_modes) {
      entry.mode = entry.type == Type::kDirectory || (entry.mode & 0111) != 0 ? 0755 : 0644;
    }
  }
  if (devices.empty()) return absl::OkStatus();
  const size_t more = devices.size() - std::min(devices.size(), kNamesInMessage);
  devices.resize(devices.size() - more);
  return absl::InvalidArgumentError(
      absl::StrCat("devices cannot be part of an image: ", absl::StrJoin(devices, ", "),
                   more > 0 ? absl::StrCat(" and ", more, " more") : "",
                   "; leave them out with an ignore file"));
}

}  // namespace

absl::StatusOr<FileOwner> ParseFileOwner(absl::string_view text) {
  FileOwner owner;
  const size_t colon = text.find(':');
  const absl::string_view user = text.substr(0, colon);
  const absl::string_view group = colon == absl::string_view::npos ? user : text.substr(colon + 1);
  if (!ParseId(user, &owner.uid) || !ParseId(group, &owner.gid)) {
    return absl::InvalidArgumentError(
        absl::StrCat("owner ", base::Quoted(text),
                     " is not UID or UID:GID; names mean nothing before the image has users"));
  }
  return owner;
}

absl::StatusOr<DirectoryImage> MakeDirectoryImage(const std::string& directory,
                                                  const DirectoryImageOptions& options,
                                                  base::ByteSink* blob) {
  // Before the long work.
  RETURN_IF_ERROR(
      oci::LayerMediaType(options.format, options.compression.layer_compression()).status());
  oci::WalkOptions walk;
  walk.threads = options.threads;
  walk.xattrs = options.xattrs;
  walk.stop = options.stop;
  if (options.filter != nullptr) {
    walk.filter = [&options](absl::string_view path, bool is_directory) {
      return options.filter(path, is_directory);
    };
  }
  ASSIGN_OR_RETURN(oci::DirectoryTree tree, oci::DirectoryTree::Walk(directory, std::move(walk)));
  std::vector<oci::LayerEntry> entries = tree.TakeEntries();
  RETURN_IF_ERROR(Adjust(directory, options, entries));
  DirectoryImage made;
  made.entries = entries.size();
  oci::LayerWriterOptions writing;
  writing.compression = options.compression;
  writing.source_date_epoch = options.source_date_epoch.value_or(0);
  writing.threads = options.threads;
  writing.stop = options.stop;
  ASSIGN_OR_RETURN(made.layer, oci::WriteLayer(std::move(entries), tree, blob, std::move(writing)),
                   directory);
  oci::ImageEditor editor(options.platform, options.format);
  if (options.source_date_epoch.has_value()) editor.SetSourceDateEpoch(*options.source_date_epoch);
  RETURN_IF_ERROR(editor.AppendLayer({.diff_id = made.layer.diff_id,
                                      .descriptor = made.layer.descriptor,
                                      .created_by = options.created_by}));
  editor.ChangeConfig(options.config);
  editor.Annotate(options.annotations);
  ASSIGN_OR_RETURN(made.image, editor.Finish());
  return made;
}

}  // namespace stevedore::transfer
