// The command line of stevedore-worker.

#ifndef STEVEDORE_WORKER_WORKER_FLAGS_H_
#define STEVEDORE_WORKER_WORKER_FLAGS_H_

#include <cstdint>
#include <string>
#include <vector>

namespace stevedore::worker {

// What the command line says, with defaults filled in.
struct WorkerFlags {
  std::vector<std::string> coordinators = {"127.0.0.1:7070"};
  // Shown to people. Default: host name and process id.
  std::string name;
  // Tasks at once, and threads inside one. Default: cores.
  int slots = 0;
  int threads = 0;
  // Default: ${XDG_CACHE_HOME:-~/.cache}/stevedore.
  std::string cache_directory;
  uint64_t cache_bytes = uint64_t{10} << 30;
  // Mirrors of git repositories. Default: below the cache directory.
  std::string git_cache_directory;
  uint64_t git_cache_bytes = uint64_t{20} << 30;
  uint64_t memory_budget = 512 << 20;
  // Default: this machine's, and the others that images are commonly made for: the drivers run
  // nothing of the image.
  std::vector<std::string> platforms;
  std::vector<std::string> insecure_registries;
  // The worker's own store of credentials, as a project configures one: "local", "envvars" or (with
  // a path) empty. Nothing set: no store.
  std::string credentials_storage_type;
  std::string credentials_local_storage_path;
  std::string credentials_encryption_key_file;
  // Folder of Docker's config.json. Default: $DOCKER_CONFIG, else ~/.docker.
  std::string docker_config;
  // Files with private keys that builds' credentials are sealed to.
  std::vector<std::string> sealing_keys;
  // As the coordinator has it.
  double lease_seconds = 15;
  int drain_timeout_seconds = 900;
  std::string log_level = "info";
};

// Reads `argv` into `flags` and fills in defaults. False if the program has to end at once with
// `*exit_code`: 0 after --help and --version, 2 after an error, which was printed.
bool ParseWorkerFlags(int argc, const char* const* argv, WorkerFlags* flags, int* exit_code);

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_WORKER_FLAGS_H_
