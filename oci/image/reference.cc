#include "oci/image/reference.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"

namespace stevedore::oci {
namespace {

constexpr size_t kMaxRepositoryBytes = 255;
constexpr size_t kMaxTagBytes = 128;
constexpr size_t kMaxHostBytes = 255;
constexpr char kLibrary[] = "library/";

bool IsPathCharacter(char c) { return absl::ascii_islower(c) || absl::ascii_isdigit(c); }

// [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*
bool IsPathComponent(absl::string_view text) {
  if (text.empty() || !IsPathCharacter(text.front()) || !IsPathCharacter(text.back())) return false;
  for (size_t i = 0; i < text.size();) {
    if (IsPathCharacter(text[i])) {
      ++i;
      continue;
    }
    const char separator = text[i];
    if (separator != '.' && separator != '_' && separator != '-') return false;
    size_t end = i;
    while (end < text.size() && text[end] == separator) ++end;
    const size_t count = end - i;
    if ((separator == '.' && count > 1) || (separator == '_' && count > 2)) return false;
    if (!IsPathCharacter(text[end])) return false;  // `end` is inside: the last is no separator.
    i = end;
  }
  return true;
}

bool IsPort(absl::string_view text) {
  if (text.empty() || text.size() > 5) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isdigit(c); });
}

bool IsHostName(absl::string_view text) {
  for (const absl::string_view label : absl::StrSplit(text, '.')) {
    if (label.empty() || label.front() == '-' || label.back() == '-') return false;
    for (const char c : label) {
      if (!absl::ascii_isalnum(c) && c != '-') return false;
    }
  }
  return true;
}

bool IsRegistry(absl::string_view text) {
  if (text.size() > kMaxHostBytes) return false;
  if (absl::ConsumePrefix(&text, "[")) {
    const size_t close = text.find(']');
    if (close == absl::string_view::npos || close == 0) return false;
    for (const char c : text.substr(0, close)) {
      if (!absl::ascii_isxdigit(c) && c != ':') return false;
    }
    text.remove_prefix(close + 1);
    return text.empty() || (text[0] == ':' && IsPort(text.substr(1)));
  }
  const size_t colon = text.find(':');
  if (colon != absl::string_view::npos && !IsPort(text.substr(colon + 1))) return false;
  return IsHostName(text.substr(0, colon));
}

// Whether the first of several path segments names a registry, by distribution's rule.
bool LooksLikeRegistry(absl::string_view segment) {
  if (segment == "localhost" || absl::StrContains(segment, ".") || absl::StrContains(segment, ":"))
    return true;
  return std::any_of(segment.begin(), segment.end(), [](char c) { return absl::ascii_isupper(c); });
}

bool IsDockerHub(absl::string_view registry) {
  return registry == kDockerHub || registry == "index.docker.io" ||
         registry == "registry-1.docker.io";
}

bool IsDigestAlone(absl::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f');
         });
}

absl::Status Wrong(absl::string_view text, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("image reference ", base::Quoted(text), ": ", why));
}

}  // namespace

absl::Status CheckTag(absl::string_view tag) {
  const bool fits = !tag.empty() && tag.size() <= kMaxTagBytes && tag[0] != '.' && tag[0] != '-' &&
                    std::all_of(tag.begin(), tag.end(), [](char c) {
                      return absl::ascii_isalnum(c) || c == '_' || c == '.' || c == '-';
                    });
  if (fits) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "tag ", base::Quoted(tag),
      " is not 1 to 128 letters, digits, `_`, `.` and `-`, starting with none of `.-`"));
}

absl::Status CheckRepository(absl::string_view repository) {
  if (repository.size() > kMaxRepositoryBytes) {
    return absl::InvalidArgumentError(absl::StrCat("repository ", base::Quoted(repository), " has ",
                                                   repository.size(), " bytes; the limit is ",
                                                   kMaxRepositoryBytes));
  }
  for (const absl::string_view component : absl::StrSplit(repository, '/')) {
    if (IsPathComponent(component)) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "repository ", base::Quoted(repository), ": ", base::Quoted(component),
        " is not lower-case letters and digits, joined by one of `.`, `_`, `__` or dashes"));
  }
  return absl::OkStatus();
}

