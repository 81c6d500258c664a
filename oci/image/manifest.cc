#include "oci/image/manifest.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "nlohmann/json.hpp"
#include "oci/image/canonical_json.h"
#include "oci/image/media_type.h"

namespace stevedore::oci {
namespace {

absl::StatusOr<std::string> OwnMediaType(const nlohmann::json& json) {
  const auto it = json.find("mediaType");
  if (it == json.end()) return std::string();
  if (!it->is_string()) return absl::InvalidArgumentError("mediaType is not a text");
  std::string type = it->get<std::string>();
  if (!IsWellFormedMediaType(type)) {
    return absl::InvalidArgumentError(
        absl::StrCat("mediaType ", base::Quoted(type), " is malformed"));
  }
  return type;
}

// The rules of DetectMediaType on a parsed document.
absl::StatusOr<std::string> MediaTypeOf(const nlohmann::json& json,
                                        absl::string_view content_type) {
  if (!json.is_object()) return absl::InvalidArgumentError("the document is not a JSON object");
  const bool image = json.contains("layers") || json.contains("config");
  const bool index = json.contains("manifests");
  if (image && index) {
    return absl::InvalidArgumentError(
        "the document has both `manifests` and `layers` or `config`: an index and a manifest at "
        "once means different things to different readers (CVE-2021-41190)");
  }
  ASSIGN_OR_RETURN(const std::string own, OwnMediaType(json));
  const std::string header = StripParameters(content_type);
  for (const std::string& type : {header, own}) {
    if (IsLegacyManifestType(type)) {
      return absl::InvalidArgumentError(
          absl::StrCat("Docker schema 1 manifests (", type,
                       ") are not supported; push the image again with a current Docker"));
    }
  }
  const bool header_known = IsManifestType(header) || IsIndexType(header);
  if (header_known && !own.empty() && own != header) {
    return absl::InvalidArgumentError(absl::StrCat("the document calls itself ", base::Quoted(own),
                                                   " but came as ", base::Quoted(header)));
  }
  std::string type = header_known ? header : own;
  if (type.empty()) type = index ? kOciIndex : kOciManifest;
  if (IsIndexType(type) && image) {
    return absl::InvalidArgumentError(
        absl::StrCat("a document of type ", type, " has `layers` or `config`"));
  }
  if (IsManifestType(type) && index) {
    return absl::InvalidArgumentError(
        absl::StrCat("a document of type ", type, " has `manifests`"));
  }
  return type;
}

absl::Status ReadLayers(const nlohmann::json& json, std::vector<Descriptor>* layers) {
  const auto it = json.find("layers");
  if (it == json.end()) return absl::InvalidArgumentError("`layers` is missing");
  if (!it->is_array()) return absl::InvalidArgumentError("`layers` is not a list");
  for (const nlohmann::json& item : *it) {
    ASSIGN_OR_RETURN(Descriptor layer, Descriptor::FromJson(item), "layer ", layers->size());
    layers->push_back(std::move(layer));
  }
  return absl::OkStatus();
}

absl::Status ReadAnnotations(const nlohmann::json& json, std::map<std::string, std::string>* out) {
  const auto it = json.find("annotations");
  if (it == json.end() || it->is_null()) return absl::OkStatus();
  if (!it->is_object()) return absl::InvalidArgumentError("`annotations` is not an object");
  for (const auto& [key, value] : it->items()) {
    if (!value.is_string()) {
      return absl::InvalidArgumentError(
          absl::StrCat("annotation ", base::Quoted(key), " is not a text"));
    }
    (*out)[key] = value.get<std::string>();
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> DetectMediaType(absl::string_view bytes,
                                            absl::string_view content_type) {
  ASSIGN_OR_RETURN(const nlohmann::json json, ParseJson(bytes));
  return MediaTypeOf(json, content_type);
}

absl::StatusOr<Manifest> Manifest::Parse(std::string bytes, absl::string_view content_type) {
  ASSIGN_OR_RETURN(const nlohmann::json json, ParseJson(bytes), "manifest");
  Manifest manifest;
  ASSIGN_OR_RETURN(manifest.media_type_, MediaTypeOf(json, content_type), "manifest");
  if (!IsManifestType(manifest.media_type_)) {
    return absl::InvalidArgumentError(
        absl::StrCat("manifest: the document is of type ", base::Quoted(manifest.media_type_),
                     IsIndexType(manifest.media_type_) ? ", an index: select a platform first"
                                                       : "; expected an image manifest"));
  }
  const auto version = json.find("schemaVersion");
  if (version == json.end() || *version != 2) {
    return absl::InvalidArgumentError("manifest: schemaVersion is not 2");
  }
  const auto config = json.find("config");
  if (config == json.end()) return absl::InvalidArgumentError("manifest: `config` is missing");
  ASSIGN_OR_RETURN(manifest.config_, Descriptor::FromJson(*config), "manifest: config");
  RETURN_IF_ERROR(ReadLayers(json, &manifest.layers_), "manifest");
  RETURN_IF_ERROR(ReadAnnotations(json, &manifest.annotations_), "manifest");
  const auto subject = json.find("subject");
  if (subject != json.end() && !subject->is_null()) {
    ASSIGN_OR_RETURN(manifest.subject_, Descriptor::FromJson(*subject), "manifest: subject");
  }
  const auto artifact_type = json.find("artifactType");
  if (artifact_type != json.end()) {
    if (!artifact_type->is_string()) {
      return absl::InvalidArgumentError("manifest: artifactType is not a text");
    }
    manifest.artifact_type_ = artifact_type->get<std::string>();
  }
  manifest.digest_ = Digest::Of(bytes);
  manifest.bytes_ = std::move(bytes);
  return manifest;
}

Descriptor Manifest::ToDescriptor() const {
  return {.media_type = media_type_, .digest = digest_, .size = bytes_.size()};
}

uint64_t Manifest::ImageBytes() const {
  uint64_t sum = config_.size;
  for (const Descriptor& layer : layers_) sum += layer.size;
  return sum;
}

}  // namespace stevedore::oci
