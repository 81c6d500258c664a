#include "transfer/convert.h"

#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "nlohmann/json.hpp"
#include "oci/image/canonical_json.h"

namespace stevedore::transfer {
namespace {

// On entries of an index that BuildKit makes: the digest of the manifest that an attestation is
// about.
constexpr char kAttestedAnnotation[] = "vnd.docker.reference.digest";

constexpr char kOciForeignGzip[] = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
constexpr char kDockerForeignGzip[] = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";

// The type of a layer in the other family; oci::ConvertMediaType and the foreign ones.
absl::StatusOr<std::string> ConvertLayerType(const std::string& type, oci::ImageFormat format) {
  if (format == oci::ImageFormat::kOci) {
    if (type == kDockerForeignGzip) return std::string(kOciForeignGzip);
    return oci::ConvertMediaType(type, format);
  }
  if (type == kOciForeignGzip) return std::string(kDockerForeignGzip);
  ASSIGN_OR_RETURN(std::string converted, oci::ConvertMediaType(type, format));
  const bool docker = converted == oci::kDockerLayer || converted == oci::kDockerLayerGzip ||
                      converted == kDockerForeignGzip;
  if (!docker) {
    return absl::InvalidArgumentError(
        absl::StrCat("media type ", base::Quoted(type),
                     " does not exist in Docker's format; use --format oci, or choose platforms "
                     "without such content"));
  }
  return converted;
}

void ReplaceDescriptor(nlohmann::json& entry, const oci::Descriptor& with) {
  // `data` is the old content.
  if (entry["digest"] != with.digest.ToString()) entry.erase("data");
  entry["mediaType"] = with.media_type;
  entry["digest"] = with.digest.ToString();
  entry["size"] = with.size;
}

absl::Status RefuseArtifact(absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat(what,
                   " is an artifact, which Docker's format has no word for; use --format oci, "
                   "or leave the format as it is"));
}

absl::Status ConvertTypes(nlohmann::json& json, const oci::Manifest& manifest,
                          oci::ImageFormat format) {
  if (format == oci::ImageFormat::kDocker &&
      (manifest.subject().has_value() || !manifest.artifact_type().empty() ||
       !oci::IsConfigType(manifest.config().media_type))) {
    return RefuseArtifact(absl::StrCat("manifest ", manifest.digest().ToString()));
  }
  ASSIGN_OR_RETURN(json["mediaType"], oci::ConvertMediaType(manifest.media_type(), format));
  ASSIGN_OR_RETURN(json["config"]["mediaType"],
                   oci::ConvertMediaType(manifest.config().media_type, format));
  for (nlohmann::json& layer : json["layers"]) {
    ASSIGN_OR_RETURN(layer["mediaType"],
                     ConvertLayerType(layer["mediaType"].get<std::string>(), format), "manifest ",
                     manifest.digest().ToString());
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<oci::Manifest> ConvertManifest(
    const oci::Manifest& manifest, std::optional<oci::ImageFormat> format,
    const std::vector<std::optional<oci::Descriptor>>& layers) {
  ASSIGN_OR_RETURN(const nlohmann::json before, oci::ParseJson(manifest.bytes()));
  nlohmann::json json = before;
  for (size_t i = 0; i < layers.size() && i < json["layers"].size(); ++i) {
    if (layers[i].has_value()) ReplaceDescriptor(json["layers"][i], *layers[i]);
  }
  if (format.has_value()) {
    // A document of the right family need not say its type.
    const bool same =
        oci::ConvertMediaType(manifest.media_type(), *format).value_or("") == manifest.media_type();
    const bool silent = !before.contains("mediaType");
    RETURN_IF_ERROR(ConvertTypes(json, manifest, *format));
    if (same && silent) json.erase("mediaType");
  }
  if (json == before) return manifest;
  const std::string type = json.value("mediaType", manifest.media_type());
  ASSIGN_OR_RETURN(std::string bytes, oci::CanonicalJson(json), "manifest");
  return oci::Manifest::Parse(std::move(bytes), type);
}

absl::StatusOr<oci::Index> ConvertIndex(
    const oci::Index& index, std::optional<oci::ImageFormat> format,
    const std::vector<std::optional<oci::Descriptor>>& children) {
  ASSIGN_OR_RETURN(const nlohmann::json before, oci::ParseJson(index.bytes()));
  nlohmann::json json = before;
  std::map<std::string, std::string> renamed;
  nlohmann::json kept = nlohmann::json::array();
  for (size_t i = 0; i < index.manifests().size(); ++i) {
    if (i >= children.size() || !children[i].has_value()) continue;
    nlohmann::json entry = before["manifests"][i];
    ReplaceDescriptor(entry, *children[i]);
    renamed[index.manifests()[i].digest.ToString()] = children[i]->digest.ToString();
    kept.push_back(std::move(entry));
  }
  for (nlohmann::json& entry : kept) {
    const auto annotations = entry.find("annotations");
    if (annotations == entry.end() || !annotations->contains(kAttestedAnnotation)) continue;
    nlohmann::json& attested = (*annotations)[kAttestedAnnotation];
    const auto now = renamed.find(attested.get<std::string>());
    if (now != renamed.end()) attested = now->second;
  }
  json["manifests"] = std::move(kept);
  std::string type = index.media_type();
  if (format.has_value()) {
    if (*format == oci::ImageFormat::kDocker &&
        (index.subject().has_value() || !index.artifact_type().empty())) {
      return RefuseArtifact(absl::StrCat("index ", index.digest().ToString()));
    }
    ASSIGN_OR_RETURN(type, oci::ConvertMediaType(index.media_type(), *format));
    if (type != index.media_type() || before.contains("mediaType")) json["mediaType"] = type;
  }
  if (json == before) return index;
  ASSIGN_OR_RETURN(std::string bytes, oci::CanonicalJson(json), "index");
  return oci::Index::Parse(std::move(bytes), type);
}

absl::StatusOr<std::vector<bool>> SelectChildren(const oci::Index& index,
                                                 const std::vector<oci::Platform>& platforms) {
  std::vector<bool> selected(index.manifests().size(), false);
  std::vector<std::string> wanted, names;
  std::set<std::string> chosen;
  bool any = false;
  for (size_t i = 0; i < selected.size(); ++i) {
    const oci::Descriptor& child = index.manifests()[i];
    if (oci::IsIndexType(child.media_type)) {
      any = selected[i] = true;
      continue;
    }
    if (!child.platform.has_value()) continue;
    for (const oci::Platform& platform : platforms) {
      if (child.platform->Satisfies(platform)) selected[i] = true;
    }
    if (selected[i]) chosen.insert(child.digest.ToString());
    any = any || selected[i];
    if (child.platform->os != "unknown") names.push_back(child.platform->ToString());
  }
  for (size_t i = 0; i < selected.size(); ++i) {
    const auto& annotations = index.manifests()[i].annotations;
    const auto attested = annotations.find(kAttestedAnnotation);
    if (attested != annotations.end() && chosen.contains(attested->second)) selected[i] = true;
  }
  if (any) return selected;
  for (const oci::Platform& platform : platforms) wanted.push_back(platform.ToString());
  return absl::NotFoundError(absl::StrCat("no manifest for platform ", absl::StrJoin(wanted, ", "),
                                          "; index ", index.digest().ToString(), " has ",
                                          names.empty() ? "none" : absl::StrJoin(names, ", ")));
}

}  // namespace stevedore::transfer
