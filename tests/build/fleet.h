// A registry, Redis, a coordinator and workers, as README says to start them by hand.

#ifndef STEVEDORE_TESTS_BUILD_FLEET_H_
#define STEVEDORE_TESTS_BUILD_FLEET_H_

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/file.h"
#include "tests/harness/faulty_proxy.h"
#include "tests/harness/process.h"
#include "tests/harness/redis.h"
#include "tests/harness/registry.h"

namespace stevedore::testing {

// What differs from an ordinary fleet. Plain data.
struct FleetOptions {
  // In seconds; shorter than a fleet has them, as tests wait for them.
  double lease = 8, grace = 2, orphan = 60;
  // References and artifacts go to the registry through proxy().
  bool proxy = false;
  // Who may use the registry.
  RegistryOptions registry = {};
  // Further words of the coordinator's command line.
  std::vector<std::string> coordinator_flags = {};
};

// Programs of one fleet on loopback, gone with this object. Not thread-safe.
class Fleet {
 public:
  // Starts a registry without passwords, Redis and a coordinator; no worker yet.
  static absl::StatusOr<std::unique_ptr<Fleet>> Start(FleetOptions options = {});

  // "127.0.0.1:PORT".
  std::string registry() const { return proxy_ == nullptr ? registry_->host() : proxy_->host(); }
  // Only with FleetOptions::proxy.
  FaultyProxy& proxy() { return *proxy_; }
  const std::string& coordinator_address() const { return coordinator_address_; }
  Redis& redis() { return *redis_; }
  Process& coordinator() { return *coordinator_; }

  // Starts a worker with one slot under a name of its own, with further words on its command line
  // and variables.
  absl::Status StartWorker(const std::string& name, const std::vector<std::string>& flags = {},
                           const std::map<std::string, std::string>& environment = {});
  // Where that worker keeps its caches.
  std::string CacheOf(const std::string& name) const {
    return directory_.path() + "/" + name + "/cache";
  }
  Process& worker(const std::string& name) { return *workers_.at(name); }
  // The folder of all workers' homes and caches.
  const std::string& directory() const { return directory_.path(); }
  Registry& real_registry() { return *registry_; }

  // Starts the coordinator (again) on the same address and the same Redis; returns when it accepts
  // connections.
  absl::Status StartCoordinator();

  // The digest that a reference names in the registry, by skopeo.
  absl::StatusOr<std::string> DigestOf(const std::string& reference) const;

 private:
  Fleet(FleetOptions options, base::TemporaryDirectory directory)
      : options_(options), directory_(std::move(directory)) {}

  const FleetOptions options_;
  const base::TemporaryDirectory directory_;
  std::string coordinator_address_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<FaultyProxy> proxy_;
  std::unique_ptr<Redis> redis_;
  std::unique_ptr<Process> coordinator_;
  std::map<std::string, std::unique_ptr<Process>> workers_;
};

}  // namespace stevedore::testing

#endif  // STEVEDORE_TESTS_BUILD_FLEET_H_
