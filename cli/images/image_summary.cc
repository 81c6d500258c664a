#include "cli/images/image_summary.h"

#include <nlohmann/json.hpp>

#include "oci/image/canonical_json.h"

namespace stevedore::cli {
namespace {

using Json = nlohmann::ordered_json;

Json OrNull(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

void AddConfig(const ImageFacts& facts, Json& json) {
  const oci::ImageConfig& config = *facts.config;
  json["Created"] = OrNull(config.created());
  const auto document = oci::ParseJson(facts.config_bytes);
  json["DockerVersion"] = "";
  if (document.ok() && document->is_object() && document->contains("docker_version") &&
      (*document)["docker_version"].is_string()) {
    json["DockerVersion"] = (*document)["docker_version"].get<std::string>();
  }
  json["Labels"] = config.labels().empty() ? Json(nullptr) : Json(config.labels());
  json["Architecture"] = config.platform().architecture;
  if (!config.platform().variant.empty()) json["Variant"] = config.platform().variant;
  json["Os"] = config.platform().os;
}

}  // namespace

Json SummarizeImage(const ImageFacts& facts) {
  Json json;
  json["Name"] = facts.name;
  json["Digest"] = facts.digest.ToString();
  json["RepoTags"] = facts.tags;
  if (facts.config.has_value()) {
    AddConfig(facts, json);
  } else {
    json["ArtifactType"] = facts.manifest.artifact_type().empty()
                               ? facts.manifest.config().media_type
                               : facts.manifest.artifact_type();
  }
  json["Layers"] = Json::array();
  json["LayersData"] = Json::array();
  for (const oci::Descriptor& layer : facts.manifest.layers()) {
    json["Layers"].push_back(layer.digest.ToString());
    Json data;
    data["MIMEType"] = layer.media_type;
    data["Digest"] = layer.digest.ToString();
    data["Size"] = layer.size;
    data["Annotations"] = layer.annotations.empty() ? Json(nullptr) : Json(layer.annotations);
    json["LayersData"].push_back(std::move(data));
  }
  if (facts.config.has_value()) {
    json["Env"] = facts.config->env();
    if (!facts.config->author().empty()) json["Author"] = facts.config->author();
  }
  return json;
}

}  // namespace stevedore::cli
