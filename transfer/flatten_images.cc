#include "transfer/flatten_images.h"

#include <fcntl.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/byte_source.h"
#include "base/file.h"
#include "base/status.h"
#include "oci/image/canonical_json.h"
#include "oci/image/index.h"
#include "oci/image/manifest.h"
#include "oci/image/media_type.h"
#include "transfer/flatten.h"
#include "transfer/image_layers.h"
#include "transfer/image_reading.h"
#include "transfer/image_writing.h"

namespace stevedore::transfer {
namespace {

// One call of FlattenImages.
class Flattener {
 public:
  Flattener(ImageSource& from, ImageSink& to, const FlattenImagesOptions& options)
      : from_(from), to_(to), options_(options) {}

  // Flattens `raw` and writes it under `name`; its descriptor.
  absl::StatusOr<oci::Descriptor> Flatten(const RawManifest& raw, const std::string& name,
                                          int depth) {
    if (oci::IsIndexType(raw.media_type)) return FlattenIndex(raw, name, depth);
    return FlattenManifest(raw, name);
  }
  const FlattenedImages& result() const { return result_; }

 private:
  absl::StatusOr<oci::Descriptor> FlattenManifest(const RawManifest& raw, const std::string& name);
  absl::StatusOr<oci::Descriptor> FlattenIndex(const RawManifest& raw, const std::string& name,
                                               int depth);

  ImageSource& from_;
  ImageSink& to_;
  const FlattenImagesOptions& options_;
  FlattenedImages result_;
};

// Whether an entry of an index is something to run. Attestations are manifests with layers, too.
bool IsImage(const oci::Descriptor& entry) {
  return entry.artifact_type.empty() && entry.annotations.count("vnd.docker.reference.type") == 0 &&
         !(entry.platform.has_value() && entry.platform->os == "unknown");
}

absl::StatusOr<oci::Descriptor> Flattener::FlattenManifest(const RawManifest& raw,
                                                           const std::string& name) {
  ASSIGN_OR_RETURN(const oci::Image image,
                   ReadImage(from_, raw.digest.ToString(), std::nullopt, options_.stop));
  ASSIGN_OR_RETURN(
      std::vector<oci::LayerStream> layers,
      OpenImageLayers(from_, image,
                      {.spool_directory = options_.spool ? options_.scratch_directory : "",
                       .stop = options_.stop}));
  ASSIGN_OR_RETURN(
      const base::TemporaryDirectory folder,
      base::TemporaryDirectory::Create(base::JoinPath(options_.scratch_directory, "flatten-")));
  const std::string path = base::JoinPath(folder.path(), "layer");
  ASSIGN_OR_RETURN(base::FileDescriptor file,
                   base::OpenFile(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
  base::FileSink blob(std::move(file), path);
  FlattenOptions flatten;
  flatten.compression = options_.compression;
  flatten.created_by = absl::StrCat("stevedore flatten ", raw.digest.ToString());
  flatten.scratch_directory = options_.scratch_directory;
  flatten.merge.stop = options_.stop;
  ASSIGN_OR_RETURN(const Flattened flat, FlattenImage(image, std::move(layers), flatten, &blob),
                   from_.Describe());
  ImageWriting writing;
  writing.new_blobs.push_back({flat.image.manifest.layers()[0],
                               [&path]() -> absl::StatusOr<std::unique_ptr<base::ByteSource>> {
                                 ASSIGN_OR_RETURN(std::unique_ptr<base::ByteSource> source,
                                                  base::FileSource::Open(path));
                                 return source;
                               }});
  RETURN_IF_ERROR(WriteImage(to_, name, flat.image, writing, options_.stop).status());
  ++result_.images;
  result_.layers_before += image.manifest.layers().size();
  return flat.image.manifest.ToDescriptor();
}

absl::StatusOr<oci::Descriptor> Flattener::FlattenIndex(const RawManifest& raw,
                                                        const std::string& name, int depth) {
  if (depth >= kIndexDepthLimit) {
    return absl::ResourceExhaustedError(absl::StrCat(from_.Describe(), ": more than ",
                                                     kIndexDepthLimit, " indexes one in another"));
  }
  ASSIGN_OR_RETURN(const oci::Index index, oci::Index::Parse(raw.bytes, raw.media_type),
                   from_.Describe());
  ASSIGN_OR_RETURN(nlohmann::json document, oci::ParseJson(raw.bytes));
  nlohmann::json entries = nlohmann::json::array();
  for (size_t i = 0; i < index.manifests().size(); ++i) {
    const oci::Descriptor& entry = index.manifests()[i];
    if (!IsImage(entry)) {
      ++result_.left_out;
      continue;
    }
    ASSIGN_OR_RETURN(RawManifest child, from_.GetManifest(entry.digest.ToString(), options_.stop));
    ASSIGN_OR_RETURN(child.media_type, oci::DetectMediaType(child.bytes, child.media_type),
                     from_.Describe());
    ASSIGN_OR_RETURN(const oci::Descriptor flat, Flatten(child, "", depth + 1));
    // Platform, annotations and members that nobody knows stay.
    nlohmann::json changed = document["manifests"][i];
    changed["mediaType"] = flat.media_type;
    changed["digest"] = flat.digest.ToString();
    changed["size"] = flat.size;
    changed.erase("data");
    entries.push_back(std::move(changed));
  }
  if (entries.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(from_.Describe(), ": there is no image in the index ", raw.digest.ToString()));
  }
  document["manifests"] = std::move(entries);
  ASSIGN_OR_RETURN(const std::string bytes, oci::CanonicalJson(document));
  ASSIGN_OR_RETURN(const oci::Index made, oci::Index::Parse(bytes, raw.media_type));
  RETURN_IF_ERROR(to_.PutManifest(name.empty() ? made.digest().ToString() : name, bytes,
                                  made.media_type(), options_.stop)
                      .status(),
                  "write index to ", to_.Describe());
  return made.ToDescriptor();
}

}  // namespace

absl::StatusOr<FlattenedImages> FlattenImages(ImageSource& from, const std::string& tag_or_digest,
                                              ImageSink& to, const std::string& new_name,
                                              const FlattenImagesOptions& options) {
  absl::StatusOr<RawManifest> raw =
      options.platform.has_value()
          ? ReadManifest(from, tag_or_digest, options.platform, options.stop)
          : from.GetManifest(tag_or_digest, options.stop);
  RETURN_IF_ERROR(raw.status());
  ASSIGN_OR_RETURN(raw->media_type, oci::DetectMediaType(raw->bytes, raw->media_type),
                   from.Describe());
  Flattener flattener(from, to, options);
  ASSIGN_OR_RETURN(const oci::Descriptor flat, flattener.Flatten(*raw, new_name, 0));
  FlattenedImages result = flattener.result();
  result.digest = flat.digest;
  return result;
}

}  // namespace stevedore::transfer
