// The options that all drivers of Dockerfiles share: native, docker, buildkit.

#ifndef STEVEDORE_GRAPH_DOCKERFILE_OPTIONS_H_
#define STEVEDORE_GRAPH_DOCKERFILE_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "graph/key_table.h"

namespace stevedore::graph {

// One limit of processes in RUN, as `ulimit` sets it. A value.
struct Ulimit {
  std::string name;  // "nofile".
  int64_t soft = 0;  // -1: none.
  int64_t hard = 0;
};

// How an image is built from a Dockerfile. What a driver cannot do it says so at build time; the
// spelling is the same for all, so that changing the driver is changing one word. A value.
struct DockerfileOptions {
  // In the merged context; no leading slash.
  std::string dockerfile = "Dockerfile";
  // Name or number of the stage to build; empty: the last.
  std::string target;
  // Look for newer versions of the images in FROM that are no parents.
  bool pull = false;
  // Run every step again.
  bool no_cache = false;
  // Of RUN: "none", "host", "default" or the name of a network; empty: the engine's default.
  std::string network;
  // Images whose steps may be taken over.
  std::vector<std::string> cache_from;
  // "host:ip", for /etc/hosts while RUN runs.
  std::vector<std::string> extra_hosts;
  // Limits of the processes in RUN; 0: none.
  uint64_t memory_bytes = 0;
  double cpus = 0;  // Cores.
  int64_t cpu_shares = 0;
  // Size of /dev/shm in RUN; 0: the engine's default.
  uint64_t shm_bytes = 0;
  std::vector<Ulimit> ulimits;
  // The build fails if it takes longer.
  absl::Duration timeout = absl::InfiniteDuration();
  // Of new layers, as oci::Compression::Parse takes it.
  std::string compression = "gzip";
  // Engine drivers: leave the built image in the engine, under the image's name.
  bool keep_image = false;

  // From ResolvedImage::options_json: INVALID_ARGUMENT, naming the member ("ulimits[1].soft"), what
  // was found and what is allowed, for everything that is not as above. Members that are neither
  // of these nor in `further`, which the caller reads itself, are errors too. Thread-safe.
  static absl::StatusOr<DockerfileOptions> Parse(absl::string_view options_json,
                                                 absl::Span<const absl::string_view> further = {});
};

// The members that DockerfileOptions::Parse reads.
const KeyTable& DockerfileOptionKeys();

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_DOCKERFILE_OPTIONS_H_
