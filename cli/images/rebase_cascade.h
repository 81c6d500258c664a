// `rebase --cascade`: a whole family of the images tree on a new base.

#ifndef STEVEDORE_CLI_IMAGES_REBASE_CASCADE_H_
#define STEVEDORE_CLI_IMAGES_REBASE_CASCADE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/images/image_flags.h"
#include "graph/catalog.h"
#include "oci/image/reference.h"

namespace CLI {
class App;
}  // namespace CLI

namespace stevedore::cli {

// Values of the flags that only a cascade has, and of those that it shares with the rebase of one
// image.
struct RebaseCascadeFlags {
  std::string new_base;
  std::string old_base;             // Empty: not given.
  std::vector<std::string> images;  // Lists still hold commas.
  std::string tag_suffix;
  bool dry_run = false;
  int jobs = 8;
};

// Enters `--images`, `--tag-suffix`, `--dry-run` and `--jobs`. `flags` must outlive the parse.
void AddRebaseCascadeFlags(CLI::App& command, RebaseCascadeFlags* flags);

// Moves what builds on the base to `flags.new_base` and prints the report. kFailed if some image
// could not be moved. INVALID_ARGUMENT and NOT_FOUND as SelectFamily and FindInTree; others as
// RebaseFamily.
absl::StatusOr<ExitCode> RebaseCascade(CommandContext& context, const RebaseCascadeFlags& flags,
                                       const ImageFlags& image_flags);

// Which images a cascade is about. A value.
struct CascadeBase {
  std::string id;              // The base that definitions name.
  oci::Reference definition;   // Where they say it is.
  oci::Reference new_base;     // What shall be in its place.
  std::string old_base_given;  // As the user wrote it.
};

// The base of the tree that the texts mean: `old_base` if that names one, else `new_base`. Errors
// as FindInTree. Thread-safe.
absl::StatusOr<CascadeBase> FindCascadeBase(const graph::Catalog& catalog,
                                            absl::string_view new_base, absl::string_view old_base);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_IMAGES_REBASE_CASCADE_H_
