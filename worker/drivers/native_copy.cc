#include "worker/drivers/native_copy.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "worker/drivers/native_match.h"

namespace stevedore::worker::native {
namespace {

using oci::LayerEntry;

// Names shown when a source is not there.
constexpr size_t kNamesShown = 8;

absl::Status NotThere(const FileView& source, absl::string_view path) {
  // The deepest directory above that exists.
  absl::string_view folder = ParentPath(path);
  while (!folder.empty() && !source.Find(folder).has_value()) folder = ParentPath(folder);
  std::vector<std::string> names;
  for (const auto& [name, node] : source.Children(folder)) {
    if (names.size() == kNamesShown) {
      names.push_back("...");
      break;
    }
    names.push_back(absl::StrCat("`", name, node.IsDirectory() ? "/" : "", "`"));
  }
  return absl::NotFoundError(absl::StrCat(
      "no ", base::Quoted(path), "; ", folder.empty() ? "the root" : base::Quoted(folder), " has ",
      names.empty() ? "nothing in it" : absl::StrJoin(names, ", ")));
}

// Tells paths below `folder` that match the parts of a pattern. As Go's filepath.Match has it, a
// wildcard never matches a "/".
void FindMatches(const FileView& source, const std::string& folder,
                 const std::vector<std::string>& parts, size_t part,
                 std::vector<std::string>& out) {
  const absl::StatusOr<std::string> resolved = source.Resolve(folder);
  if (!resolved.ok()) return;
  for (const auto& [name, node] : source.Children(*resolved)) {
    if (!MatchName(parts[part], name)) continue;
    std::string path = JoinPath(folder, name);
    if (part + 1 == parts.size()) {
      out.push_back(std::move(path));
    } else {
      FindMatches(source, path, parts, part + 1, out);
    }
  }
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ExpandSource(const FileView& source,
                                                      absl::string_view pattern) {
  int depth = 0;
  std::vector<std::string> parts;
  for (const absl::string_view part : absl::StrSplit(pattern, '/', absl::SkipEmpty())) {
    if (part == ".") continue;
    depth += part == ".." ? -1 : 1;
    if (depth < 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          base::Quoted(pattern), " leads out of the source; paths are relative to ", "its root"));
    }
    if (part != "..") {
      parts.emplace_back(part);
    } else {
      parts.pop_back();
    }
  }
  RETURN_IF_ERROR(CheckPattern(pattern));
  const auto wild = std::find_if(parts.begin(), parts.end(),
                                 [](const std::string& part) { return HasWildcard(part); });
  const std::string plain = absl::StrJoin(parts.begin(), wild, "/");
  if (wild == parts.end()) {
    if (plain.empty()) return std::vector<std::string>{""};
    ASSIGN_OR_RETURN(const std::string resolved, source.Resolve(plain));
    if (resolved.empty() || source.Find(resolved).has_value()) {
      return std::vector<std::string>{plain};
    }
    return NotThere(source, plain);
  }
  std::vector<std::string> matches;
  FindMatches(source, plain, parts, wild - parts.begin(), matches);
  return matches;
}

Owner Copier::OwnerFor(const LayerEntry& entry) const {
  return options_.owner.value_or(Owner{entry.uid, entry.gid});
}

absl::Status Copier::PutNode(const Node& node, const std::string& to) {
  const std::optional<LayerEntry> there = target_->Find(to);
  if (there.has_value() && there->type == LayerEntry::Type::kDirectory) {
    return absl::InvalidArgumentError(
        absl::StrCat("/", to, " is a directory in the image; a file cannot take its place"));
  }
  LayerEntry entry = *node.entry;
  entry.path = to;
  const Owner owner = OwnerFor(entry);
  entry.uid = owner.uid;
  entry.gid = owner.gid;
  if (options_.mode.has_value() && !node.IsSymlink()) {
    entry.mode = options_.mode->Apply(entry.mode, false);
  }
  target_->Put(std::move(entry), *node.contents);
  return absl::OkStatus();
}

absl::Status Copier::CopyChild(const FileView& source, const Node& node, absl::string_view relative,
                               const std::string& to) {
  if (!node.IsDirectory()) {
    return IsExcluded(options_.excludes, relative) ? absl::OkStatus() : PutNode(node, to);
  }
  // A directory that is left out may hold what a `!` pattern takes back; it comes with that.
  if (IsExcluded(options_.excludes, relative)) {
    return CopyTree(source, node.entry->path, relative, to);
  }
  const std::optional<LayerEntry> there = target_->Find(to);
  if (there.has_value() && there->type != LayerEntry::Type::kDirectory) {
    return absl::InvalidArgumentError(
        absl::StrCat("/", to, " is no directory in the image; a directory cannot take its place"));
  }
  if (!there.has_value()) RETURN_IF_ERROR(target_->MakeDirectories(to, DefaultOwner()));
  // What is inside a copied directory takes the source's owner and mode even if it was there: so
  // do both of Docker's builders.
  LayerEntry entry = *node.entry;
  entry.path = to;
  const Owner owner = OwnerFor(entry);
  entry.uid = owner.uid;
  entry.gid = owner.gid;
  if (options_.mode.has_value()) entry.mode = options_.mode->Apply(entry.mode, true);
  const bool same = there.has_value() && there->mode == entry.mode && there->uid == entry.uid &&
                    there->gid == entry.gid;
  if (!same) target_->Put(std::move(entry), nullptr);
  return CopyTree(source, node.entry->path, relative, to);
}

absl::Status Copier::CopyTree(const FileView& source, absl::string_view path,
                              absl::string_view relative, const std::string& to) {
  for (const auto& [name, node] : source.Children(path)) {
    const std::string child = JoinPath(relative, name);
    // Left out, and made for nothing: its parent may not be there.
    if (IsExcluded(options_.excludes, child) && !node.IsDirectory()) continue;
    if (!options_.excludes.empty() && !to.empty()) {
      if (!node.IsDirectory()) RETURN_IF_ERROR(target_->MakeDirectories(to, DefaultOwner()));
    }
    RETURN_IF_ERROR(CopyChild(source, node, child, JoinPath(to, name)));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Copier::IsDirectory(absl::string_view destination) const {
  if (absl::EndsWith(destination, "/")) return true;
  ASSIGN_OR_RETURN(const std::string resolved, target_->Resolve(destination));
  if (resolved.empty()) return true;
  const std::optional<LayerEntry> there = target_->Find(resolved);
  return there.has_value() && there->type == LayerEntry::Type::kDirectory;
}

// Where a file called `name` (or, if not `into`, the content of a directory) goes; directories
// above are made.
absl::StatusOr<std::string> Copier::PrepareDestination(absl::string_view destination,
                                                       absl::string_view name, bool into) {
  const std::string clean = CleanPath(destination);
  ASSIGN_OR_RETURN(const bool directory, IsDirectory(destination));
  const absl::string_view ensure = directory ? absl::string_view(clean) : ParentPath(clean);
  ASSIGN_OR_RETURN(const std::string folder, target_->Resolve(ensure));
  RETURN_IF_ERROR(target_->MakeDirectories(folder, DefaultOwner()));
  ASSIGN_OR_RETURN(std::string to, target_->Resolve(clean));
  if (into && directory) to = JoinPath(to, name);
  return to;
}

// The directories between the destination and a source that keeps its path.
absl::Status Copier::CopyParents(const FileView& source, absl::string_view path,
                                 const std::string& to) {
  if (path.empty() || to.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(CopyParents(source, ParentPath(path), std::string(ParentPath(to))));
  if (target_->Find(to).has_value()) return absl::OkStatus();
  RETURN_IF_ERROR(target_->MakeDirectories(to, DefaultOwner()));
  const std::optional<Node> node = source.Find(path);
  if (!node.has_value() || !node->IsDirectory()) return absl::OkStatus();
  LayerEntry entry = *node->entry;
  entry.path = to;
  const Owner owner = OwnerFor(entry);
  entry.uid = owner.uid;
  entry.gid = owner.gid;
  target_->Put(std::move(entry), nullptr);
  return absl::OkStatus();
}

absl::Status Copier::Copy(const FileView& source, absl::string_view path,
                          absl::string_view destination, absl::string_view parents_from) {
  ASSIGN_OR_RETURN(const std::string resolved, source.Resolve(path));
  const std::optional<Node> node = resolved.empty() ? std::nullopt : source.Find(resolved);
  if (!resolved.empty() && !node.has_value()) return NotThere(source, path);
  const bool directory = !node.has_value() || node->IsDirectory();
  std::string target(destination);
  if (options_.parents && !path.empty()) {
    const absl::string_view kept =
        parents_from.empty() ? path : path.substr(std::min(parents_from.size() + 1, path.size()));
    const std::string above(directory ? kept : ParentPath(kept));
    ASSIGN_OR_RETURN(const std::string folder,
                     PrepareDestination(absl::StrCat(target, "/"), "", false));
    RETURN_IF_ERROR(
        CopyParents(source, directory ? path : ParentPath(path), JoinPath(folder, above)));
    target = absl::StrCat("/", JoinPath(folder, above), "/");
  }
  if (!directory) {
    if (IsExcluded(options_.excludes, BaseName(path))) return absl::OkStatus();
    ASSIGN_OR_RETURN(const std::string to, PrepareDestination(target, BaseName(path), true));
    return PutNode(*node, to);
  }
  ASSIGN_OR_RETURN(const std::string to, PrepareDestination(target, "", false));
  const std::optional<LayerEntry> there = to.empty() ? std::nullopt : target_->Find(to);
  if (there.has_value() && there->type != LayerEntry::Type::kDirectory) {
    return absl::InvalidArgumentError(absl::StrCat(
        "/", to, " is no directory in the image; the content of a directory cannot be put there"));
  }
  RETURN_IF_ERROR(target_->MakeDirectories(to, DefaultOwner()));
  return CopyTree(source, resolved, "", to);
}

absl::Status Copier::CopyFile(const LooseFile& file, absl::string_view destination) {
  ASSIGN_OR_RETURN(const std::string to, PrepareDestination(destination, file.name, true));
  LayerEntry entry;
  entry.path = file.name;
  entry.size = file.size;
  entry.mode = file.mode;
  entry.content_id = file.content_id;
  return PutNode(Node{&entry, &file.contents, false}, to);
}

}  // namespace stevedore::worker::native
