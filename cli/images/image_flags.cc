#include "cli/images/image_flags.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/status.h"
#include "cli/structured_output.h"

namespace stevedore::cli {

void AddImageFlagsWithoutPlatform(CLI::App& command, ImageFlags* flags) {
  command
      .add_option("--insecure,--insecure-registry", flags->insecure_registries,
                  "Registry that may be spoken to without TLS or with any certificate")
      ->type_name("HOST")
      ->allow_extra_args(false);
  command
      .add_option("--authfile", flags->authfile,
                  "Logins of registries, as docker and podman keep them")
      ->type_name("FILE");
  command.add_option("--output", flags->output, "Format")
      ->check(CLI::IsMember({"table", "json", "yaml"}))
      ->type_name("table|json|yaml");
}

void AddImageFlags(CLI::App& command, ImageFlags* flags) {
  command
      .add_option("--platform", flags->platform,
                  "Which image of several: os/architecture[/variant][:os version], or all")
      ->type_name("PLATFORM");
  AddImageFlagsWithoutPlatform(command, flags);
}

absl::StatusOr<std::optional<oci::Platform>> PlatformOf(const ImageFlags& flags) {
  if (flags.platform.empty() || flags.platform == "all") return std::nullopt;
  ASSIGN_OR_RETURN(oci::Platform platform, oci::Platform::Parse(flags.platform), "--platform");
  return platform;
}

std::string FormatResult(const ImageFlags& flags, absl::string_view table,
                         const nlohmann::ordered_json& json) {
  if (flags.output == "json") return ToJsonText(json);
  if (flags.output == "yaml") return ToYamlText(json);
  return std::string(table);
}

}  // namespace stevedore::cli
