#include "transfer/ref_name.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace stevedore::transfer {
namespace {

// Twice what a reference can have; index.json stays readable.
constexpr size_t kMaxRefName = 512;

}  // namespace

absl::Status CheckRefName(absl::string_view name) {
  bool good = !name.empty() && name.size() <= kMaxRefName;
  bool begins = true;  // A part between slashes.
  for (const char c : name) {
    const bool letter = absl::ascii_isalnum(c) || c == '_';
    good = good && (letter || (!begins && absl::StrContains("-.:@/+", absl::string_view(&c, 1))));
    begins = c == '/';
  }
  if (good && !begins) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(base::Quoted(name),
                   " cannot name an image: letters, digits and any of _-.:@+ are allowed, "
                   "in parts with / between them that begin with a letter, digit or _; at most ",
                   kMaxRefName, " bytes"));
}

bool LooksLikeDigest(absl::string_view tag_or_digest) {
  return absl::StartsWith(tag_or_digest, "sha256:") || absl::StartsWith(tag_or_digest, "sha512:");
}

}  // namespace stevedore::transfer
