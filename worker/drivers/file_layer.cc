#include "worker/drivers/file_layer.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/hash.h"
#include "base/status.h"

namespace stevedore::worker {
namespace {

using context::TreeEntry;
using oci::LayerEntry;

// Names shown when a path is not there.
constexpr size_t kNamesShown = 8;
constexpr char kWhiteoutPrefix[] = ".wh.";

// "/srv//www/" is "srv/www" in a layer.
std::string LayerPath(absl::string_view absolute) {
  std::vector<absl::string_view> parts;
  for (const absl::string_view part : absl::StrSplit(absolute, '/')) {
    if (!part.empty() && part != ".") parts.push_back(part);
  }
  return absl::StrJoin(parts, "/");
}

// "./public/" is "public" in a tree; "" is all of it.
absl::string_view ContextPath(absl::string_view from) {
  absl::ConsumePrefix(&from, "./");
  absl::ConsumeSuffix(&from, "/");
  return from == "." ? "" : from;
}

std::string Join(absl::string_view folder, absl::string_view name) {
  if (folder.empty()) return std::string(name);
  return name.empty() ? std::string(folder) : absl::StrCat(folder, "/", name);
}

absl::string_view BaseName(absl::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == absl::string_view::npos ? path : path.substr(slash + 1);
}

uint32_t FileMode(const graph::AssembleLayer& layer, uint32_t mode) {
  if (layer.mode.has_value()) return *layer.mode;
  return (mode & 0111) != 0 ? 0755 : 0644;
}

LayerEntry ToLayerEntry(const graph::AssembleLayer& layer, const TreeEntry& entry,
                        std::string path) {
  LayerEntry out;
  out.path = std::move(path);
  out.uid = layer.uid;
  out.gid = layer.gid;
  switch (entry.type) {
    case TreeEntry::Type::kFile:
      out.type = LayerEntry::Type::kFile;
      out.mode = FileMode(layer, entry.mode);
      out.size = entry.size;
      out.content_id = entry.content_id;
      break;
    case TreeEntry::Type::kDirectory:
      out.type = LayerEntry::Type::kDirectory;
      out.mode = layer.dir_mode;
      break;
    case TreeEntry::Type::kSymlink:
      out.type = LayerEntry::Type::kSymlink;
      out.mode = 0777;
      out.link_target = entry.link_target;
      break;
  }
  return out;
}

// Collects entries and hashes what of them reaches the layer. Each field is preceded by its length,
// so that no two lists have the same bytes.
class Selection {
 public:
  void Add(LayerEntry entry, absl::string_view content_digest) {
    const std::string fields =
        absl::StrCat(static_cast<int>(entry.type), " ", entry.mode, " ", entry.uid, " ", entry.gid,
                     " ", entry.size, " ", entry.path.size(), " ", entry.link_target.size(), " ",
                     content_digest.size(), "\n");
    hasher_.Update(fields);
    hasher_.Update(entry.path);
    hasher_.Update(entry.link_target);
    hasher_.Update(content_digest);
    result_.content_bytes += entry.size;
    result_.entries.push_back(std::move(entry));
  }

  FileLayer Finish() {
    result_.digest = hasher_.Finish();
    return std::move(result_);
  }

 private:
  base::Hasher hasher_;
  FileLayer result_;
};

absl::Status CheckName(absl::string_view path) {
  if (!absl::StartsWith(BaseName(path), kWhiteoutPrefix)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("file ", base::Quoted(path), " of the context has a name that starts with ",
                   kWhiteoutPrefix, ", which removes files in an image; rename it"));
}

}  // namespace

absl::Status NotInContext(const context::Tree& tree, absl::string_view path) {
  // The deepest folder of `path` that is there, and what it has.
  absl::string_view folder = path;
  while (!folder.empty() && tree.Find(folder) == nullptr) {
    const size_t slash = folder.rfind('/');
    folder = slash == absl::string_view::npos ? "" : folder.substr(0, slash);
  }
  const std::string prefix = folder.empty() ? "" : absl::StrCat(folder, "/");
  std::vector<std::string> names;
  for (const TreeEntry& entry : tree.entries()) {
    absl::string_view rest = entry.path;
    if (!absl::ConsumePrefix(&rest, prefix) || absl::StrContains(rest, "/")) continue;
    if (names.size() == kNamesShown) {
      names.push_back("...");
      break;
    }
    names.push_back(base::Quoted(rest));
  }
  return absl::NotFoundError(absl::StrCat(base::Quoted(path), " is not in the context; ",
                                          folder.empty() ? "its root" : base::Quoted(folder),
                                          " has ",
                                          names.empty() ? "nothing" : absl::StrJoin(names, ", ")));
}

bool LandsInFolder(const graph::AssembleLayer& layer, const context::Tree& tree) {
  const absl::string_view from = ContextPath(layer.from);
  const TreeEntry* root = from.empty() ? nullptr : tree.Find(from);
  return root == nullptr || root->type == TreeEntry::Type::kDirectory ||
         absl::EndsWith(layer.to, "/");
}

absl::StatusOr<FileLayer> SelectFiles(const graph::AssembleLayer& layer, const context::Tree& tree,
                                      const std::vector<oci::LayerEntry>& above) {
  const std::string to = LayerPath(layer.to);
  const absl::string_view from = ContextPath(layer.from);

  Selection selection;
  for (const LayerEntry& folder : above) selection.Add(folder, "");
  const TreeEntry* root = from.empty() ? nullptr : tree.Find(from);
  if (!from.empty() && root == nullptr) return NotInContext(tree, from);
  const bool folder = root == nullptr || root->type == TreeEntry::Type::kDirectory;
  const bool below = !folder && absl::EndsWith(layer.to, "/");
  // `to` is a folder of the layer: written as such, unless it is the root.
  if ((folder || below) && !to.empty()) {
    LayerEntry entry;
    entry.path = to;
    entry.type = LayerEntry::Type::kDirectory;
    entry.mode = layer.dir_mode;
    entry.uid = layer.uid;
    entry.gid = layer.gid;
    selection.Add(std::move(entry), "");
  }
  if (!folder) {
    RETURN_IF_ERROR(CheckName(root->path));
    std::string path = below ? Join(to, BaseName(root->path)) : to;
    selection.Add(ToLayerEntry(layer, *root, std::move(path)), root->digest_bytes());
    return selection.Finish();
  }
  const auto [first, last] = tree.Range(from);
  for (size_t i = first; i < last; ++i) {
    const TreeEntry& entry = tree.entries()[i];
    absl::string_view rest = entry.path;
    if (!from.empty()) {
      if (rest.size() == from.size()) continue;  // The folder itself is `to`.
      rest.remove_prefix(from.size() + 1);
    }
    RETURN_IF_ERROR(CheckName(entry.path));
    selection.Add(ToLayerEntry(layer, entry, Join(to, rest)),
                  entry.type == TreeEntry::Type::kFile ? entry.digest_bytes() : "");
  }
  return selection.Finish();
}

}  // namespace stevedore::worker
