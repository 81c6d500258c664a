// Which tags of a repository somebody wants.

#ifndef STEVEDORE_TRANSFER_TAG_RULES_H_
#define STEVEDORE_TRANSFER_TAG_RULES_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "transfer/version_range.h"

namespace re2 {
class RE2;
}  // namespace re2

namespace stevedore::transfer {

// A regular expression (RE2's syntax: no expression takes more than linear time) for tags. A value;
// copies share the compiled expression, which never changes.
class TagPattern {
 public:
  // `whole`: it must match a tag from its first to its last letter; else any part of it.
  // INVALID_ARGUMENT with the reason.
  static absl::StatusOr<TagPattern> Parse(absl::string_view text, bool whole = true);

  // Thread-safe.
  bool Matches(absl::string_view tag) const;
  // As it was written.
  const std::string& text() const;

 private:
  TagPattern(std::shared_ptr<const re2::RE2> expression, bool whole)
      : expression_(std::move(expression)), whole_(whole) {}

  std::shared_ptr<const re2::RE2> expression_;
  bool whole_;
};

// The rules of one repository: a tag is wanted if it is in `tags`, or matches one of `patterns` or
// is a version in one of `versions`, and matches none of `excluded`. Without `tags`, `patterns` and
// `versions`: all but the excluded ones if `all`. A value.
struct TagRules {
  std::vector<std::string> tags;
  std::vector<TagPattern> patterns;
  std::vector<VersionRange> versions;
  std::vector<TagPattern> excluded;  // Says nothing about `tags`.
  // Of the tags that `versions` and `patterns` select only so many: the highest versions. Those
  // that are no version come after all that are. 0: all.
  int newest = 0;
  bool all = false;

  // False if what is wanted is known without asking which tags there are.
  bool NeedsListing() const { return all || !patterns.empty() || !versions.empty(); }
};

// What `rules` select: first `rules.tags`, whether they are there or not, then from `there`, sorted
// as versions are, then by text. Each tag once. Pure.
std::vector<std::string> SelectTags(const TagRules& rules, const std::vector<std::string>& there);

// True for names like "sha256-…" with a digest, in which registries without a referrers API keep
// lists of what belongs to a manifest, and signing tools their signatures. Thread-safe.
bool IsReferrersTag(absl::string_view tag);

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_TAG_RULES_H_
