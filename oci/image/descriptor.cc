#include "oci/image/descriptor.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "nlohmann/json.hpp"
#include "oci/image/media_type.h"

namespace stevedore::oci {
namespace {

absl::Status Wrong(absl::string_view member, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("descriptor: ", member, " ", what));
}

absl::Status ReadText(const nlohmann::json& json, const char* member, std::string* out) {
  const auto it = json.find(member);
  if (it == json.end()) return absl::OkStatus();
  if (!it->is_string()) return Wrong(member, "is not a text");
  *out = it->get<std::string>();
  return absl::OkStatus();
}

absl::Status ReadSize(const nlohmann::json& json, uint64_t* out) {
  const auto it = json.find("size");
  if (it == json.end()) return Wrong("size", "is missing");
  if (!it->is_number_integer()) return Wrong("size", "is not a whole number");
  // Sizes are int64 in every other implementation.
  if (it->is_number_unsigned() && it->get<uint64_t>() > INT64_MAX) {
    return Wrong("size", "is too large");
  }
  if (it->get<int64_t>() < 0) return Wrong("size", "is negative");
  *out = it->get<uint64_t>();
  return absl::OkStatus();
}

absl::Status ReadAnnotations(const nlohmann::json& json, Descriptor* out) {
  const auto it = json.find("annotations");
  if (it == json.end() || it->is_null()) return absl::OkStatus();
  if (!it->is_object()) return Wrong("annotations", "is not an object");
  for (const auto& [key, value] : it->items()) {
    if (!value.is_string()) {
      return Wrong(absl::StrCat("annotation ", base::Quoted(key)), "is not a text");
    }
    out->annotations[key] = value.get<std::string>();
  }
  return absl::OkStatus();
}

absl::Status ReadUrls(const nlohmann::json& json, Descriptor* out) {
  const auto it = json.find("urls");
  if (it == json.end() || it->is_null()) return absl::OkStatus();
  if (!it->is_array()) return Wrong("urls", "is not a list");
  for (const nlohmann::json& url : *it) {
    if (!url.is_string()) return Wrong("urls", "has an item that is not a text");
    const std::string text = url.get<std::string>();
    for (const char c : text) {
      if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f) {
        return Wrong("urls", absl::StrCat("has a malformed item ", base::Quoted(text)));
      }
    }
    out->urls.push_back(text);
  }
  return absl::OkStatus();
}

absl::Status ReadData(const nlohmann::json& json, Descriptor* out) {
  std::string text;
  RETURN_IF_ERROR(ReadText(json, "data", &text));
  if (text.empty()) return absl::OkStatus();
  // absl decodes unpadded base64 too, which the spec does not allow.
  if (text.size() % 4 != 0 || !absl::Base64Unescape(text, &out->data)) {
    return Wrong("data", "is not padded base64");
  }
  if (out->data.size() != out->size) {
    return Wrong("data", absl::StrCat("holds ", out->data.size(), " bytes, size says ", out->size));
  }
  if (!out->digest.Verify(out->data).ok()) {
    return Wrong("data", absl::StrCat("is not the content of ", out->digest.ToString()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Descriptor> Descriptor::FromJson(const nlohmann::json& json) {
  if (!json.is_object()) return absl::InvalidArgumentError("descriptor is not an object");
  Descriptor descriptor;
  RETURN_IF_ERROR(ReadText(json, "mediaType", &descriptor.media_type));
  if (!IsWellFormedMediaType(descriptor.media_type)) {
    return Wrong("mediaType",
                 absl::StrCat("is missing or malformed: ", base::Quoted(descriptor.media_type)));
  }
  std::string digest;
  RETURN_IF_ERROR(ReadText(json, "digest", &digest));
  if (digest.empty()) return Wrong("digest", "is missing");
  ASSIGN_OR_RETURN(descriptor.digest, Digest::Parse(digest), "descriptor");
  RETURN_IF_ERROR(ReadSize(json, &descriptor.size));
  const auto platform = json.find("platform");
  if (platform != json.end() && !platform->is_null()) {
    ASSIGN_OR_RETURN(descriptor.platform, Platform::FromJson(*platform), "descriptor");
  }
  RETURN_IF_ERROR(ReadText(json, "artifactType", &descriptor.artifact_type));
  RETURN_IF_ERROR(ReadAnnotations(json, &descriptor));
  RETURN_IF_ERROR(ReadUrls(json, &descriptor));
  RETURN_IF_ERROR(ReadData(json, &descriptor));
  return descriptor;
}

nlohmann::json Descriptor::ToJson() const {
  nlohmann::json json = {{"mediaType", media_type}, {"digest", digest.ToString()}, {"size", size}};
  if (platform.has_value()) json["platform"] = platform->ToJson();
  if (!annotations.empty()) json["annotations"] = annotations;
  if (!artifact_type.empty()) json["artifactType"] = artifact_type;
  if (!urls.empty()) json["urls"] = urls;
  if (!data.empty()) json["data"] = absl::Base64Escape(data);
  return json;
}

bool operator==(const Descriptor& a, const Descriptor& b) {
  return a.media_type == b.media_type && a.digest == b.digest && a.size == b.size &&
         a.platform == b.platform && a.annotations == b.annotations &&
         a.artifact_type == b.artifact_type && a.urls == b.urls && a.data == b.data;
}

}  // namespace stevedore::oci
