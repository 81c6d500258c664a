#include "oci/image/artifact.h"

#include <utility>

#include "base/status.h"
#include "nlohmann/json.hpp"
#include "oci/image/canonical_json.h"
#include "oci/image/digest.h"
#include "oci/image/media_type.h"

namespace stevedore::oci {

using Json = nlohmann::json;

Descriptor EmptyDescriptor() {
  return {.media_type = kOciEmpty, .digest = Digest::Of("{}"), .size = 2};
}

absl::StatusOr<Manifest> MakeArtifact(const ArtifactContents& contents) {
  Json manifest = {{"schemaVersion", 2},
                   {"mediaType", kOciManifest},
                   {"artifactType", contents.artifact_type},
                   {"config", contents.config.value_or(EmptyDescriptor()).ToJson()},
                   {"layers", Json::array()}};
  for (const Descriptor& blob : contents.blobs) manifest["layers"].push_back(blob.ToJson());
  if (contents.blobs.empty()) manifest["layers"].push_back(EmptyDescriptor().ToJson());
  if (contents.subject.has_value()) manifest["subject"] = contents.subject->ToJson();
  if (!contents.annotations.empty()) manifest["annotations"] = contents.annotations;
  ASSIGN_OR_RETURN(std::string bytes, CanonicalJson(manifest), "artifact");
  return Manifest::Parse(std::move(bytes));
}

bool HasImageConfig(const Manifest& manifest) { return IsConfigType(manifest.config().media_type); }

absl::StatusOr<Manifest> ChangeAnnotations(const Manifest& manifest,
                                           const std::vector<std::string>& remove,
                                           const std::map<std::string, std::string>& set) {
  ASSIGN_OR_RETURN(const Json before, ParseJson(manifest.bytes()), "manifest");
  Json after = before;
  Json annotations = manifest.annotations();
  for (const std::string& name : remove) annotations.erase(name);
  for (const auto& [name, value] : set) annotations[name] = value;
  after.erase("annotations");
  if (!annotations.empty()) after["annotations"] = std::move(annotations);
  if (after == before) return manifest;
  ASSIGN_OR_RETURN(std::string bytes, CanonicalJson(after), "manifest");
  return Manifest::Parse(std::move(bytes), manifest.media_type());
}

}  // namespace stevedore::oci
