#include "cli/images/sync_values.h"

#include <cmath>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "oci/image/reference.h"

namespace stevedore::cli {
namespace {

using graph::YamlNode;
using transfer::Endpoint;
using transfer::EndpointKind;

struct Unit {
  absl::string_view name;
  double bytes;
};
// Longer names before those that they end with.
constexpr Unit kUnits[] = {{"KiB", 1024.0}, {"MiB", 1048576.0}, {"GiB", 1073741824.0},
                           {"KB", 1e3},     {"MB", 1e6},        {"GB", 1e9},
                           {"B", 1.0}};

}  // namespace

std::optional<int> SyncValues::Count(const YamlNode& node, const std::string& what, int most) {
  if (node.is_null()) return std::nullopt;
  int count = 0;
  if (node.is_scalar() && absl::SimpleAtoi(node.text(), &count) && count >= 1 && count <= most) {
    return count;
  }
  findings_.Error(node.where(), absl::StrCat(what, " must be a whole number from 1 to ", most,
                                             ", found ", node.Describe()));
  return std::nullopt;
}

std::optional<double> SyncValues::Bytes(const YamlNode& node, const std::string& what) {
  if (node.is_null()) return std::nullopt;
  double number = 0;
  if (node.is_scalar()) {
    absl::string_view text = node.text();
    double factor = 1;
    for (const Unit& unit : kUnits) {
      if (!absl::ConsumeSuffix(&text, unit.name)) continue;
      factor = unit.bytes;
      break;
    }
    // Several transfers share it, and one that seems to stand still is broken off.
    if (absl::SimpleAtod(text, &number) && std::isfinite(number) && number * factor >= 16384) {
      return number * factor;
    }
  }
  findings_.Error(node.where(),
                  absl::StrCat(what, " must be a number of bytes from 16KiB on, such as 500000, ",
                               "800KiB or 20MiB, found ", node.Describe()));
  return std::nullopt;
}

std::optional<double> SyncValues::Rate(const YamlNode& node, const std::string& what) {
  if (node.is_null()) return std::nullopt;
  double number = 0;
  if (node.is_scalar() && absl::SimpleAtod(node.text(), &number) && std::isfinite(number) &&
      number >= 0.01) {
    return number;
  }
  findings_.Error(node.where(),
                  absl::StrCat(what, " must be a number from 0.01 on, found ", node.Describe()));
  return std::nullopt;
}

std::vector<std::string> SyncValues::Tags(const YamlNode& node, const std::string& what) {
  std::vector<std::string> tags;
  for (const YamlNode* item : findings_.Texts(node, what)) {
    if (const absl::Status valid = oci::CheckTag(item->text()); !valid.ok()) {
      findings_.Error(item->where(), absl::StrCat(valid.message(),
                                                  "; expressions belong into `tag_patterns`, "
                                                  "ranges into `versions`"));
      continue;
    }
    tags.push_back(item->text());
  }
  return tags;
}

std::vector<oci::Digest> SyncValues::Digests(const YamlNode& node, const std::string& what) {
  std::vector<oci::Digest> digests;
  for (const YamlNode* item : findings_.Texts(node, what)) {
    absl::StatusOr<oci::Digest> digest = oci::Digest::Parse(item->text());
    if (digest.ok()) {
      digests.push_back(*std::move(digest));
    } else {
      findings_.Error(item->where(), digest.status().message());
    }
  }
  return digests;
}

std::vector<oci::Platform> SyncValues::Platforms(const YamlNode& node, const std::string& what) {
  std::vector<oci::Platform> platforms;
  for (const YamlNode* item : findings_.Texts(node, what)) {
    absl::StatusOr<oci::Platform> platform = oci::Platform::Parse(item->text());
    if (platform.ok() && !platform->empty()) {
      platforms.push_back(*std::move(platform));
    } else {
      findings_.Error(item->where(),
                      absl::StrCat(base::Quoted(item->text()),
                                   " is no platform; write for example linux/amd64 or "
                                   "linux/arm/v7"));
    }
  }
  return platforms;
}

std::vector<transfer::TagPattern> SyncValues::Patterns(const YamlNode& node,
                                                       const std::string& what, bool whole) {
  std::vector<transfer::TagPattern> patterns;
  for (const YamlNode* item : findings_.Texts(node, what)) {
    absl::StatusOr<transfer::TagPattern> pattern = transfer::TagPattern::Parse(item->text(), whole);
    if (pattern.ok()) {
      patterns.push_back(*std::move(pattern));
    } else {
      findings_.Error(item->where(), pattern.status().message());
    }
  }
  return patterns;
}

std::vector<transfer::VersionRange> SyncValues::Versions(const YamlNode& node,
                                                         const std::string& what) {
  std::vector<transfer::VersionRange> ranges;
  for (const YamlNode* item : findings_.Texts(node, what)) {
    absl::StatusOr<transfer::VersionRange> range = transfer::VersionRange::Parse(item->text());
    if (range.ok()) {
      ranges.push_back(*std::move(range));
    } else {
      findings_.Error(item->where(), range.status().message());
    }
  }
  return ranges;
}

std::string SyncValues::TagSuffix(const YamlNode& node) {
  const std::string suffix = findings_.Text(node, "`tag_suffix`");
  if (suffix.empty() || oci::CheckTag(absl::StrCat("x", suffix)).ok()) return suffix;
  findings_.Error(node.where(), absl::StrCat(base::Quoted(suffix),
                                             " cannot stand at the end of a tag; letters, digits "
                                             "and `_.-` can"));
  return "";
}

std::optional<Endpoint> SyncValues::Repository(const YamlNode& node, const std::string& what) {
  const std::string text = findings_.Text(node, what);
  if (!node.is_scalar()) return std::nullopt;
  absl::StatusOr<Endpoint> endpoint = ParseRepository(text);
  if (endpoint.ok()) return *std::move(endpoint);
  findings_.Error(node.where(), endpoint.status().message());
  return std::nullopt;
}

void SyncValues::CheckWritable(const YamlNode& node, const Endpoint& destination) {
  const absl::Status status = CheckMirrorDestination(destination);
  if (!status.ok()) findings_.Error(node.where(), status.message());
}

absl::StatusOr<Endpoint> ParseRepository(absl::string_view text) {
  ASSIGN_OR_RETURN(Endpoint endpoint, transfer::ParseEndpoint(text));
  bool named =
      !endpoint.tag.empty() || endpoint.digest.has_value() || endpoint.position.has_value();
  if (endpoint.kind == EndpointKind::kRegistry) {
    // Without the tag that is meant where none stands.
    absl::string_view name = text;
    absl::ConsumePrefix(&name, "docker://");
    ASSIGN_OR_RETURN(endpoint.reference, oci::Reference::Parse(name, {.tag = ""}));
    named = !endpoint.reference.tag().empty() || !endpoint.reference.digest().ToString().empty();
  }
  if (named && endpoint.kind != EndpointKind::kDirectory) {
    return absl::InvalidArgumentError(
        absl::StrCat(base::Quoted(text),
                     " names one image, wanted is a repository; put the tag "
                     "into `tags`, the digest into `digests`"));
  }
  return endpoint;
}

absl::Status CheckMirrorDestination(const Endpoint& destination) {
  switch (destination.kind) {
    case EndpointKind::kRegistry:
    case EndpointKind::kLayout:
    case EndpointKind::kDirectory:
      return absl::OkStatus();
    default:
      return absl::InvalidArgumentError(
          absl::StrCat(base::Quoted(destination.ToString()),
                       " cannot be filled image by image; mirror to a registry, an image layout "
                       "(oci:folder) or folders (dir:folder)"));
  }
}

}  // namespace stevedore::cli
