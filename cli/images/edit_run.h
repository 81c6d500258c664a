// What commands that change images have in common: open, edit, write, tell.

#ifndef STEVEDORE_CLI_IMAGES_EDIT_RUN_H_
#define STEVEDORE_CLI_IMAGES_EDIT_RUN_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cli/console.h"
#include "cli/images/image_access.h"
#include "cli/images/image_flags.h"
#include "cli/images/image_tree.h"
#include "oci/image/media_type.h"
#include "oci/image/platform.h"
#include "transfer/endpoint.h"
#include "transfer/endpoints.h"
#include "transfer/image_source.h"

namespace stevedore::cli {

// An image that is about to be changed.
struct ImageToEdit {
  transfer::Endpoint endpoint;
  transfer::OpenedSource source;
  transfer::RawManifest top;  // A manifest or an index.

  bool is_index() const;
  // The family of media types of `top`.
  oci::ImageFormat format() const;
};

// Opens `text` and reads what it names; of an index only the manifest for `platform`, if given.
// Errors as Endpoints and ReadManifest.
absl::StatusOr<ImageToEdit> OpenToEdit(ImageAccess& access, absl::string_view text,
                                       const std::optional<oci::Platform>& platform);

// A place that results are written to.
struct ResultSink {
  transfer::Endpoint place;
  transfer::OpenedSink sink;
};
absl::StatusOr<ResultSink> OpenResult(ImageAccess& access, const transfer::Endpoint& place);

// Completes the place and prints what came out: its name to standard output (or an object, as
// `--output` says), what it took to standard error.
absl::Status FinishResult(ImageAccess& access, Console& console, const ImageFlags& flags,
                          ResultSink& result, const TreeResult& tree);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_IMAGES_EDIT_RUN_H_
