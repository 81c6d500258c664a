// Flags of commands that work on images wherever they are.

#ifndef STEVEDORE_CLI_IMAGES_IMAGE_FLAGS_H_
#define STEVEDORE_CLI_IMAGES_IMAGE_FLAGS_H_

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "oci/image/platform.h"

namespace CLI {
class App;
}  // namespace CLI

namespace stevedore::cli {

// Values of the flags.
struct ImageFlags {
  std::string platform;  // "linux/arm64", "all", or empty: not given.
  std::vector<std::string> insecure_registries;
  std::string authfile;
  std::string output = "table";  // Or "json", "yaml".
  // Not a flag: completion sets it, which rather finds nothing than lets anybody wait.
  bool impatient = false;
};

// Enters `--platform`, `--insecure HOST` (or `--insecure-registry`), `--authfile` and `--output`.
// `flags` must outlive the parse.
void AddImageFlags(CLI::App& command, ImageFlags* flags);

// As AddImageFlags for commands to which no platform matters.
void AddImageFlagsWithoutPlatform(CLI::App& command, ImageFlags* flags);

// What `--platform` says; nullopt if it was not given or is `all`. INVALID_ARGUMENT if it is no
// platform. Thread-safe.
absl::StatusOr<std::optional<oci::Platform>> PlatformOf(const ImageFlags& flags);

// A command's result as `--output` wants it: `table` (with its line feed) for people, else `json`.
// Thread-safe.
std::string FormatResult(const ImageFlags& flags, absl::string_view table,
                         const nlohmann::ordered_json& json);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_IMAGES_IMAGE_FLAGS_H_
