#include "transfer/image_check.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "oci/image/image_config.h"
#include "oci/image/index.h"
#include "oci/image/manifest.h"
#include "oci/image/media_type.h"
#include "transfer/image_reading.h"
#include "transfer/layer_check.h"

namespace stevedore::transfer {
namespace {

using Severity = ImageFinding::Severity;

// What an index says about one of its entries, or nothing about the root.
struct Expected {
  const oci::Descriptor* descriptor = nullptr;
  std::string name;  // "linux/amd64", or part of a digest.
};

const char* NameOf(oci::LayerCompression compression) {
  switch (compression) {
    case oci::LayerCompression::kGzip:
      return "gzip";
    case oci::LayerCompression::kZstd:
      return "zstd";
    case oci::LayerCompression::kNone:
      break;
  }
  return "no compression";
}

// One check; see CheckImage.
class Checker {
 public:
  Checker(ImageSource& images, const ImageCheckOptions& options)
      : images_(images), options_(options), start_(options.clock->SinceBoot()) {
    layer_options_.tar = options.tar;
    layer_options_.decompress = options.decompress;
    layer_options_.go_on = [this] { return GoOn(); };
  }

  absl::Status CheckDocument(const std::string& tag_or_digest, const Expected& expected, int depth);
  ImageCheckReport TakeReport() { return std::move(report_); }
  // Entries that were looked at because they satisfy the platform.
  bool found_platform() const { return report_.manifests > 0; }

 private:
  absl::Status GoOn() const;
  void Find(Severity severity, std::string object, const std::string& digest, std::string problem);
  void Error(const std::string& object, const std::string& digest, std::string problem) {
    Find(Severity::kError, object, digest, std::move(problem));
  }
  void CompareDescriptor(const std::string& object, const oci::Descriptor& said,
                         const RawManifest& found);
  absl::Status CheckIndex(const RawManifest& raw, const std::string& name, int depth);
  absl::Status CheckManifest(const RawManifest& raw, const Expected& expected);
  absl::StatusOr<std::optional<oci::ImageConfig>> CheckConfig(const oci::Manifest& manifest,
                                                              const std::string& name);
  void CheckHistory(const oci::ImageConfig& config, size_t layers, const std::string& object);
  void ComparePlatforms(const oci::ImageConfig& config, const Expected& expected,
                        const std::string& object);
  absl::Status CheckLayerOf(const oci::Descriptor& layer, const std::optional<oci::Digest>& diff_id,
                            bool artifact, const std::string& object);
  absl::StatusOr<LayerFacts> ReadLayer(const oci::Descriptor& layer, base::HashAlgorithm algorithm,
                                       bool as_tar);

