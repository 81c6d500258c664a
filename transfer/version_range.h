// Sets of semantic versions as people write them: ">=1.2 <2", "^1", "~1.4".

#ifndef STEVEDORE_TRANSFER_VERSION_RANGE_H_
#define STEVEDORE_TRANSFER_VERSION_RANGE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/semantic_version.h"

namespace stevedore::transfer {

// A range of versions. Comparisons beside each other (separated by spaces or commas) must all hold;
// `||` separates alternatives. A comparison is a version behind nothing, `=`, `!=`, `>`, `>=`, `<`,
// `<=`, `~` (this minor version on), `^` (all that promises to be compatible), or `A - B`. Parts
// that are missing or `x` or `*` may be anything: 1.2 is 1.2.x. Versions with a pre-release
// ("1.3-alpine", "2.0.0-rc.1") are in a range only if the alternative names a pre-release itself
// (">=1.2-0"). A value.
class VersionRange {
 public:
  // INVALID_ARGUMENT, saying what was found and what a range looks like.
  static absl::StatusOr<VersionRange> Parse(absl::string_view text);

  // Whether `version` is in the range.
  bool Contains(const base::SemanticVersion& version) const;
  // As it was written.
  const std::string& text() const { return text_; }

 private:
  // One end of an interval.
  struct Bound {
    base::SemanticVersion version;
    bool inclusive = true;
  };
  // An interval, or all but it.
  struct Comparison {
    std::optional<Bound> low, high;
    bool negated = false;
    bool pre_release = false;  // The user wrote one.
  };
  struct Partial;  // A version as it stands in a range.

  static std::optional<Partial> ParsePartial(absl::string_view text);
  static Comparison Compare(absl::string_view op, const Partial& version);
  static absl::StatusOr<std::vector<Comparison>> ParseAlternative(absl::string_view text);
  static bool Holds(const Comparison& comparison, const base::SemanticVersion& version);

  std::string text_;
  std::vector<std::vector<Comparison>> alternatives_;
};

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_VERSION_RANGE_H_
