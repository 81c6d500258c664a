// Coordinator and worker inside this process.

#ifndef STEVEDORE_CLI_EMBEDDED_BUILD_H_
#define STEVEDORE_CLI_EMBEDDED_BUILD_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/build_client.h"
#include "cli/console.h"
#include "cli/contexts.h"
#include "cli/kept_logs.h"
#include "context/stat_cache.h"
#include "credentials/credential_store.h"
#include "worker/repository_provider.h"

namespace stevedore::cli {

// What an embedded build is made of.
struct EmbeddedOptions {
  int concurrency = 1;  // Images at once.
  int threads = 1;      // Inside one image.
  // Of the worker: all that are built, as assembling needs no CPU of the platform.
  std::vector<std::string> platforms;
  std::string cache_directory;
};

// Where a worker's images and logs are, and how it logs in. Nothing is owned, all must outlive the
// queue.
struct WorkerPlaces {
  worker::RepositoryProvider* repositories = nullptr;  // Results and parents.
  worker::RepositoryProvider* registries = nullptr;    // Images made elsewhere.
  const credentials::CredentialStore* credentials = nullptr;
  LogKeeper* logs = nullptr;  // Where logs go when a task has ended; null: nowhere.
};

// A queue with the memory ledger, for builds in this process and for plans. Not thread-safe, but
// its client is.
class EmbeddedQueue {
 public:
  // Starts a queue that knows the results of earlier builds in `results_file`. A damaged file is
  // left out with a warning on `console`.
  static absl::StatusOr<std::unique_ptr<EmbeddedQueue>> Start(const std::string& results_file,
                                                              Console& console);
  EmbeddedQueue(const EmbeddedQueue&) = delete;
  EmbeddedQueue& operator=(const EmbeddedQueue&) = delete;
  // Stops, if Stop was not called.
  ~EmbeddedQueue();

  BuildClient& client();

  // Adds the worker. Pointers must outlive the queue. Once.
  void StartWorker(const EmbeddedOptions& options, const WorkerPlaces& places,
                   const ContextTrees& trees, context::StatCache* stat_cache);

  // Stops the worker (nothing is left running), then the queue, and writes the results file.
  absl::Status Stop();

 private:
  class Body;
  explicit EmbeddedQueue(std::unique_ptr<Body> body);
  std::unique_ptr<Body> body_;
};

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_EMBEDDED_BUILD_H_
