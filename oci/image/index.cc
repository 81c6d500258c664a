#include "oci/image/index.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "nlohmann/json.hpp"
#include "oci/image/manifest.h"

namespace stevedore::oci {
namespace {

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

absl::Status CheckKind(const nlohmann::json& json) {
  const auto version = json.find("schemaVersion");
  if (version == json.end() || *version != 2) {
    return absl::InvalidArgumentError("schemaVersion is not 2");
  }
  if (json.contains("layers") || json.contains("config")) {
    return absl::InvalidArgumentError(
        "the document has both `manifests` and `layers` or `config`: an index and a manifest at "
        "once means different things to different readers (CVE-2021-41190)");
  }
  const auto manifests = json.find("manifests");
  if (manifests == json.end() || !manifests->is_array()) {
    return absl::InvalidArgumentError("`manifests` is missing or not a list");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> TypeOf(const nlohmann::json& json, absl::string_view content_type) {
  std::string own;
  const auto it = json.find("mediaType");
  if (it != json.end()) {
    if (!it->is_string()) return absl::InvalidArgumentError("mediaType is not a text");
    own = it->get<std::string>();
  }
  const std::string header = StripParameters(content_type);
  const bool header_known = IsManifestType(header) || IsIndexType(header);
  if (header_known && !own.empty() && own != header) {
    return absl::InvalidArgumentError(absl::StrCat("the document calls itself ", base::Quoted(own),
                                                   " but came as ", base::Quoted(header)));
  }
  std::string type = header_known ? header : own;
  if (type.empty()) type = kOciIndex;
  if (!IsIndexType(type)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the document is of type ", base::Quoted(type), "; expected an index"));
  }
  return type;
}

}  // namespace

absl::StatusOr<Index> Index::Parse(std::string bytes, absl::string_view content_type,
                                   uint64_t limit_bytes) {
  ASSIGN_OR_RETURN(const nlohmann::json json, ParseJson(bytes, limit_bytes), "index");
  if (!json.is_object()) {
    return absl::InvalidArgumentError("index: the document is not a JSON object");
  }
  Index index;
  ASSIGN_OR_RETURN(index.media_type_, TypeOf(json, content_type), "index");
  RETURN_IF_ERROR(CheckKind(json), "index");
  for (const nlohmann::json& item : json["manifests"]) {
    ASSIGN_OR_RETURN(Descriptor child, Descriptor::FromJson(item), "index: manifest ",
                     index.manifests_.size());
    index.manifests_.push_back(std::move(child));
  }
  RETURN_IF_ERROR(ReadAnnotations(json, &index.annotations_), "index");
  const auto subject = json.find("subject");
  if (subject != json.end() && !subject->is_null()) {
    ASSIGN_OR_RETURN(index.subject_, Descriptor::FromJson(*subject), "index: subject");
  }
  const auto artifact_type = json.find("artifactType");
  if (artifact_type != json.end()) {
    if (!artifact_type->is_string()) {
      return absl::InvalidArgumentError("index: artifactType is not a text");
    }
    index.artifact_type_ = artifact_type->get<std::string>();
  }
  index.digest_ = Digest::Of(bytes);
  index.bytes_ = std::move(bytes);
  return index;
}

absl::StatusOr<Index> Index::Create(absl::Span<const Descriptor> manifests, ImageFormat format,
                                    const std::map<std::string, std::string>& annotations) {
  nlohmann::json json = {
      {"schemaVersion", 2},
      {"mediaType", format == ImageFormat::kOci ? kOciIndex : kDockerManifestList},
      {"manifests", nlohmann::json::array()}};
  for (const Descriptor& manifest : manifests) json["manifests"].push_back(manifest.ToJson());
  if (!annotations.empty()) json["annotations"] = annotations;
  ASSIGN_OR_RETURN(std::string bytes, CanonicalJson(json), "index");
  // A layout may list more than a registry's index may hold.
  return Parse(std::move(bytes), "", UINT64_MAX);
}

absl::StatusOr<Descriptor> Index::Select(const Platform& want) const {
  std::vector<std::string> names;
  for (const Descriptor& manifest : manifests_) {
    if (!manifest.platform.has_value()) continue;
    if (manifest.platform->Satisfies(want)) return manifest;
    names.push_back(manifest.platform->ToString());
  }
  return absl::NotFoundError(absl::StrCat("no manifest for platform ", want.ToString(),
                                          "; the index has ",
                                          names.empty() ? "none" : absl::StrJoin(names, ", ")));
}

Descriptor Index::ToDescriptor() const {
  return {.media_type = media_type_, .digest = digest_, .size = bytes_.size()};
}

}  // namespace stevedore::oci
