#include "transfer/endpoints.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "oci/layout/layout.h"
#include "transfer/layout_images.h"
#include "transfer/listed_images.h"
#include "transfer/registry_repository.h"

namespace stevedore::transfer {
namespace {

// The image that `endpoint` means among `images`.
absl::StatusOr<OpenedSource> Select(const Endpoint& endpoint,
                                    std::unique_ptr<ListedImages> images) {
  std::string name = endpoint.TagOrDigest();
  if (endpoint.position.has_value()) {
    ASSIGN_OR_RETURN(const oci::Descriptor entry, images->At(*endpoint.position));
    name = entry.digest.ToString();
  } else if (name.empty()) {
    const absl::StatusOr<oci::Descriptor> only = images->Only();
    if (only.ok()) name = only->digest.ToString();
  }
  return OpenedSource{std::move(images), std::move(name)};
}

}  // namespace

absl::StatusOr<OpenedSource> Endpoints::OpenSource(const Endpoint& endpoint, std::stop_token stop) {
  if (stop.stop_requested()) return absl::CancelledError("opening was cancelled");
  switch (endpoint.kind) {
    case EndpointKind::kLayout: {
      ASSIGN_OR_RETURN(oci::Layout layout, oci::Layout::Open(endpoint.path), endpoint.ToString());
      return Select(endpoint, std::make_unique<LayoutImages>(std::move(layout)));
    }
    default:
      return OpenedSource{std::make_unique<RegistryRepository>(registries_, endpoint.reference),
                          endpoint.TagOrDigest()};
  }
}

absl::StatusOr<OpenedSink> Endpoints::OpenSink(const Endpoint& endpoint, std::stop_token stop) {
  if (stop.stop_requested()) return absl::CancelledError("opening was cancelled");
  if (endpoint.position.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat(endpoint.ToString(), " names a position, and one can only write to a name"));
  }
  switch (endpoint.kind) {
    case EndpointKind::kLayout: {
      ASSIGN_OR_RETURN(oci::Layout layout, oci::Layout::OpenOrCreate(endpoint.path),
                       endpoint.ToString());
      return OpenedSink{std::make_unique<LayoutImages>(std::move(layout)), endpoint.TagOrDigest()};
    }
    default:
      return OpenedSink{std::make_unique<RegistryRepository>(registries_, endpoint.reference),
                        endpoint.TagOrDigest()};
  }
}

}  // namespace stevedore::transfer
