#include "worker/drivers/layer_cache.h"

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/status.h"
#include "nlohmann/json.hpp"
#include "oci/image/canonical_json.h"

namespace stevedore::worker {
namespace {

constexpr uint64_t kMaxEntryBytes = 64 << 10;

absl::StatusOr<CachedLayer> ParseEntry(absl::string_view text) {
  ASSIGN_OR_RETURN(const nlohmann::json json, oci::ParseJson(text, kMaxEntryBytes));
  if (!json.is_object() || !json.contains("diff_id") || !json["diff_id"].is_string() ||
      !json.contains("descriptor")) {
    return absl::InvalidArgumentError("not a layer cache entry");
  }
  CachedLayer layer;
  ASSIGN_OR_RETURN(layer.diff_id, oci::Digest::Parse(json["diff_id"].get<std::string>()));
  ASSIGN_OR_RETURN(layer.descriptor, oci::Descriptor::FromJson(json["descriptor"]));
  return layer;
}

absl::Status WriteEntry(const std::string& directory, const std::string& path,
                        const CachedLayer& layer) {
  const nlohmann::json json = {{"diff_id", layer.diff_id.ToString()},
                               {"descriptor", layer.descriptor.ToJson()}};
  ASSIGN_OR_RETURN(const std::string text, oci::CanonicalJson(json));
  RETURN_IF_ERROR(base::MakeDirectories(directory));
  return base::WriteFileAtomically(path, text);
}

}  // namespace

std::string LayerCache::Key(absl::string_view input_digest, absl::string_view codec_identity,
                            int64_t source_date_epoch) {
  // The first word changes when layers come to be made in another way.
  return base::Sha256Hex(absl::StrCat("layer-v1\n", absl::BytesToHexString(input_digest), "\n",
                                      codec_identity, "\n", source_date_epoch, "\n"));
}

std::string LayerCache::Path(const std::string& key) const {
  return base::JoinPath(directory_, absl::StrCat(key, ".json"));
}

std::optional<CachedLayer> LayerCache::Get(const std::string& key) const {
  if (directory_.empty()) return std::nullopt;
  const absl::StatusOr<std::string> text = base::ReadFile(Path(key), kMaxEntryBytes);
  if (!text.ok()) return std::nullopt;
  absl::StatusOr<CachedLayer> layer = ParseEntry(*text);
  if (!layer.ok()) return std::nullopt;
  return *std::move(layer);
}

void LayerCache::Put(const std::string& key, const CachedLayer& layer) const {
  if (directory_.empty()) return;
  const absl::Status status = WriteEntry(directory_, Path(key), layer);
  if (!status.ok()) {
    base::Log(base::LogLevel::kWarning, "layer cache entry not written",
              {{"error", status.ToString()}});
  }
}

}  // namespace stevedore::worker
