// Logs of builds on this machine, for after they have ended.

#ifndef STEVEDORE_CLI_KEPT_LOGS_H_
#define STEVEDORE_CLI_KEPT_LOGS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "worker/run_log.h"

namespace stevedore::cli {

// Folder of all kept logs below the cache folder.
std::string KeptLogsDirectory(const std::string& cache_directory);

// Where the log of an image of a build is. NOT_FOUND, naming what there is, if nothing is kept of
// the build or the image; INVALID_ARGUMENT if the image has several platforms and `platform` names
// none. Thread-safe.
absl::StatusOr<std::string> FindKeptLog(const std::string& directory, const std::string& build_id,
                                        const std::string& image, const std::string& platform);

// Writes the logs of one build, as they are, and forgets those of old ones. Thread-safe.
class LogKeeper {
 public:
  // How many builds' logs stay, the latest.
  static constexpr size_t kBuilds = 20;

  // `directory` is KeptLogsDirectory's. Drops what is too old in it.
  explicit LogKeeper(std::string directory);

  // The build's id, as soon as it has one.
  void SetBuild(const std::string& id) ABSL_LOCKS_EXCLUDED(mu_);

  // Replaces the log of an earlier attempt. Empty logs are not kept. A log that cannot be written
  // fails no build: callers may ignore the error.
  absl::Status Write(const std::string& image, const std::string& platform,
                     const worker::RunLog& log) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void DropOld() const;

  const std::string directory_;
  base::Mutex mu_;
  std::string folder_ ABSL_GUARDED_BY(mu_);
};

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_KEPT_LOGS_H_
