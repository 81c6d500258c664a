#include "transfer/version_range.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"

namespace stevedore::transfer {
namespace {

using base::SemanticVersion;

constexpr char kHowTo[] = "write comparisons such as `>=1.2 <2`, `^1`, `~1.4` or `1.2 - 1.4`";

// `number` + 1; numbers have no limit.
std::string Next(std::string number) {
  for (size_t i = number.size(); i-- > 0;) {
    if (number[i] != '9') {
      ++number[i];
      return number;
    }
    number[i] = '0';
  }
  return "1" + number;
}

// The end of a range that is given by what follows it: below all pre-releases of it, too.
SemanticVersion Below(std::string major, std::string minor, std::string patch) {
  return {std::move(major), std::move(minor), std::move(patch), "0", ""};
}

bool IsWildcard(absl::string_view part) { return part == "x" || part == "X" || part == "*"; }

}  // namespace

// How many of its numbers were written counts: 1.2 has 2, `*` none.
struct VersionRange::Partial {
  SemanticVersion version;
  int parts = 3;

  // The first version behind all that these parts name: 1.2 -> 1.3, 1 -> 2. Needs parts.
  SemanticVersion After(int given) const {
    if (given == 1) return Below(Next(version.major), "0", "0");
    if (given == 2) return Below(version.major, Next(version.minor), "0");
    return Below(version.major, version.minor, Next(version.patch));
  }
};

std::optional<VersionRange::Partial> VersionRange::ParsePartial(absl::string_view text) {
  absl::ConsumePrefix(&text, "v");
  const size_t end = std::min(text.find('-'), text.find('+'));
  const absl::string_view numbers = text.substr(0, end);
  std::vector<absl::string_view> parts = absl::StrSplit(numbers, '.');
  const auto wild = std::find_if(parts.begin(), parts.end(), IsWildcard);
  Partial partial;
  partial.parts = static_cast<int>(wild - parts.begin());
  if (wild != parts.end()) {
    if (parts.size() > 3 || end != absl::string_view::npos) return std::nullopt;
    if (!std::all_of(wild, parts.end(), IsWildcard)) return std::nullopt;
    parts.erase(wild, parts.end());
    if (parts.empty()) {
      partial.version = {"0", "0", "0", "", ""};
      return partial;
    }
  }
  const std::string rest = end == absl::string_view::npos ? "" : std::string(text.substr(end));
  std::optional<SemanticVersion> version =
      base::ParseSemanticVersion(absl::StrCat(absl::StrJoin(parts, "."), rest), /*strict=*/false);
  if (!version.has_value() || absl::StartsWith(text, "v")) return std::nullopt;
  partial.version = *std::move(version);
  // 1.2-beta is 1.2.0-beta, one version.
  if (!partial.version.pre_release.empty()) partial.parts = 3;
  return partial;
}

VersionRange::Comparison VersionRange::Compare(absl::string_view op, const Partial& partial) {
  Comparison result;
  const SemanticVersion& version = partial.version;
  result.pre_release = !version.pre_release.empty();
  const int parts = partial.parts;
  if (parts == 0) {
    result.negated = op == "!=" || op == "<" || op == ">";  // Nothing is other than anything.
    return result;
  }
  const Bound from{version, true};
  if (op == ">=") {
    result.low = from;
  } else if (op == ">") {
    result.low = parts == 3 ? Bound{version, false} : Bound{partial.After(parts), true};
    if (parts < 3) result.low->version.pre_release.clear();
  } else if (op == "<") {
    result.high = Bound{version, false};
  } else if (op == "<=") {
    result.high = parts == 3 ? from : Bound{partial.After(parts), false};
  } else if (op == "~") {
    result.low = from;
    result.high = Bound{partial.After(std::min(parts, 2)), false};
  } else if (op == "^") {
    result.low = from;
    const int kept = version.major != "0" || parts == 1   ? 1
                     : version.minor != "0" || parts == 2 ? 2
                                                          : 3;
    result.high = Bound{partial.After(kept), false};
  } else {
    result.negated = op == "!=";
    result.low = from;
    result.high = parts == 3 ? from : Bound{partial.After(parts), false};
  }
  return result;
}

absl::StatusOr<std::vector<VersionRange::Comparison>> VersionRange::ParseAlternative(
    absl::string_view text) {
  // Operators may stand apart from their version.
  std::vector<std::string> words;
  std::string pending;
  for (absl::string_view word : absl::StrSplit(text, absl::ByAnyChar(" \t,"), absl::SkipEmpty())) {
    const size_t digits = word.find_first_not_of("<>=!~^");
    if (digits == absl::string_view::npos) {
      absl::StrAppend(&pending, word);
      continue;
    }
    words.push_back(absl::StrCat(pending, word));
    pending.clear();
  }
  if (!pending.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("no version behind ", base::Quoted(pending), "; ", kHowTo));
  }
  std::vector<Comparison> comparisons;
  for (size_t i = 0; i < words.size(); ++i) {
    absl::string_view word = words[i];
    absl::string_view op = word.substr(0, word.find_first_not_of("<>=!~^"));
    word.remove_prefix(op.size());
    const bool hyphen = op.empty() && i + 2 < words.size() && words[i + 1] == "-";
    if (op == "~>") op = "~";
    if (op == "=<") op = "<=";
    if (op == "=>") op = ">=";
    if (op == "==") op = "=";
    const std::vector<absl::string_view> known = {"", "=", "!=", "<", "<=", ">", ">=", "~", "^"};
    const std::optional<Partial> version = ParsePartial(word);
    if (!version.has_value() || std::find(known.begin(), known.end(), op) == known.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat(base::Quoted(words[i]), " is no comparison of versions; ", kHowTo));
    }
    comparisons.push_back(Compare(hyphen ? ">=" : op, *version));
    if (!hyphen) continue;
    const std::optional<Partial> last = ParsePartial(words[i + 2]);
    if (!last.has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat(base::Quoted(words[i + 2]), " is no version; ", kHowTo));
    }
    comparisons.push_back(Compare("<=", *last));
    i += 2;
  }
  if (comparisons.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("an empty range of versions; ", kHowTo, ", or `*` for all"));
  }
  return comparisons;
}

absl::StatusOr<VersionRange> VersionRange::Parse(absl::string_view text) {
  VersionRange range;
  range.text_ = std::string(text);
  for (absl::string_view alternative : absl::StrSplit(text, "||")) {
    ASSIGN_OR_RETURN(std::vector<Comparison> comparisons, ParseAlternative(alternative));
    range.alternatives_.push_back(std::move(comparisons));
  }
  return range;
}

bool VersionRange::Holds(const Comparison& comparison, const SemanticVersion& version) {
  bool inside = true;
  if (comparison.low.has_value()) {
    const int order = base::CompareVersions(version, comparison.low->version);
    inside = comparison.low->inclusive ? order >= 0 : order > 0;
  }
  if (inside && comparison.high.has_value()) {
    const int order = base::CompareVersions(version, comparison.high->version);
    inside = comparison.high->inclusive ? order <= 0 : order < 0;
  }
  return inside != comparison.negated;
}

bool VersionRange::Contains(const SemanticVersion& version) const {
  return std::any_of(
      alternatives_.begin(), alternatives_.end(), [&](const std::vector<Comparison>& all) {
        const bool pre_releases =
            std::any_of(all.begin(), all.end(), [](const Comparison& c) { return c.pre_release; });
        if (!version.pre_release.empty() && !pre_releases) return false;
        return std::all_of(all.begin(), all.end(),
                           [&](const Comparison& c) { return Holds(c, version); });
      });
}

}  // namespace stevedore::transfer
