// Which files of build contexts are left out: `.dockerignore`, with Docker's own matching.

#ifndef STEVEDORE_CONTEXT_IGNORE_RULES_H_
#define STEVEDORE_CONTEXT_IGNORE_RULES_H_

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace re2 {
class RE2;
}  // namespace re2

namespace stevedore::context {

// The rules of one ignore file. Paths are relative to the root of the context, as in TreeEntry.
// A value; const members are thread-safe.
//
// As Docker's client does it: one pattern per line with the wildcards of Go's filepath.Match and
// `**` for any number of folders; `#` at the very beginning of a line makes it a comment; white
// space around a pattern, a leading slash and a byte order mark do not count; `!` takes back what
// earlier lines ignored; the last line that matches wins; what matches a folder matches everything
// in it.
class IgnoreRules {
 public:
  // `name` is the file's, for messages. INVALID_ARGUMENT with file and line for a pattern that
  // Docker refuses too: an open or empty bracket, a backslash at the end, a lone `!`.
  // RESOURCE_EXHAUSTED above 1 MiB or 10,000 patterns.
  static absl::StatusOr<IgnoreRules> Parse(absl::string_view text, absl::string_view name);

  // Rules that ignore nothing.
  IgnoreRules() = default;

  bool empty() const { return patterns_.empty(); }

  // Never ignores the file `path`, whatever the patterns say: the Dockerfile, the ignore file.
  void AlwaysKeep(absl::string_view path);

  // Whether the file, link or folder at `path` itself is left out.
  bool Ignores(absl::string_view path) const;

  // Whether something below the ignored folder `directory` may be taken back by a `!` pattern. As
  // in Docker that is so only if the pattern begins, letter by letter, with that folder: `!**/keep`
  // brings nothing back from a folder that is ignored as a whole.
  bool MayKeepBelow(absl::string_view directory) const;

  // Equal for rules that ignore the same: 64 hex digits; empty if nothing is ignored.
  std::string Identity() const;

 private:
  enum class Match { kExact, kPrefix, kSuffix, kRegex };
  struct Pattern {
    std::string text;  // Cleaned, without the `!`.
    bool exception = false;
    Match match = Match::kExact;
    std::shared_ptr<const re2::RE2> regex;  // Of kRegex. Shared by copies of the rules.
  };

  static absl::StatusOr<Pattern> Compile(std::string text);
  static bool Matches(const Pattern& pattern, absl::string_view path);
  static bool MatchesWithAncestors(const Pattern& pattern, absl::string_view path);

  std::vector<Pattern> patterns_;
  std::set<std::string, std::less<>> kept_;
};

}  // namespace stevedore::context

#endif  // STEVEDORE_CONTEXT_IGNORE_RULES_H_
