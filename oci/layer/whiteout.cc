#include "oci/layer/whiteout.h"

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace stevedore::oci {
namespace {

constexpr absl::string_view kMarker = ".wh.";
constexpr absl::string_view kOpaque = ".wh..wh..opq";
constexpr absl::string_view kAufsPrefix = ".wh..wh.";

// Where the first component that starts with ".wh." begins; npos if none does.
size_t FindMarker(absl::string_view path) {
  for (size_t start = 0;;) {
    if (absl::StartsWith(path.substr(start), kMarker)) return start;
    start = path.find('/', start);
    if (start == absl::string_view::npos) return start;
    ++start;
  }
}

}  // namespace

absl::StatusOr<Whiteout> ParseWhiteout(absl::string_view path) {
  const size_t start = FindMarker(path);
  if (start == absl::string_view::npos) return Whiteout();
  const absl::string_view name = path.substr(start);
  const absl::string_view folder = path.substr(0, start == 0 ? 0 : start - 1);
  if (name == kOpaque) return Whiteout{Whiteout::Kind::kOpaque, std::string(folder)};
  if (absl::StartsWith(name, kAufsPrefix)) return Whiteout{Whiteout::Kind::kIgnored, ""};
  const absl::string_view hidden = name.substr(kMarker.size());
  if (hidden.empty() || hidden == "." || hidden == ".." || absl::StrContains(hidden, '/')) {
    return absl::InvalidArgumentError(absl::StrCat(
        "whiteout ", base::Quoted(path), " names nothing that it could hide; expected .wh.NAME"));
  }
  return Whiteout{Whiteout::Kind::kPath, absl::StrCat(folder, folder.empty() ? "" : "/", hidden)};
}

}  // namespace stevedore::oci
