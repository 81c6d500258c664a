// The part of `validate` that looks at images.

#ifndef STEVEDORE_CLI_IMAGES_VALIDATE_IMAGE_COMMAND_H_
#define STEVEDORE_CLI_IMAGES_VALIDATE_IMAGE_COMMAND_H_

#include <string>

#include "absl/status/statusor.h"
#include "cli/command.h"
#include "cli/images/image_flags.h"

namespace stevedore::cli {

// What the command line says.
struct ValidateImageFlags {
  ImageFlags images;
  std::string image;
  std::string remote;
  std::string tarball;
  bool fast = false;
  bool all_platforms = false;

  // An image was named; otherwise definitions are meant.
  bool wanted() const { return !image.empty() || !remote.empty() || !tarball.empty(); }
};

// Enters `[IMAGE]`, `--remote`, `--tarball`, `--fast`, `--all-platforms` and those of
// AddImageFlags. `flags` must outlive the parse.
void AddValidateImageFlags(CLI::App& command, ValidateImageFlags* flags);

// Checks the image and prints what is wrong with it. kFailed if something is.
absl::StatusOr<ExitCode> ValidateImage(CommandContext& context, const ValidateImageFlags& flags);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_IMAGES_VALIDATE_IMAGE_COMMAND_H_
