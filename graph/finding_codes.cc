#include "graph/finding_codes.h"

namespace stevedore::graph {
namespace {

constexpr Severity kE = Severity::kError;
constexpr Severity kW = Severity::kWarning;
constexpr Severity kN = Severity::kNote;

constexpr FindingCode kCodes[] = {
    {codes::kUnreadable, kE, "a file or folder is not there or cannot be read"},
    {codes::kNotYaml, kE, "a file is not YAML"},
    {codes::kUnknownKey, kE, "a key that nobody reads"},
    {codes::kWrongValue, kE, "a value of the wrong kind"},
    {codes::kMissing, kE, "something that must be there is not"},
    {codes::kDefinedTwice, kE, "an image or builder is defined twice"},
    {codes::kUndefined, kE, "a parent, child or layer names an image that is not defined"},
    {codes::kCircle, kE, "images build on each other in a circle"},
    {codes::kWildcard, kE, "a `*` definition where one cannot be"},
    {codes::kUnknownBuilder, kE, "an image names a builder that is not defined"},
    {codes::kUnknownDriver, kE, "a driver that does not exist"},
    {codes::kDriverOptions, kE, "options that the driver does not take"},
    {codes::kTemplate, kE, "a template that does not render"},
    {codes::kClash, kE, "two images would get the same version, reference or tag"},
    {codes::kReference, kE, "a registry, name, version or tag that no registry takes"},
    {codes::kContext, kE, "a context or Dockerfile is not there"},
    {codes::kWrongPlace, kE, "a key that belongs one level up or down"},
    {codes::kConfiguration, kE, "a setting that is not allowed"},
    {codes::kDeprecatedKey, kW, "a deprecated key of the configuration"},
    {codes::kImagesTree, kW, "`images_tree`, the old name of `images`"},
    {codes::kMappingSpelling, kN, "a name in `variables_mapping` as documentation spelt it"},
    {codes::kIgnoredKey, kW, "a key at the top that is ignored but looks like a known one"},
    {codes::kUnusedBuilder, kN, "a builder that no image names"},
    {codes::kShadowedValue, kW, "a persistent value that a parent's always replaces"},
    {codes::kPathAndGit, kW, "`path` and `git` in one context: `git` is ignored"},
    {codes::kNoOpBuilder, kW, "a builder that builds nothing"},
    {codes::kPartialMapping, kW, "`variables_mapping` that names some arguments only"},
    {codes::kEmptyMapping, kW, "an empty `variables_mapping`"},
    {codes::kWildcardVersion, kW, "a `*` definition without a version template"},
    {codes::kWildcardChain, kW, "a `*` definition on a `*` definition"},
    {codes::kWildcardName, kW, "a `*` definition on a parent that has another `name`"},
    {codes::kEdgeTwice, kN, "a parent or child that is named twice, or from both sides"},
    {codes::kParentProduct, kW, "an image on a parent that has several instances"},
    {codes::kAmbiguousTag, kW, "a tag that is also a version or another image's tag"},
    {codes::kTypedValue, kW, "a variable that is a number, true or false"},
    {codes::kTemplatedKey, kN, "a template in the key of a map"},
    {codes::kContextLink, kW, "a symbolic link in a context"},
    {codes::kIgnoreFile, kW, "a .dockerignore in a context"},
    {codes::kGitReference, kW, "a git context whose `reference` means more or something else here"},
    {codes::kGitPath, kN, "`path` of a git context"},
    {codes::kConfigurationOrder, kW, "several configuration files, and another one is read here"},
    {codes::kSemverEnabled, kW, "semantic version tags enabled by the configuration"},
    {codes::kSemverLenient, kN, "a version that is no strict semantic version"},
    {codes::kPlus, kW, "a `+` in a tag"},
    {codes::kRegistryName, kN, "extra tags on a registry without a dot in its name"},
    {codes::kSemverPreRelease, kW, "a pre-release that moves a release's tag"},
    {codes::kInlineSecret, kW, "a password in a definitions file"},
    {codes::kReadableKey, kW, "an encryption key in a file that others can read"},
    {codes::kWeakEncryption, kW, "a credential store that is easy to guess or in clear text"},
    {codes::kSecretVariable, kW, "a build variable that looks like a secret"},
};

}  // namespace

absl::Span<const FindingCode> FindingCodes() { return kCodes; }

Severity SeverityOf(absl::string_view code) {
  for (const FindingCode& known : kCodes) {
    if (known.code == code) return known.severity;
  }
  return kW;
}

}  // namespace stevedore::graph
