// Stable codes of everything that `validate` and `lint` report. docs/lint_and_validate.md explains
// each; a code never changes its meaning.

#ifndef STEVEDORE_GRAPH_FINDING_CODES_H_
#define STEVEDORE_GRAPH_FINDING_CODES_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "graph/source_location.h"

namespace stevedore::graph {

namespace codes {

// Broken: nothing is built.
inline constexpr absl::string_view kUnreadable = "SV001";
inline constexpr absl::string_view kNotYaml = "SV002";
inline constexpr absl::string_view kUnknownKey = "SV003";
inline constexpr absl::string_view kWrongValue = "SV004";
inline constexpr absl::string_view kMissing = "SV005";
inline constexpr absl::string_view kDefinedTwice = "SV006";
inline constexpr absl::string_view kUndefined = "SV007";
inline constexpr absl::string_view kCircle = "SV008";
inline constexpr absl::string_view kWildcard = "SV009";
inline constexpr absl::string_view kUnknownBuilder = "SV010";
inline constexpr absl::string_view kUnknownDriver = "SV011";
inline constexpr absl::string_view kDriverOptions = "SV012";
inline constexpr absl::string_view kTemplate = "SV013";
inline constexpr absl::string_view kClash = "SV014";
inline constexpr absl::string_view kReference = "SV015";
inline constexpr absl::string_view kContext = "SV016";
inline constexpr absl::string_view kWrongPlace = "SV017";
inline constexpr absl::string_view kConfiguration = "SV018";

// Deprecated, or of no effect.
inline constexpr absl::string_view kDeprecatedKey = "SV101";
inline constexpr absl::string_view kImagesTree = "SV102";
inline constexpr absl::string_view kMappingSpelling = "SV103";
inline constexpr absl::string_view kIgnoredKey = "SV104";
inline constexpr absl::string_view kUnusedBuilder = "SV105";
inline constexpr absl::string_view kShadowedValue = "SV106";
inline constexpr absl::string_view kPathAndGit = "SV107";
inline constexpr absl::string_view kNoOpBuilder = "SV108";

// Not as in gostevedore.
inline constexpr absl::string_view kPartialMapping = "SV201";
inline constexpr absl::string_view kEmptyMapping = "SV202";
inline constexpr absl::string_view kWildcardVersion = "SV203";
inline constexpr absl::string_view kWildcardChain = "SV204";
inline constexpr absl::string_view kWildcardName = "SV205";
inline constexpr absl::string_view kEdgeTwice = "SV206";
inline constexpr absl::string_view kParentProduct = "SV207";
inline constexpr absl::string_view kAmbiguousTag = "SV208";
inline constexpr absl::string_view kTypedValue = "SV209";
inline constexpr absl::string_view kTemplatedKey = "SV210";
inline constexpr absl::string_view kContextLink = "SV211";
inline constexpr absl::string_view kIgnoreFile = "SV212";
inline constexpr absl::string_view kGitReference = "SV213";
inline constexpr absl::string_view kGitPath = "SV214";
inline constexpr absl::string_view kConfigurationOrder = "SV215";
inline constexpr absl::string_view kSemverEnabled = "SV216";
inline constexpr absl::string_view kSemverLenient = "SV217";
inline constexpr absl::string_view kPlus = "SV218";
inline constexpr absl::string_view kRegistryName = "SV219";
inline constexpr absl::string_view kSemverPreRelease = "SV220";

// Secrets.
inline constexpr absl::string_view kInlineSecret = "SV301";
inline constexpr absl::string_view kReadableKey = "SV302";
inline constexpr absl::string_view kWeakEncryption = "SV303";
inline constexpr absl::string_view kSecretVariable = "SV304";

}  // namespace codes

// What a code stands for. A constant.
struct FindingCode {
  absl::string_view code;
  Severity severity;
  // One line for people.
  absl::string_view title;
};

// Sorted by code.
absl::Span<const FindingCode> FindingCodes();
// kWarning for a code that is not there. Thread-safe.
Severity SeverityOf(absl::string_view code);

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_FINDING_CODES_H_
