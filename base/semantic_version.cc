#include "base/semantic_version.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace stevedore::base {
namespace {

bool AreDigits(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

bool IsNumber(absl::string_view text) {
  return AreDigits(text) && (text.size() == 1 || text[0] != '0');
}

// Dot-separated identifiers of letters, digits and `-`; numeric ones without leading zeros if
// `as_pre_release`.
bool AreIdentifiers(absl::string_view text, bool as_pre_release) {
  for (absl::string_view part : absl::StrSplit(text, '.')) {
    const bool letters = !part.empty() && std::all_of(part.begin(), part.end(), [](char c) {
      return absl::ascii_isalnum(c) || c == '-';
    });
    if (!letters || (as_pre_release && AreDigits(part) && !IsNumber(part))) return false;
  }
  return true;
}

// Numbers without leading zeros: the longer one is the larger one.
int CompareNumbers(absl::string_view a, absl::string_view b) {
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return a.compare(b);
}

// Numeric identifiers before others, fewer before more.
int ComparePreReleases(absl::string_view a, absl::string_view b) {
  if (a.empty() || b.empty()) return a.empty() ? (b.empty() ? 0 : 1) : -1;
  const std::vector<absl::string_view> left = absl::StrSplit(a, '.'),
                                       right = absl::StrSplit(b, '.');
  for (size_t i = 0; i < std::min(left.size(), right.size()); ++i) {
    const bool number = AreDigits(left[i]), other = AreDigits(right[i]);
    if (number != other) return number ? -1 : 1;
    const int order = number ? CompareNumbers(left[i], right[i]) : left[i].compare(right[i]);
    if (order != 0) return order;
  }
  return static_cast<int>(left.size()) - static_cast<int>(right.size());
}

}  // namespace

std::optional<SemanticVersion> ParseSemanticVersion(absl::string_view text, bool strict) {
  SemanticVersion version;
  if (!strict) absl::ConsumePrefix(&text, "v");
  if (const size_t plus = text.find('+'); plus != absl::string_view::npos) {
    version.build = std::string(text.substr(plus + 1));
    if (!AreIdentifiers(version.build, /*as_pre_release=*/false)) return std::nullopt;
    text = text.substr(0, plus);
  }
  if (const size_t dash = text.find('-'); dash != absl::string_view::npos) {
    version.pre_release = std::string(text.substr(dash + 1));
    if (!AreIdentifiers(version.pre_release, /*as_pre_release=*/true)) return std::nullopt;
    text = text.substr(0, dash);
  }
  const std::vector<absl::string_view> numbers = absl::StrSplit(text, '.');
  if (numbers.size() > 3 || (strict && numbers.size() < 3)) return std::nullopt;
  if (!std::all_of(numbers.begin(), numbers.end(), IsNumber)) return std::nullopt;
  version.major = std::string(numbers[0]);
  version.minor = numbers.size() > 1 ? std::string(numbers[1]) : "0";
  version.patch = numbers.size() > 2 ? std::string(numbers[2]) : "0";
  return version;
}

int CompareVersions(const SemanticVersion& a, const SemanticVersion& b) {
  if (const int order = CompareNumbers(a.major, b.major); order != 0) return order;
  if (const int order = CompareNumbers(a.minor, b.minor); order != 0) return order;
  if (const int order = CompareNumbers(a.patch, b.patch); order != 0) return order;
  return ComparePreReleases(a.pre_release, b.pre_release);
}

}  // namespace stevedore::base
