#include "coordinator/image_index.h"

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace stevedore::coordinator {
namespace {

// Written by hand: a JSON library for one document of four names would be a further dependency of
// this room.
std::string JsonString(absl::string_view text) {
  std::string json = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') json.push_back('\\');
    if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", c);
      json.append(escape);
    } else {
      json.push_back(c);
    }
  }
  return json + "\"";
}

std::string PlatformJson(absl::string_view platform) {
  const std::vector<absl::string_view> parts = absl::StrSplit(platform, absl::MaxSplits('/', 2));
  std::string json = "{";
  if (parts.size() > 1) absl::StrAppend(&json, "\"architecture\":", JsonString(parts[1]), ",");
  absl::StrAppend(&json, "\"os\":", JsonString(parts[0]));
  if (parts.size() > 2) absl::StrAppend(&json, ",\"variant\":", JsonString(parts[2]));
  return json + "}";
}

}  // namespace

std::string MakeImageIndex(const std::vector<v1::ManifestResult>& manifests) {
  std::string json = "{\"manifests\":[";
  for (const v1::ManifestResult& manifest : manifests) {
    if (&manifest != &manifests.front()) json.push_back(',');
    absl::StrAppend(&json, "{\"digest\":", JsonString(manifest.digest()),
                    ",\"mediaType\":", JsonString(manifest.media_type()),
                    ",\"platform\":", PlatformJson(manifest.platform()),
                    ",\"size\":", manifest.size(), "}");
  }
  absl::StrAppend(&json, "],\"mediaType\":\"", kImageIndexType, "\",\"schemaVersion\":2}");
  return json;
}

}  // namespace stevedore::coordinator
