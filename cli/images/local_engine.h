// The Docker engine of this machine, if one answers.

#ifndef STEVEDORE_CLI_IMAGES_LOCAL_ENGINE_H_
#define STEVEDORE_CLI_IMAGES_LOCAL_ENGINE_H_

#include <memory>
#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "http/client.h"
#include "oci/image/reference.h"
#include "transfer/docker_engine.h"

namespace stevedore::cli {

// Finds out what an engine has. One that is not there has nothing: that is no error. Thread-safe.
class LocalEngine {
 public:
  // As the docker client finds its engine.
  LocalEngine();
  LocalEngine(const LocalEngine&) = delete;
  LocalEngine& operator=(const LocalEngine&) = delete;

  // Whether an image of this name is there. `why_not` is set if it is not: "the Docker engine at
  // unix:///… does not have it". Only CANCELLED is an error.
  absl::StatusOr<bool> Has(const oci::Reference& image, std::string* why_not,
                           std::stop_token stop = {});

  // Takes the name away; OK if it is not there.
  absl::Status Remove(const oci::Reference& image, std::stop_token stop = {});

  // "the Docker engine at unix:///var/run/docker.sock".
  std::string Describe() const;

 private:
  http::Client http_;
  absl::Status error_;  // Why there is no engine_.
  std::unique_ptr<transfer::DockerEngine> engine_;
};

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_IMAGES_LOCAL_ENGINE_H_
