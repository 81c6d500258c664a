#include "cli/images/image_access.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/definitions.h"

namespace stevedore::cli {
namespace {

RegistryAccessOptions Options(const CommandContext& context, const ImageFlags& flags) {
  RegistryAccessOptions options;
  options.console = context.console;
  // Whoever copies gigabytes would rather wait than begin anew; a first contact is short anyway.
  options.patience =
      flags.impatient ? RegistryAccess::Patience::kCompletion : RegistryAccess::Patience::kTransfer;
  options.insecure_registries = flags.insecure_registries;
  options.authfile = flags.authfile;
  return options;
}

}  // namespace

ImageAccess::ImageAccess(CommandContext& context, const ImageFlags& flags,
                         graph::Configuration configuration)
    : configuration_(std::move(configuration)),
      registries_(Options(context, flags)),
      endpoints_(registries_.client(), transfer::EndpointsOptions()),
      interrupts_(context.console) {}

absl::StatusOr<std::unique_ptr<ImageAccess>> ImageAccess::Open(CommandContext& context,
                                                               const ImageFlags& flags) {
  ASSIGN_OR_RETURN(std::optional<oci::Platform> platform, PlatformOf(flags));
  if (!flags.authfile.empty() && ::access(flags.authfile.c_str(), R_OK) != 0) {
    return absl::InvalidArgumentError(absl::StrCat("--authfile ", flags.authfile, ": ",
                                                   strerror(errno),
                                                   "; name a file as docker login writes"));
  }
  ASSIGN_OR_RETURN(graph::Configuration configuration, LoadConfiguration(context));
  std::unique_ptr<ImageAccess> access(new ImageAccess(context, flags, std::move(configuration)));
  access->platform_ = std::move(platform);
  RETURN_IF_ERROR(access->registries_.UseStore(access->configuration_));
  return access;
}

absl::StatusOr<transfer::OpenedSource> ImageAccess::OpenSource(absl::string_view text) {
  ASSIGN_OR_RETURN(const transfer::Endpoint endpoint, transfer::ParseEndpoint(text));
  return endpoints_.OpenSource(endpoint, stop());
}

absl::StatusOr<transfer::OpenedSink> ImageAccess::OpenSink(absl::string_view text) {
  ASSIGN_OR_RETURN(const transfer::Endpoint endpoint, transfer::ParseEndpoint(text));
  return endpoints_.OpenSink(endpoint, stop());
}

}  // namespace stevedore::cli
