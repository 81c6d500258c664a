// Families in registries.

#ifndef STEVEDORE_CLI_IMAGES_REGISTRY_PLACES_H_
#define STEVEDORE_CLI_IMAGES_REGISTRY_PLACES_H_

#include <memory>

#include "cli/images/family_places.h"
#include "transfer/registry_client.h"
#include "transfer/registry_repository.h"

namespace stevedore::cli {

// Repositories of registries. Thread-safe.
class RegistryPlaces final : public FamilyPlaces {
 public:
  // `client` must outlive this and all places.
  explicit RegistryPlaces(transfer::RegistryClient* client) : client_(client) {}

  absl::StatusOr<FamilyPlace> Open(const oci::Reference& image) override {
    const auto place = std::make_shared<transfer::RegistryRepository>(client_, image);
    return FamilyPlace{place, place};
  }

 private:
  transfer::RegistryClient* const client_;
};

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_IMAGES_REGISTRY_PLACES_H_
