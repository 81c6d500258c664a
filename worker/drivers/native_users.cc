#include "worker/drivers/native_users.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"

namespace stevedore::worker::native {
namespace {

constexpr uint64_t kMaxFileBytes = 16 << 20;

// The fields of the line of `path` that begins with `name`.
absl::StatusOr<std::vector<std::string>> FindLine(const FileView& files, absl::string_view path,
                                                  absl::string_view name) {
  ASSIGN_OR_RETURN(const std::string resolved, files.Resolve(path));
  const std::optional<Node> node = files.Find(resolved);
  if (!node.has_value() || node->entry->type != oci::LayerEntry::Type::kFile) {
    return absl::InvalidArgumentError(absl::StrCat(base::Quoted(name),
                                                   " is a name, but the image has no /", path,
                                                   " to look it up in; use a number"));
  }
  ASSIGN_OR_RETURN(const std::string text, FileView::Read(*node, kMaxFileBytes));
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    std::vector<std::string> fields = absl::StrSplit(line, ':');
    if (fields.size() >= 3 && fields[0] == name) return fields;
  }
  return absl::InvalidArgumentError(absl::StrCat("no ", base::Quoted(name), " in the image's /",
                                                 path, "; use a name from there or a number"));
}

absl::Status ReadNumber(const std::vector<std::string>& fields, size_t index,
                        absl::string_view path, uint32_t* out) {
  if (index < fields.size() && absl::SimpleAtoi(fields[index], out)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the image's /", path, " has a damaged line for ", base::Quoted(fields[0])));
}

}  // namespace

absl::StatusOr<Owner> FindOwner(const FileView& files, absl::string_view text) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits(':', 1));
  const absl::string_view user = parts.first;
  const absl::string_view group = parts.second;
  if (text.empty()) {
    return absl::InvalidArgumentError("an empty owner; write user or user:group");
  }
  Owner owner;
  if (!user.empty() && !absl::SimpleAtoi(user, &owner.uid)) {
    ASSIGN_OR_RETURN(const std::vector<std::string> fields, FindLine(files, "etc/passwd", user));
    RETURN_IF_ERROR(ReadNumber(fields, 2, "etc/passwd", &owner.uid));
    if (group.empty()) RETURN_IF_ERROR(ReadNumber(fields, 3, "etc/passwd", &owner.gid));
  } else {
    owner.gid = owner.uid;
  }
  if (group.empty() || absl::SimpleAtoi(group, &owner.gid)) return owner;
  ASSIGN_OR_RETURN(const std::vector<std::string> fields, FindLine(files, "etc/group", group));
  RETURN_IF_ERROR(ReadNumber(fields, 2, "etc/group", &owner.gid));
  return owner;
}

}  // namespace stevedore::worker::native
