#include "oci/image/digest.h"

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace stevedore::oci {
namespace {

constexpr size_t kShortDigits = 12;

bool IsLowerHex(absl::string_view text) {
  for (const char c : text) {
    if (!absl::ascii_isdigit(c) && (c < 'a' || c > 'f')) return false;
  }
  return true;
}

size_t HexLength(base::HashAlgorithm algorithm) {
  return algorithm == base::HashAlgorithm::kSha256 ? 64 : 128;
}

absl::string_view Name(base::HashAlgorithm algorithm) {
  return algorithm == base::HashAlgorithm::kSha256 ? "sha256" : "sha512";
}

}  // namespace

absl::StatusOr<Digest> Digest::Parse(absl::string_view text) {
  const size_t colon = text.find(':');
  if (colon == absl::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("digest ", base::Quoted(text), " has no algorithm; it is sha256:<64 hex>"));
  }
  const absl::string_view algorithm = text.substr(0, colon);
  const absl::string_view hex = text.substr(colon + 1);
  if (algorithm != "sha256" && algorithm != "sha512") {
    return absl::InvalidArgumentError(absl::StrCat(
        "digest ", base::Quoted(text), " has an unsupported algorithm; it is sha256 or sha512"));
  }
  const size_t want = algorithm == "sha256" ? 64 : 128;
  if (hex.size() != want || !IsLowerHex(hex)) {
    return absl::InvalidArgumentError(
        absl::StrCat("digest ", base::Quoted(text), " has ", hex.size(), " characters after ",
                     algorithm, ":, where ", want, " lower-case hex digits belong"));
  }
  return Digest(std::string(text));
}

Digest Digest::Of(absl::string_view bytes, base::HashAlgorithm algorithm) {
  base::Hasher hasher(algorithm);
  hasher.Update(bytes);
  return FromRaw(algorithm, hasher.Finish());
}

Digest Digest::FromRaw(base::HashAlgorithm algorithm, absl::string_view raw) {
  return Digest(absl::StrCat(Name(algorithm), ":", absl::BytesToHexString(raw)));
}

absl::string_view Digest::algorithm() const {
  return absl::string_view(text_).substr(0, text_.find(':'));
}

base::HashAlgorithm Digest::hash_algorithm() const {
  return absl::StartsWith(text_, "sha512:") ? base::HashAlgorithm::kSha512
                                            : base::HashAlgorithm::kSha256;
}

absl::string_view Digest::hex() const {
  if (empty()) return "";
  return absl::string_view(text_).substr(text_.size() - HexLength(hash_algorithm()));
}

std::string Digest::Short() const {
  if (empty()) return "";
  return absl::StrCat(algorithm(), ":", hex().substr(0, kShortDigits), "…");
}

std::string Digest::Path() const { return absl::StrCat(algorithm(), "/", hex()); }

absl::Status Digest::Verify(absl::string_view bytes) const {
  const Digest actual = empty() ? Digest() : Of(bytes, hash_algorithm());
  if (!empty() && actual == *this) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("content is ", bytes.size(), " bytes with digest ",
                                          actual.ToString(), ", expected ",
                                          empty() ? "(no digest)" : text_));
}

bool HasDigestShape(absl::string_view text) {
  // algorithm: [a-z0-9]+([+._-][a-z0-9]+)*   encoded: [a-zA-Z0-9=_-]+
  const size_t colon = text.find(':');
  if (colon == absl::string_view::npos || colon == 0 || colon + 1 == text.size()) return false;
  bool separator = true;  // At the start, and after a separator, a component must begin.
  for (const char c : text.substr(0, colon)) {
    if (absl::ascii_islower(c) || absl::ascii_isdigit(c)) {
      separator = false;
    } else if (!separator && absl::StrContains("+._-", absl::string_view(&c, 1))) {
      separator = true;
    } else {
      return false;
    }
  }
  if (separator) return false;
  for (const char c : text.substr(colon + 1)) {
    if (!absl::ascii_isalnum(c) && c != '=' && c != '_' && c != '-') return false;
  }
  return true;
}

}  // namespace stevedore::oci