  ImageSource& images_;
  const ImageCheckOptions& options_;
  const absl::Duration start_;
  LayerCheckOptions layer_options_;
  ImageCheckReport report_;
  std::set<std::string> documents_;           // Digests.
  std::map<std::string, LayerFacts> layers_;  // By digest and how they were read.
  size_t entries_ = 0;
};

absl::Status Checker::GoOn() const {
  if (options_.stop.stop_requested()) return absl::CancelledError("stopped");
  if (options_.clock->SinceBoot() - start_ > options_.max_time) {
    return absl::ResourceExhaustedError(
        absl::StrCat("not read to the end: the check took longer than ",
                     absl::FormatDuration(options_.max_time)));
  }
  return absl::OkStatus();
}

void Checker::Find(Severity severity, std::string object, const std::string& digest,
                   std::string problem) {
  report_.findings.push_back({severity, std::move(object), digest, std::move(problem)});
}

void Checker::CompareDescriptor(const std::string& object, const oci::Descriptor& said,
                                const RawManifest& found) {
  if (said.size != found.bytes.size()) {
    Error(object, found.digest.ToString(),
          absl::StrCat("has ", found.bytes.size(), " bytes, but the index says ", said.size));
  }
  if (!oci::IsManifestType(said.media_type) && !oci::IsIndexType(said.media_type)) {
    Error(object, found.digest.ToString(),
          absl::StrCat("the index calls it ", base::Quoted(said.media_type),
                       ", which is neither a manifest nor an index"));
  } else if (!found.media_type.empty() && said.media_type != found.media_type) {
    Error(object, found.digest.ToString(),
          absl::StrCat("is ", found.media_type, ", but the index says ", said.media_type));
  }
}

absl::Status Checker::CheckDocument(const std::string& tag_or_digest, const Expected& expected,
                                    int depth) {
  const std::string object =
      expected.descriptor == nullptr ? "manifest" : absl::StrCat("manifest ", expected.name);
  const std::string known = expected.descriptor == nullptr ? "" : tag_or_digest;
  if (const absl::Status go_on = GoOn(); !go_on.ok()) {
    if (!IsAboutContent(go_on)) return go_on;
    Error(object, known, std::string(go_on.message()));
    return absl::OkStatus();
  }
  const absl::StatusOr<RawManifest> raw = images_.GetManifest(tag_or_digest, options_.stop);
  if (!raw.ok()) {
    const bool missing_root = expected.descriptor == nullptr && absl::IsNotFound(raw.status());
    if (missing_root || !IsAboutContent(raw.status())) return raw.status();
    Error(object, known, std::string(raw.status().message()));
    return absl::OkStatus();
  }
  if (const absl::Status same = raw->digest.Verify(raw->bytes); !same.ok()) {
    Error(object, raw->digest.ToString(), std::string(same.message()));
    return absl::OkStatus();
  }
  if (expected.descriptor != nullptr) CompareDescriptor(object, *expected.descriptor, *raw);
  if (!documents_.insert(raw->digest.ToString()).second) return absl::OkStatus();
  const absl::StatusOr<std::string> type = oci::DetectMediaType(raw->bytes, raw->media_type);
  if (!type.ok()) {
    Error(object, raw->digest.ToString(), std::string(type.status().message()));
    return absl::OkStatus();
  }
  if (oci::IsIndexType(*type)) return CheckIndex(*raw, expected.name, depth);
  return CheckManifest(*raw, expected);
}

absl::Status Checker::CheckIndex(const RawManifest& raw, const std::string& name, int depth) {
  const std::string object = name.empty() ? "index" : absl::StrCat("index ", name);
  const absl::StatusOr<oci::Index> index = oci::Index::Parse(raw.bytes, raw.media_type);
  if (!index.ok()) {
    Error(object, raw.digest.ToString(), std::string(index.status().message()));
    return absl::OkStatus();
  }
  ++report_.indexes;
  if (depth >= kIndexDepthLimit) {
    Error(object, raw.digest.ToString(),
          absl::StrCat("is deeper than ", kIndexDepthLimit, " indexes"));
    return absl::OkStatus();
  }
  for (const oci::Descriptor& entry : index->manifests()) {
    if (++entries_ > kIndexEntryLimit) {
      Error(object, raw.digest.ToString(),
            absl::StrCat("leads to more than ", kIndexEntryLimit, " manifests"));
      return absl::OkStatus();
    }
    // An index inside may have no platform of its own.
    const bool is_index = oci::IsIndexType(entry.media_type);
    if (options_.platform.has_value() &&
        !(entry.platform.has_value() ? entry.platform->Satisfies(*options_.platform) : is_index)) {
      continue;
    }
    Expected expected{&entry, entry.digest.Short()};
    if (entry.platform.has_value() && entry.platform->os != "unknown") {
      expected.name = entry.platform->ToString();
    }
    RETURN_IF_ERROR(CheckDocument(entry.digest.ToString(), expected, depth + 1));
  }
  return absl::OkStatus();
}

absl::Status Checker::CheckManifest(const RawManifest& raw, const Expected& expected) {
  absl::StatusOr<oci::Manifest> manifest = oci::Manifest::Parse(raw.bytes, raw.media_type);
  const std::string suffix = expected.name.empty() ? "" : absl::StrCat(" ", expected.name);
  const std::string object = absl::StrCat("manifest", suffix);
  ++report_.manifests;
  if (!manifest.ok()) {
    Error(object, raw.digest.ToString(), std::string(manifest.status().message()));
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::optional<oci::ImageConfig> config,
                   CheckConfig(*manifest, absl::StrCat("config", suffix)));
  const bool artifact = !oci::IsConfigType(manifest->config().media_type);
  const std::vector<oci::Descriptor>& layers = manifest->layers();
  if (config.has_value()) {
    if (config->diff_ids().size() != layers.size()) {
      Error(object, raw.digest.ToString(),
            absl::StrCat("has ", layers.size(), " layers, but its config ",
                         config->diff_ids().size(), " diff ids"));
    }
    CheckHistory(*config, layers.size(), absl::StrCat("config", suffix));
    ComparePlatforms(*config, expected, absl::StrCat("config", suffix));
  }
  for (size_t i = 0; i < layers.size(); ++i) {
    std::optional<oci::Digest> diff_id;
    if (config.has_value() && i < config->diff_ids().size()) diff_id = config->diff_ids()[i];
    const std::string of = expected.name.empty() ? "" : absl::StrCat(" of ", expected.name);
    RETURN_IF_ERROR(CheckLayerOf(layers[i], diff_id, artifact, absl::StrCat("layer ", i + 1, of)));
  }
  return absl::OkStatus();
}

// Nothing for artifacts, and for configs that cannot be read.
absl::StatusOr<std::optional<oci::ImageConfig>> Checker::CheckConfig(const oci::Manifest& manifest,
                                                                     const std::string& object) {
  const oci::Descriptor& descriptor = manifest.config();
  const std::string digest = descriptor.digest.ToString();
  ++report_.blobs;
  if (!oci::IsConfigType(descriptor.media_type)) {
    ASSIGN_OR_RETURN(const LayerFacts facts,
                     ReadLayer(descriptor, base::HashAlgorithm::kSha256, /*as_tar=*/false));
    for (const std::string& problem : facts.problems) Error(object, digest, problem);
    return std::nullopt;
  }
  const absl::StatusOr<std::string> bytes = ReadSmallBlob(images_, descriptor, options_.stop);
  if (!bytes.ok()) {
    if (!IsAboutContent(bytes.status())) return bytes.status();
    Error(object, digest, std::string(bytes.status().message()));
    return std::nullopt;
  }
  report_.blob_bytes += bytes->size();
  if (bytes->size() != descriptor.size) {
    Error(object, digest,
          absl::StrCat("has ", bytes->size(), " bytes, but the manifest says ", descriptor.size));
  }
  if (const absl::Status same = descriptor.digest.Verify(*bytes); !same.ok()) {
    Error(object, digest, std::string(same.message()));
    return std::nullopt;
  }
  absl::StatusOr<oci::ImageConfig> config = oci::ImageConfig::Parse(*bytes);
  if (!config.ok()) {
    Error(object, digest, std::string(config.status().message()));
    return std::nullopt;
  }
  return *std::move(config);
}

void Checker::CheckHistory(const oci::ImageConfig& config, size_t layers,
                           const std::string& object) {
  const size_t steps =
      std::count_if(config.history().begin(), config.history().end(),
                    [](const oci::HistoryEntry& entry) { return !entry.empty_layer; });
  if (config.history().empty()) return;  // It is optional.
  if (steps != layers) {
    Error(object, config.digest().ToString(),
          absl::StrCat("its history tells of ", steps, " layers, but there are ", layers));
  }
}

void Checker::ComparePlatforms(const oci::ImageConfig& config, const Expected& expected,
                               const std::string& object) {
  if (expected.descriptor == nullptr || !expected.descriptor->platform.has_value()) return;
  const oci::Platform& said = *expected.descriptor->platform;
  const oci::Platform& found = config.platform();
  if (said.os != found.os || said.architecture != found.architecture) {
    Error(object, config.digest().ToString(),
          absl::StrCat("is for ", found.ToString(), ", but the index says ", said.ToString()));
  } else if (!found.Satisfies({.os = "", .architecture = "", .variant = said.variant}) &&
             !found.variant.empty()) {
    Find(Severity::kWarning, object, config.digest().ToString(),
         absl::StrCat("is for ", found.ToString(), ", but the index says ", said.ToString()));
  }
}

// What the bytes of a blob are; read once.
absl::StatusOr<LayerFacts> Checker::ReadLayer(const oci::Descriptor& layer,
                                              base::HashAlgorithm algorithm, bool as_tar) {
  const std::string key = absl::StrCat(layer.digest.ToString(), " ", layer.size, " ",
                                       static_cast<int>(algorithm), as_tar ? " tar" : "");
  if (const auto known = layers_.find(key); known != layers_.end()) return known->second;
  LayerFacts facts;
  absl::StatusOr<std::unique_ptr<base::ByteSource>> source = images_.OpenBlob(layer, options_.stop);
  absl::Status there = source.status();
  if (there.ok() && options_.fast) {
    char byte;  // Some streams only ask for the blob when they are read.
    there = (*source)->Read(&byte, 1).status();
  } else if (there.ok()) {
    layer_options_.decompress.max_output_bytes =
        options_.decompress.max_output_bytes -
        std::min(options_.decompress.max_output_bytes, report_.tar_bytes);
    absl::StatusOr<LayerFacts> read =
        as_tar ? CheckLayer(*std::move(source), layer, algorithm, layer_options_)
               : CheckBlob(*std::move(source), layer, layer_options_);
    RETURN_IF_ERROR(read.status());
    facts = *std::move(read);
  }
  if (!there.ok()) {
    if (!IsAboutContent(there)) return there;
    facts.problems.push_back(std::string(there.message()));
  }
  report_.blob_bytes += facts.blob_bytes;
  report_.tar_bytes += facts.tar_bytes;
  layers_.emplace(key, facts);
  return facts;
}

absl::Status Checker::CheckLayerOf(const oci::Descriptor& layer,
                                   const std::optional<oci::Digest>& diff_id, bool artifact,
                                   const std::string& object) {
  const std::string digest = layer.digest.ToString();
  const bool tar = oci::IsLayerType(layer.media_type);
  if (!artifact && !tar) {
    Error(object, digest,
          absl::StrCat("has the media type ", base::Quoted(layer.media_type),
                       ", which is not that of a layer"));
  }
  ++report_.blobs;
  const bool as_tar = tar && !artifact;
  const base::HashAlgorithm algorithm =
      diff_id.has_value() ? diff_id->hash_algorithm() : base::HashAlgorithm::kSha256;
  ASSIGN_OR_RETURN(const LayerFacts facts, ReadLayer(layer, algorithm, as_tar));
  if (!facts.problems.empty() && !layer.urls.empty()) {
    // Its bytes need not be here: whoever wants them asks those addresses.
    Find(Severity::kWarning, object, digest,
         absl::StrCat("is not here, only at ", base::Quoted(layer.urls[0])));
    return absl::OkStatus();
  }
  for (const std::string& problem : facts.problems) Error(object, digest, problem);
  if (options_.fast || !as_tar || !facts.problems.empty()) return absl::OkStatus();
  if (facts.compression != oci::CompressionOf(layer.media_type)) {
    Find(Severity::kWarning, object, digest,
         absl::StrCat("its media type ", layer.media_type, " says ",
                      NameOf(oci::CompressionOf(layer.media_type)), ", but it has ",
                      NameOf(facts.compression)));
  }
  if (diff_id.has_value() && facts.diff_id.has_value() && *facts.diff_id != *diff_id) {
    Error(object, digest,
          absl::StrCat("its tar has the diff id ", facts.diff_id->ToString(),
                       ", but the config says ", diff_id->ToString()));
  }
  return absl::OkStatus();
}

}  // namespace

bool ImageCheckReport::ok() const {
  return std::none_of(findings.begin(), findings.end(), [](const ImageFinding& finding) {
    return finding.severity == ImageFinding::Severity::kError;
  });
}

absl::StatusOr<ImageCheckReport> CheckImage(ImageSource& images, const std::string& tag_or_digest,
                                            const ImageCheckOptions& options) {
  Checker checker(images, options);
  RETURN_IF_ERROR(checker.CheckDocument(tag_or_digest, Expected(), 0));
  const bool found = checker.found_platform();
  ImageCheckReport report = checker.TakeReport();
  if (options.platform.has_value() && !found && report.ok()) {
    return absl::NotFoundError(absl::StrCat(images.Describe(), ": ", tag_or_digest,
                                            " has nothing for the platform ",
                                            options.platform->ToString()));
  }
  return report;
}

}  // namespace stevedore::transfer
