#include "transfer/image_export.h"

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/byte_source.h"
#include "base/status.h"
#include "oci/image/manifest.h"
#include "oci/image/media_type.h"
#include "oci/layer/merged_filesystem.h"
#include "transfer/image_layers.h"
#include "transfer/image_reading.h"

namespace stevedore::transfer {
namespace {

// As a whole, before anything of it: what follows would be read for nothing.
absl::Status CheckIsFilesystem(const ImageSource& images, const oci::Manifest& manifest) {
  for (const oci::Descriptor& layer : manifest.layers()) {
    if (oci::IsLayerType(layer.media_type)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(images.Describe(), "@", manifest.digest().ToString(),
                     " is no file system: ", "one of its ", manifest.layers().size(), " layers is ",
                     base::Quoted(layer.media_type), "; `blob` fetches one of them"));
  }
  return absl::OkStatus();
}

absl::StatusOr<ImageExport> ExportRaw(ImageSource& images, const oci::Descriptor& blob,
                                      const ImageExportOptions& options, base::ByteSink* sink) {
  ASSIGN_OR_RETURN(const std::unique_ptr<base::ByteSource> source,
                   images.OpenBlob(blob, options.stop));
  RETURN_IF_ERROR(base::CopyAll(*source, *sink).status());
  ImageExport result;
  result.raw = true;
  return result;
}

}  // namespace

absl::StatusOr<ImageExport> ExportImage(ImageSource& images, const std::string& tag_or_digest,
                                        const ImageExportOptions& options, base::ByteSink* sink) {
  ASSIGN_OR_RETURN(const RawManifest raw,
                   ReadManifest(images, tag_or_digest, options.platform, options.stop));
  ASSIGN_OR_RETURN(const oci::Manifest manifest, oci::Manifest::Parse(raw.bytes, raw.media_type),
                   images.Describe());
  if (manifest.layers().size() == 1 && !oci::IsLayerType(manifest.layers()[0].media_type)) {
    return ExportRaw(images, manifest.layers()[0], options, sink);
  }
  RETURN_IF_ERROR(CheckIsFilesystem(images, manifest));
  ASSIGN_OR_RETURN(const oci::Image image,
                   ReadImage(images, raw.digest.ToString(), std::nullopt, options.stop));
  ASSIGN_OR_RETURN(
      std::vector<oci::LayerStream> layers,
      OpenImageLayers(images, image,
                      {.spool_directory = options.spool_directory, .stop = options.stop}));
  oci::MergeOptions merge;
  merge.drop_climbing_symlinks = true;
  merge.stop = options.stop;
  ASSIGN_OR_RETURN(const oci::MergedFilesystem files,
                   oci::MergedFilesystem::Plan(std::move(layers), merge), images.Describe());
  RETURN_IF_ERROR(files.WriteTar(sink), images.Describe());
  ImageExport result;
  result.entries = files.size();
  result.dropped = files.dropped();
  return result;
}

}  // namespace stevedore::transfer
