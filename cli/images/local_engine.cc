#include "cli/images/local_engine.h"

#include <unistd.h>

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "transfer/docker_engine_address.h"

namespace stevedore::cli {

LocalEngine::LocalEngine() {
  absl::StatusOr<transfer::DockerEngineAddress> address =
      transfer::DockerEngineAddress::FromEnvironment(transfer::DockerEnvironment());
  if (!address.ok()) {
    error_ = address.status();
    return;
  }
  // The usual socket is not there on machines without an engine: nothing to tell of.
  const bool usual = address->origin.empty() && !address->unix_socket.empty();
  if (usual && access(address->unix_socket.c_str(), F_OK) != 0) {
    error_ = absl::UnavailableError("no Docker engine is here");
    return;
  }
  engine_ = std::make_unique<transfer::DockerEngine>(&http_, *std::move(address));
}

std::string LocalEngine::Describe() const {
  if (engine_ == nullptr) return "the Docker engine";
  return absl::StrCat("the Docker engine at ", engine_->address().ToString());
}

absl::StatusOr<bool> LocalEngine::Has(const oci::Reference& image, std::string* why_not,
                                      std::stop_token stop) {
  if (engine_ == nullptr) {
    *why_not = std::string(error_.message());
    return false;
  }
  const absl::StatusOr<std::optional<transfer::EngineImage>> found =
      engine_->InspectImage(image.Canonical(), stop);
  if (absl::IsCancelled(found.status())) return found.status();
  if (!found.ok()) {
    *why_not = absl::StrCat(Describe(), " does not answer");
    return false;
  }
  if (!found->has_value()) *why_not = absl::StrCat(Describe(), " does not have it");
  return found->has_value();
}

absl::Status LocalEngine::Remove(const oci::Reference& image, std::stop_token stop) {
  if (engine_ == nullptr) return absl::OkStatus();
  return engine_->RemoveImage(image.Canonical(), {.force = true, .with_parents = false}, stop);
}

}  // namespace stevedore::cli
