// Flags of `promote`, and what they ask of a copy.

#ifndef STEVEDORE_CLI_IMAGES_PROMOTE_FLAGS_H_
#define STEVEDORE_CLI_IMAGES_PROMOTE_FLAGS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/images/image_flags.h"
#include "cli/images/promote_names.h"
#include "graph/configuration.h"
#include "transfer/copy_options.h"
#include "transfer/endpoint.h"

namespace CLI {
class App;
}  // namespace CLI

namespace stevedore::cli {

// Values of the flags.
struct PromoteFlags {
  ImageFlags image;
  std::string source;
  std::string destination;  // Empty: the names say it.
  // Instead of a source: images of the tree, and what builds on them.
  std::vector<std::string> images;
  bool cascade = false;
  PromoteNameFlags names;
  bool from_remote = false;
  bool remove_local_images = false;
  bool docker_normalized_name = false;
  std::vector<std::string> platforms;
  std::string multi_arch;  // "system", "all", "index-only", or empty.
  std::vector<std::string> additional_tags;
  bool all_tags = false;
  bool referrers = false;
  std::vector<std::string> artifact_types;
  std::string format;
  std::string compression;
  bool decompress = false;
  bool recompress_all = false;
  bool preserve_digests = false;
  bool foreign_layers = false;
  bool no_clobber = false;
  bool recheck = false;
  bool dry_run = false;
  int jobs = 6;
  std::string digest_file;
  std::string progress = "auto";
  std::vector<std::string> notices;  // About deprecated flags.
};

// Enters the flags and the two arguments. `flags` must outlive the parse.
void AddPromoteFlags(CLI::App& command, PromoteFlags* flags);

// Checks flags against each other; fills what the configuration says of semantic versions, where no
// flag says it. INVALID_ARGUMENT for flags that contradict each other. Thread-safe.
absl::Status CompletePromoteFlags(const graph::Configuration& configuration, PromoteFlags* flags);

// What the flags ask of a copy from a place of kind `from` to one of kind `to`: archives of Docker
// and engines hold one platform; layers from there are not compressed, which registries want.
// INVALID_ARGUMENT for values that are wrong. Thread-safe.
absl::StatusOr<transfer::CopyOptions> CopyOptionsOf(const PromoteFlags& flags,
                                                    transfer::EndpointKind from,
                                                    transfer::EndpointKind to);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_IMAGES_PROMOTE_FLAGS_H_
