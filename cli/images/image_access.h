// What an image command starts from: registries, with the settings and logins of project and user.

#ifndef STEVEDORE_CLI_IMAGES_IMAGE_ACCESS_H_
#define STEVEDORE_CLI_IMAGES_IMAGE_ACCESS_H_

#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cli/command.h"
#include "cli/images/image_flags.h"
#include "cli/interrupts.h"
#include "cli/registry_access.h"
#include "graph/configuration.h"
#include "oci/image/platform.h"
#include "transfer/endpoint.h"
#include "transfer/endpoints.h"
#include "transfer/registry_client.h"

namespace stevedore::cli {

// Works in any folder, with or without a stevedore.yaml. Ctrl-C is a stop while it lives; one at a
// time may live. Thread-safe.
class ImageAccess {
 public:
  // INVALID_ARGUMENT for a configuration or flags that are wrong.
  static absl::StatusOr<std::unique_ptr<ImageAccess>> Open(CommandContext& context,
                                                           const ImageFlags& flags);
  ImageAccess(const ImageAccess&) = delete;
  ImageAccess& operator=(const ImageAccess&) = delete;

  transfer::RegistryClient* registries() { return registries_.client(); }
  transfer::Endpoints* endpoints() { return &endpoints_; }
  const credentials::LoginChain& credentials() const { return *registries_.credentials(); }
  // Of the project, or the defaults.
  const graph::Configuration& configuration() const { return configuration_; }
  std::stop_token stop() const { return interrupts_.token(); }
  // What `--platform` says; nullopt: not given, or all.
  const std::optional<oci::Platform>& platform() const { return platform_; }

  // The place that `text` names, opened. INVALID_ARGUMENT if it names none; else as Endpoints.
  absl::StatusOr<transfer::OpenedSource> OpenSource(absl::string_view text);
  absl::StatusOr<transfer::OpenedSink> OpenSink(absl::string_view text);

 private:
  ImageAccess(CommandContext& context, const ImageFlags& flags, graph::Configuration configuration);

  const graph::Configuration configuration_;
  RegistryAccess registries_;
  transfer::Endpoints endpoints_;
  std::optional<oci::Platform> platform_;
  Interrupts interrupts_;
};

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_IMAGES_IMAGE_ACCESS_H_
