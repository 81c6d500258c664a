#include "worker/worker_flags.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "oci/image/platform.h"

#ifndef STEVEDORE_VERSION
#define STEVEDORE_VERSION "0.1.0"
#endif

namespace stevedore::worker {
namespace {

constexpr const char* kCommonPlatforms[] = {
    "linux/amd64", "linux/arm64",   "linux/arm/v7", "linux/arm/v6",
    "linux/386",   "linux/ppc64le", "linux/s390x",  "linux/riscv64",
};

std::string DefaultCacheDirectory() {
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache != '\0') {
    return absl::StrCat(cache, "/stevedore");
  }
  const char* const home = std::getenv("HOME");
  return absl::StrCat(home == nullptr ? "/var" : home, home == nullptr ? "" : "/.",
                      home == nullptr ? "/cache" : "cache", "/stevedore");
}

void AddFlags(CLI::App& app, WorkerFlags* flags) {
  app.add_option("--coordinator", flags->coordinators,
                 "Addresses of coordinators, host:port[,host:port]")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--name", flags->name, "Shown to people; default: host name and process id");
  app.add_option("--slots", flags->slots, "Tasks at once; default: cores")
      ->check(CLI::Range(1, 1024));
  app.add_option("--threads", flags->threads, "Threads inside one task; default: cores")
      ->check(CLI::Range(1, 256));
  app.add_option("--cache-dir", flags->cache_directory,
                 "Cache of packs and layers; default: ~/.cache/stevedore");
  app.add_option("--cache-size", flags->cache_bytes, "Most bytes of packs in the cache; 10GB")
      ->transform(CLI::AsSizeValue(false));
  app.add_option("--git-cache", flags->git_cache_directory,
                 "Mirrors of git repositories; default: git below the cache directory");
  app.add_option("--git-cache-size", flags->git_cache_bytes,
                 "Most bytes of mirrors of git repositories; 20GB")
      ->transform(CLI::AsSizeValue(false));
  app.add_option("--memory-budget", flags->memory_budget, "Bytes for layer buffers; 512MB")
      ->transform(CLI::AsSizeValue(false));
  app.add_option("--platform", flags->platforms,
                 "Platform to take tasks for, repeatable; default: this machine's and the common "
                 "ones, as assembling needs no CPU of the platform");
  app.add_option("--insecure-registry", flags->insecure_registries,
                 "host[:port] of a registry without TLS or with any certificate, repeatable");
  app.add_option("--lease", flags->lease_seconds,
                 "Seconds after which the coordinator gives a silent worker up, as it has them: no "
                 "tag is moved later than that")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--drain-timeout", flags->drain_timeout_seconds,
                 "Seconds to finish tasks after SIGTERM; a second SIGTERM hands them back at once")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--log-level", flags->log_level, "Least level that is logged")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
      ->capture_default_str();
  app.set_version_flag("--version", STEVEDORE_VERSION);
}

void AddCredentialFlags(CLI::App& app, WorkerFlags* flags) {
  app.add_option("--credentials-storage-type", flags->credentials_storage_type,
                 "Kind of this worker's own credential store: local or envvars; default: local if "
                 "its folder is given, else none")
      ->check(CLI::IsMember({"local", "envvars"}))
      ->envname("STEVEDORE_CREDENTIALS_STORAGE_TYPE");
  app.add_option("--credentials-local-storage-path", flags->credentials_local_storage_path,
                 "Folder of the store, made by `stevedore-cli create credentials`")
      ->envname("STEVEDORE_CREDENTIALS_LOCAL_STORAGE_PATH");
  app.add_option("--credentials-encryption-key-file", flags->credentials_encryption_key_file,
                 "File with the store's key; default: STEVEDORE_CREDENTIALS_ENCRYPTION_KEY");
  app.add_option("--docker-config", flags->docker_config,
                 "Folder of Docker's config.json, asked after the store; default: DOCKER_CONFIG, "
                 "else ~/.docker");
  app.add_option("--sealing-key", flags->sealing_keys,
                 "File with a private key that builds' credentials are sealed to, repeatable while "
                 "the key changes; `stevedore-cli create sealing-key` makes one")
      ->allow_extra_args(false);
}

void FillIn(WorkerFlags* flags) {
  const int cores = std::max(1u, std::thread::hardware_concurrency());
  if (flags->name.empty()) {
    char host[256] = "worker";
    gethostname(host, sizeof(host) - 1);
    flags->name = absl::StrCat(host, "-", getpid());
  }
  if (flags->slots == 0) flags->slots = cores;
  if (flags->threads == 0) flags->threads = cores;
  if (flags->cache_directory.empty()) flags->cache_directory = DefaultCacheDirectory();
  if (flags->git_cache_directory.empty()) {
    flags->git_cache_directory = flags->cache_directory + "/git";
  }
  if (!flags->platforms.empty()) return;
  flags->platforms.push_back(oci::Platform::Host().ToString());
  for (const char* platform : kCommonPlatforms) {
    if (platform != flags->platforms[0]) flags->platforms.push_back(platform);
  }
}

// "linux/amd64" for what people write as "linux/amd64 " or "linux/x86_64"; false if it is none.
bool CheckPlatforms(WorkerFlags* flags) {
  for (std::string& text : flags->platforms) {
    const absl::StatusOr<oci::Platform> platform = oci::Platform::Parse(text);
    if (!platform.ok() || platform->architecture.empty()) return false;
    text = platform->ToString();
  }
  return true;
}

}  // namespace

bool ParseWorkerFlags(int argc, const char* const* argv, WorkerFlags* flags, int* exit_code) {
  CLI::App app("Takes image tasks from a Stevedore coordinator, builds and pushes.",
               "stevedore-worker");
  AddFlags(app, flags);
  AddCredentialFlags(app, flags);
  try {
    app.parse(argc, argv);
    FillIn(flags);
    if (!CheckPlatforms(flags)) {
      throw CLI::ValidationError("--platform", "must be os/arch[/variant], such as linux/amd64");
    }
  } catch (const CLI::ParseError& error) {
    *exit_code = app.exit(error) == 0 ? 0 : 2;
    return false;
  }
  return true;
}

}  // namespace stevedore::worker
