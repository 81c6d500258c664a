// Images out of an engine, as layers and documents of ours.

#ifndef STEVEDORE_WORKER_DRIVERS_DOCKER_EXPORT_H_
#define STEVEDORE_WORKER_DRIVERS_DOCKER_EXPORT_H_

#include <map>
#include <stop_token>
#include <string>

#include "absl/status/statusor.h"
#include "base/byte_source.h"
#include "base/mutex.h"
#include "oci/image/digest.h"
#include "oci/layer/compression.h"
#include "transfer/docker_engine.h"
#include "worker/drivers/driver.h"
#include "worker/drivers/driver_resources.h"

namespace stevedore::worker {

// What is known of the names that engines give layers in their archives: such a name is a digest of
// everything below and in the layer, so it means the same layer for ever. Thread-safe.
class ArchiveNames {
 public:
  // The diff id of the layer in folder `name`, or an empty one.
  oci::Digest Find(const std::string& name) const ABSL_LOCKS_EXCLUDED(mu_);
  void Learn(const std::string& name, const oci::Digest& diff_id) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  mutable base::Mutex mu_;
  std::map<std::string, oci::Digest> diff_ids_ ABSL_GUARDED_BY(mu_);
};

// What an export needs. Nothing is owned.
struct DockerExport {
  const DriverResources& resources;
  const BuildRequest& request;
  oci::Compression compression;
  ArchiveNames* names = nullptr;
  std::stop_token stop = {};
};

// Reads the docker archive of `image` from `archive`: the config stays byte for byte, layers that a
// parent of the request has are inherited, the others go to the request's output, compressed, with
// their tars as the engine made them. DATA_LOSS if the archive is not that of `image`;
// INVALID_ARGUMENT for an image without layers, which engines do not export; otherwise as
// Driver::Build. Thread-safe.
absl::StatusOr<BuiltImage> ImportArchive(const DockerExport& parts,
                                         const transfer::EngineImage& image,
                                         base::ByteSource& archive);

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_DRIVERS_DOCKER_EXPORT_H_
