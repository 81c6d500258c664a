#include "transfer/tag_rules.h"

#include <re2/re2.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/semantic_version.h"
#include "base/status.h"

namespace stevedore::transfer {
namespace {

// Tags have at most 128 bytes; an expression that needs more memory than this is a mistake.
constexpr int64_t kExpressionMemory = 1 << 20;

re2::StringPiece Piece(absl::string_view text) { return {text.data(), text.size()}; }

// A tag that may be a version.
struct Candidate {
  std::string tag;
  std::optional<base::SemanticVersion> version;
};

// Versions first, the highest first; then others by name.
bool ComesBefore(const Candidate& a, const Candidate& b) {
  if (a.version.has_value() != b.version.has_value()) return a.version.has_value();
  if (a.version.has_value()) {
    if (const int order = base::CompareVersions(*a.version, *b.version); order != 0) {
      return order > 0;
    }
  }
  return a.tag < b.tag;
}

bool IsSelected(const TagRules& rules, const Candidate& candidate) {
  const auto matches = [&](const TagPattern& pattern) { return pattern.Matches(candidate.tag); };
  if (std::any_of(rules.excluded.begin(), rules.excluded.end(), matches)) return false;
  if (rules.all || std::any_of(rules.patterns.begin(), rules.patterns.end(), matches)) return true;
  return candidate.version.has_value() &&
         std::any_of(rules.versions.begin(), rules.versions.end(),
                     [&](const VersionRange& range) { return range.Contains(*candidate.version); });
}

}  // namespace

absl::StatusOr<TagPattern> TagPattern::Parse(absl::string_view text, bool whole) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kExpressionMemory);
  auto expression = std::make_shared<const re2::RE2>(Piece(text), options);
  if (text.empty() || !expression->ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        base::Quoted(text), " is no regular expression for tags",
        text.empty() ? std::string(": it is empty") : absl::StrCat(": ", expression->error()),
        "; write for example `v1\\..*` or `.*-alpine`"));
  }
  return TagPattern(std::move(expression), whole);
}

bool TagPattern::Matches(absl::string_view tag) const {
  return whole_ ? re2::RE2::FullMatch(Piece(tag), *expression_)
                : re2::RE2::PartialMatch(Piece(tag), *expression_);
}

const std::string& TagPattern::text() const { return expression_->pattern(); }

std::vector<std::string> SelectTags(const TagRules& rules, const std::vector<std::string>& there) {
  std::vector<std::string> selected;
  absl::flat_hash_set<std::string> known;
  for (const std::string& tag : rules.tags) {
    if (known.insert(tag).second) selected.push_back(tag);
  }
  std::vector<Candidate> candidates;
  for (const std::string& tag : there) {
    Candidate candidate{tag, base::ParseSemanticVersion(tag, /*strict=*/false)};
    if (IsSelected(rules, candidate)) candidates.push_back(std::move(candidate));
  }
  std::sort(candidates.begin(), candidates.end(), ComesBefore);
  if (rules.newest > 0 && candidates.size() > static_cast<size_t>(rules.newest)) {
    candidates.resize(rules.newest);
  }
  for (Candidate& candidate : candidates) {
    if (known.insert(candidate.tag).second) selected.push_back(std::move(candidate.tag));
  }
  return selected;
}

bool IsReferrersTag(absl::string_view tag) {
  size_t digits = 64;
  if (absl::ConsumePrefix(&tag, "sha512-")) {
    digits = 128;
  } else if (!absl::ConsumePrefix(&tag, "sha256-")) {
    return false;
  }
  // The specification cuts names to 128 letters.
  const size_t wanted = std::min<size_t>(digits, 128 - 7);
  size_t seen = 0;
  while (seen < tag.size() && absl::ascii_isxdigit(tag[seen])) ++seen;
  return seen >= wanted && (seen == tag.size() || tag[seen] == '.');
}

}  // namespace stevedore::transfer
