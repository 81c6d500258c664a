// Opens the places that sync jobs name, each with its logins and certificates, all at one rate.

#ifndef STEVEDORE_CLI_IMAGES_SYNC_PLACES_H_
#define STEVEDORE_CLI_IMAGES_SYNC_PLACES_H_

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "cli/command.h"
#include "cli/images/image_access.h"
#include "cli/images/image_flags.h"
#include "cli/registry_access.h"
#include "graph/configuration.h"
#include "transfer/endpoints.h"
#include "transfer/rate_limiter.h"
#include "transfer/sync.h"
#include "transfer/sync_job.h"

namespace stevedore::cli {

// The places of one run. Thread-safe.
class JobPlaces {
 public:
  // `access` must outlive this. INVALID_ARGUMENT for a configuration that is wrong.
  static absl::StatusOr<std::unique_ptr<JobPlaces>> Open(CommandContext& context,
                                                         const ImageFlags& flags,
                                                         ImageAccess* access,
                                                         const transfer::SyncSettings& settings);
  JobPlaces(const JobPlaces&) = delete;
  JobPlaces& operator=(const JobPlaces&) = delete;

  // What RunSync takes; refers to this.
  transfer::SyncPlaces places();

 private:
  // Registries as one kind of job enters them.
  struct Entrance {
    explicit Entrance(const RegistryAccessOptions& options)
        : registries(options), endpoints(registries.client()) {}
    RegistryAccess registries;
    transfer::Endpoints endpoints;
  };

  JobPlaces(const ImageFlags& flags, ImageAccess* access, graph::Configuration configuration)
      : flags_(flags), access_(*access), configuration_(std::move(configuration)) {}

  absl::StatusOr<transfer::SyncSource> Source(const transfer::SyncJob& job, std::stop_token stop)
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<std::shared_ptr<transfer::ImageSink>> Sink(const transfer::SyncJob& job,
                                                            const std::string& name,
                                                            std::stop_token stop)
      ABSL_LOCKS_EXCLUDED(mu_);
  // The way into `place` for a job that says `wanted` about it.
  absl::StatusOr<transfer::Endpoints*> Enter(const transfer::SyncAccess& wanted,
                                             const transfer::Endpoint& place)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::StatusOr<std::unique_ptr<Entrance>> Make(const transfer::SyncAccess& wanted,
                                                 const std::string& registry);

  const ImageFlags flags_;
  ImageAccess& access_;
  const graph::Configuration configuration_;
  std::optional<transfer::RateLimiter> requests_, bytes_;

  base::Mutex mu_;
  // By what is particular about them.
  std::map<std::string, std::unique_ptr<Entrance>> entrances_ ABSL_GUARDED_BY(mu_);
  // Shared by the tags of a job; by destination.
  std::map<std::string, std::shared_ptr<transfer::ImageSink>> sinks_ ABSL_GUARDED_BY(mu_);
};

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_IMAGES_SYNC_PLACES_H_
