// The images that a Dockerfile names, and where.

#ifndef STEVEDORE_WORKER_DRIVERS_DOCKERFILE_REFERENCES_H_
#define STEVEDORE_WORKER_DRIVERS_DOCKERFILE_REFERENCES_H_

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace stevedore::worker {

// One place where a Dockerfile names an image: `FROM x`, `COPY --from=x`, `RUN --mount=from=x`. A
// value.
struct DockerfileReference {
  size_t offset = 0;  // Of `text` in the Dockerfile, bytes.
  std::string text;   // As written: "${BASE}:1".
  std::string image;  // With arguments filled in: "busybox:1".
};

// What `dockerfile` names with `arguments`, in order; `scratch`, earlier stages and places that
// stay empty are left out. This is no grammar: who builds the file complains about what is wrong in
// it. For logging in where an engine will pull, and for pinning names. Thread-safe.
std::vector<DockerfileReference> FindReferences(
    absl::string_view dockerfile, const std::map<std::string, std::string>& arguments);

// `dockerfile` with each reference replaced that `replacement` has, by its filled-in image.
std::string ReplaceReferences(absl::string_view dockerfile,
                              const std::vector<DockerfileReference>& references,
                              const std::map<std::string, std::string>& replacement);

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_DRIVERS_DOCKERFILE_REFERENCES_H_