absl::Status CheckRegistry(absl::string_view registry) {
  if (IsRegistry(registry)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("registry ", base::Quoted(registry),
                                                 " is not host[:port] or [ipv6 address][:port]"));
}

absl::StatusOr<Reference> Reference::Parse(absl::string_view text,
                                           const ReferenceDefaults& defaults) {
  Reference result;
  absl::string_view rest = text;
  const size_t at = rest.find('@');
  if (at != absl::string_view::npos) {
    ASSIGN_OR_RETURN(result.digest_, Digest::Parse(rest.substr(at + 1)), "image reference ",
                     base::Quoted(text));
    rest = rest.substr(0, at);
  }
  const size_t slash = rest.find('/');
  if (slash != absl::string_view::npos && LooksLikeRegistry(rest.substr(0, slash))) {
    result.registry_ = std::string(rest.substr(0, slash));
    rest = rest.substr(slash + 1);
  } else {
    if (IsDigestAlone(rest)) {
      return Wrong(text, "64 hex digits are a digest, not a name; write name@sha256:<digest>");
    }
    result.registry_ = defaults.registry;
  }
  if (IsDockerHub(result.registry_)) result.registry_ = kDockerHub;
  RETURN_IF_ERROR(CheckRegistry(result.registry_), "image reference ", base::Quoted(text));

  const size_t colon = rest.find(':');
  if (colon != absl::string_view::npos) {
    result.tag_ = std::string(rest.substr(colon + 1));
    RETURN_IF_ERROR(CheckTag(result.tag_), "image reference ", base::Quoted(text));
    rest = rest.substr(0, colon);
  }
  if (rest.empty()) return Wrong(text, "it has no image name");
  const bool official = result.registry_ == kDockerHub && !absl::StrContains(rest, "/");
  result.repository_ = absl::StrCat(official ? kLibrary : "", rest);
  RETURN_IF_ERROR(CheckRepository(result.repository_), "image reference ", base::Quoted(text));
  if (result.tag_.empty() && result.digest_.empty()) result.tag_ = defaults.tag;
  return result;
}

std::string Reference::ApiHost() const {
  return registry_ == kDockerHub ? "registry-1.docker.io" : registry_;
}

std::string Reference::Name() const { return absl::StrCat(registry_, "/", repository_); }

std::string Reference::Canonical() const {
  std::string text = Name();
  if (!tag_.empty()) absl::StrAppend(&text, ":", tag_);
  if (!digest_.empty()) absl::StrAppend(&text, "@", digest_.ToString());
  return text;
}

std::string Reference::Familiar() const {
  std::string text = Canonical();
  if (registry_ != kDockerHub) return text;
  const size_t slash = repository_.find('/');
  // Without its registry this would be read as another registry's image.
  if (LooksLikeRegistry(absl::string_view(repository_).substr(0, slash))) return text;
  absl::string_view rest = absl::string_view(text).substr(registry_.size() + 1);
  // `library/foo/bar` keeps its first part: `foo/bar` would be another image.
  const absl::string_view name = absl::StripPrefix(repository_, kLibrary);
  if (!absl::StrContains(name, "/") && !IsDigestAlone(name)) absl::ConsumePrefix(&rest, kLibrary);
  return std::string(rest);
}

absl::StatusOr<Reference> Reference::WithTag(absl::string_view tag) const {
  RETURN_IF_ERROR(CheckTag(tag), Name());
  Reference result = *this;
  result.tag_ = std::string(tag);
  result.digest_ = Digest();
  return result;
}

Reference Reference::WithDigest(Digest digest) const {
  Reference result = *this;
  result.tag_.clear();
  result.digest_ = std::move(digest);
  return result;
}

}  // namespace stevedore::oci
