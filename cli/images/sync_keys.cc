#include "cli/images/sync_keys.h"

#include <array>
#include <cstddef>

namespace stevedore::cli {
namespace {

using graph::Key;
using graph::KeyTable;
using T = graph::KeyType;

template <size_t A, size_t B>
constexpr std::array<Key, A + B> Join(const Key (&first)[A], const Key (&second)[B]) {
  std::array<Key, A + B> all{};
  for (size_t i = 0; i < A; ++i) all[i] = first[i];
  for (size_t i = 0; i < B; ++i) all[A + i] = second[i];
  return all;
}

constexpr Key kDeleteLimit[] = {
    {.name = "tags",
     .type = T::kCount,
     .description = "at most so many tags are deleted in one run",
     .default_value = "10"},
    {.name = "percent",
     .type = T::kCount,
     .description = "at most so much of the destination's tags is deleted in one run",
     .default_value = "50"},
};
constexpr KeyTable kDeleteLimitTable{"a limit of deletions", kDeleteLimit, ""};

constexpr Key kRateLimit[] = {
    {.name = "bytes_per_second",
     .description = "of layers and configs read, over all jobs: 500000, 800KiB, 20MiB"},
    {.name = "requests_per_second",
     .type = T::kNumber,
     .description = "to registries, over all jobs"},
};
constexpr KeyTable kRateLimitTable{"a rate limit", kRateLimit, ""};

// What `defaults` and every job know.
constexpr Key kDefaults[] = {
    {.name = "platforms",
     .type = T::kTexts,
     .description = "only these of an index, which then gets another digest; default: all"},
    {.name = "referrers",
     .type = T::kBool,
     .description = "copy what refers to the images, too: signatures, SBOMs",
     .default_value = "false"},
    {.name = "artifact_types",
     .type = T::kTexts,
     .description = "only referrers of these types; default: all"},
    {.name = "exclude_patterns",
     .type = T::kTexts,
     .description = "regular expressions of tags that no pattern or version selects"},
    {.name = "tag_suffix", .description = "put behind each tag at the destination"},
    {.name = "delete_extraneous",
     .type = T::kBool,
     .description = "delete tags of the destination that the job does not select",
     .default_value = "false"},
    {.name = "delete_limit",
     .type = T::kMap,
     .description = "above it nothing is deleted",
     .members = &kDeleteLimitTable},
    {.name = "source_credentials", .description = "id in the store of credentials"},
    {.name = "destination_credentials", .description = "id in the store of credentials"},
};
constexpr KeyTable kDefaultsTable{"defaults of sync jobs", kDefaults, ""};

constexpr Key kJobOnly[] = {
    {.name = "name", .description = "for --job and messages; default: the source"},
    {.name = "source",
     .description = "repository: docker://registry.example.com/shop/web, oci:folder",
     .required = true},
    {.name = "destination", .description = "as source; or dir:folder", .required = true},
    {.name = "tags",
     .type = T::kTexts,
     .description = "these tags; it is an error if one is missing"},
    {.name = "tag_patterns",
     .type = T::kTexts,
     .description = "regular expressions (RE2) that match a whole tag"},
    {.name = "versions",
     .type = T::kTexts,
     .description = "tags that are semantic versions in one of these ranges: >=1.2 <2, ^1, ~1.4"},
    {.name = "newest",
     .type = T::kCount,
     .description = "only so many of what patterns and versions select: the highest versions"},
    {.name = "all_tags", .type = T::kBool, .description = "every tag", .default_value = "false"},
    {.name = "digests",
     .type = T::kTexts,
     .description = "manifests that are copied without a tag"},
};
constexpr auto kJob = Join(kJobOnly, kDefaults);
constexpr KeyTable kJobTable{"a sync job", kJob, "tags|tag_patterns|versions|all_tags|digests"};

constexpr Key kFile[] = {
    {.name = "jobs",
     .type = T::kMapList,
     .description = "one repository that another one follows, each",
     .members = &kJobTable,
     .required = true},
    {.name = "defaults",
     .type = T::kMap,
     .description = "what jobs have that do not say otherwise",
     .members = &kDefaultsTable},
    {.name = "parallel",
     .type = T::kCount,
     .description = "tags that are copied at once, over all jobs",
     .default_value = "4"},
    {.name = "rate_limit",
     .type = T::kMap,
     .description = "consideration for the registries",
     .members = &kRateLimitTable},
};
constexpr KeyTable kFileTable{"a sync file", kFile, ""};

constexpr Key kSkopeoCredentials[] = {
    {.name = "username", .description = "of the registry"},
    {.name = "password", .description = "better kept in the store of credentials", .secret = true},
};
constexpr KeyTable kSkopeoCredentialsTable{"credentials", kSkopeoCredentials, ""};

constexpr Key kSkopeoRegistry[] = {
    {.name = "images",
     .type = T::kAny,
     .description = "repositories to lists of tags and digests; an empty list: all tags"},
    {.name = "images-by-tag-regex",
     .type = T::kTextMap,
     .description = "repositories to a regular expression that matches a part of the tag"},
    {.name = "images-by-semver",
     .type = T::kTextMap,
     .description = "repositories to a range of semantic versions"},
    {.name = "credentials",
     .type = T::kMap,
     .description = "of the registry",
     .members = &kSkopeoCredentialsTable},
    {.name = "tls-verify",
     .type = T::kBool,
     .description = "false: plain HTTP, or any certificate",
     .default_value = "true"},
    {.name = "cert-dir", .description = "folder with *.crt, *.cert and *.key"},
};
constexpr KeyTable kSkopeoRegistryTable{"a registry", kSkopeoRegistry, ""};

}  // namespace

const KeyTable& SyncFileKeys() { return kFileTable; }
const KeyTable& SyncJobKeys() { return kJobTable; }
const KeyTable& SyncDefaultsKeys() { return kDefaultsTable; }
const KeyTable& DeleteLimitKeys() { return kDeleteLimitTable; }
const KeyTable& RateLimitKeys() { return kRateLimitTable; }
const KeyTable& SkopeoRegistryKeys() { return kSkopeoRegistryTable; }
const KeyTable& SkopeoCredentialsKeys() { return kSkopeoCredentialsTable; }

}  // namespace stevedore::cli
