#include "tests/oci/image_workshop.h"

#include <utility>

#include "base/status.h"
#include "context/local_tree.h"
#include "oci/image/reference.h"
#include "transfer/layout_repository.h"
#include "worker/drivers/drivers.h"
#include "worker/layout_provider.h"

namespace stevedore::testing {

absl::StatusOr<std::unique_ptr<ImageWorkshop>> ImageWorkshop::Create(const std::string& directory) {
  ASSIGN_OR_RETURN(oci::Layout layout, oci::Layout::OpenOrCreate(directory));
  return std::unique_ptr<ImageWorkshop>(new ImageWorkshop(std::move(layout)));
}

absl::StatusOr<oci::Image> ImageWorkshop::Build(const ImageOrder& order) {
  ASSIGN_OR_RETURN(const oci::Reference reference, oci::Reference::Parse(order.reference));
  transfer::LayoutRepository repository(&layout_, reference);
  worker::LayoutProvider repositories(&layout_);
  worker::DriverResources resources;
  resources.budget = &budget_;
  resources.threads = order.threads;
  resources.repositories = &repositories;
  const worker::DriverSet drivers = worker::CreateDrivers(resources);

  worker::BuildRequest request;
  request.id = order.reference;
  request.reference = order.reference;
  request.platform = oci::Platform::Host();
  request.options_json = order.options_json;
  request.parents = order.parents;
  request.output = &repository;
  ASSIGN_OR_RETURN(request.context, context::LocalTree::Open(order.context));
  ASSIGN_OR_RETURN(const worker::BuiltImage built,
                   drivers.at("assemble")->Build(request, std::stop_token()));

  RETURN_IF_ERROR(layout_.PutBlob(built.image.config.bytes()).status());
  RETURN_IF_ERROR(repository
                      .PutManifest(reference.tag(), built.image.manifest.bytes(),
                                   built.image.manifest.media_type())
                      .status());
  return built.image;
}

}  // namespace stevedore::testing
