#include "cli/images/edit_run.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/images/edit_flags.h"
#include "nlohmann/json.hpp"
#include "transfer/image_reading.h"

namespace stevedore::cli {

bool ImageToEdit::is_index() const { return oci::IsIndexType(top.media_type); }

oci::ImageFormat ImageToEdit::format() const {
  const bool docker =
      top.media_type == oci::kDockerManifest || top.media_type == oci::kDockerManifestList;
  return docker ? oci::ImageFormat::kDocker : oci::ImageFormat::kOci;
}

absl::StatusOr<ImageToEdit> OpenToEdit(ImageAccess& access, absl::string_view text,
                                       const std::optional<oci::Platform>& platform) {
  ImageToEdit image;
  ASSIGN_OR_RETURN(image.endpoint, transfer::ParseEndpoint(text));
  ASSIGN_OR_RETURN(image.source, access.endpoints()->OpenSource(image.endpoint, access.stop()));
  transfer::ImageSource& images = *image.source.images;
  if (platform.has_value()) {
    ASSIGN_OR_RETURN(image.top, transfer::ReadManifest(images, image.source.tag_or_digest, platform,
                                                       access.stop()));
  } else {
    ASSIGN_OR_RETURN(image.top, images.GetManifest(image.source.tag_or_digest, access.stop()));
  }
  return image;
}

absl::StatusOr<ResultSink> OpenResult(ImageAccess& access, const transfer::Endpoint& place) {
  ResultSink result{.place = place};
  ASSIGN_OR_RETURN(result.sink, access.endpoints()->OpenSink(place, access.stop()));
  return result;
}

absl::Status FinishResult(ImageAccess& access, Console& console, const ImageFlags& flags,
                          ResultSink& result, const TreeResult& tree) {
  RETURN_IF_ERROR(result.sink.images->Finish(access.stop()));
  const transfer::ImageWritten& written = tree.written;
  if (tree.attestations > 0) {
    console.Err(absl::StrCat("left out ", tree.attestations,
                             " attestations: what they attest is another image now\n"));
  }
  console.Err(absl::StrCat("layers: ", written.blobs_there, " there, ", written.blobs_mounted,
                           " mounted, ", written.blobs_copied, " sent (", written.bytes_copied,
                           " bytes)\n"));
  const std::string name = ResultName(result.place, tree.digest);
  const nlohmann::ordered_json json = {{"reference", name},
                                       {"digest", tree.digest.ToString()},
                                       {"mediaType", tree.media_type},
                                       {"images", tree.images},
                                       {"blobs",
                                        {{"there", written.blobs_there},
                                         {"mounted", written.blobs_mounted},
                                         {"sent", written.blobs_copied},
                                         {"bytes", written.bytes_copied}}}};
  console.Out(FormatResult(flags, absl::StrCat(name, "\n"), json));
  return absl::OkStatus();
}

}  // namespace stevedore::cli
