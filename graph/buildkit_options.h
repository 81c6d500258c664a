// The options of driver buildkit: those of all Dockerfile drivers, and what only BuildKit can do.

#ifndef STEVEDORE_GRAPH_BUILDKIT_OPTIONS_H_
#define STEVEDORE_GRAPH_BUILDKIT_OPTIONS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "graph/dockerfile_options.h"
#include "graph/key_table.h"

namespace stevedore::graph {

// Where steps of builds are kept or found. A value.
struct BuildCache {
  std::string type;  // "registry", "inline", "local", "s3", ...: BuildKit knows more than we do.
  std::map<std::string, std::string> attributes;

  // "registry/name:tag" is short for "type=registry,ref=registry/name:tag". INVALID_ARGUMENT for
  // anything that is neither a name nor a list of key=value with `type`.
  static absl::StatusOr<BuildCache> Parse(absl::string_view text);
};

// One secret for `RUN --mount=type=secret`. A value; it says where the secret is, never what it is.
struct BuildSecret {
  enum class Kind { kFile, kEnvironment, kCredentials };
  std::string id;
  Kind kind = Kind::kFile;
  // Path on the machine that builds, name of a variable there, or id of a credential.
  std::string source;
};

// A value.
struct BuildkitOptions {
  DockerfileOptions common;
  std::vector<BuildCache> cache_from;
  std::vector<BuildCache> cache_to;
  std::vector<BuildSecret> secrets;
  // Ids of SSH agents to their sockets on the machine that builds; empty: SSH_AUTH_SOCK's.
  std::map<std::string, std::string> ssh;
  // Image of a frontend to use in place of BuildKit's own; empty: that one.
  std::string frontend;
  // Names, as `FROM` and `COPY --from` use them, to "docker-image://name", "https://…" or "git@…".
  std::map<std::string, std::string> build_contexts;

  // As DockerfileOptions::Parse. INVALID_ARGUMENT too for common options that BuildKit has no equal
  // of, naming what to do in their place.
  static absl::StatusOr<BuildkitOptions> Parse(absl::string_view options_json);
};

// The members that BuildkitOptions::Parse reads.
const KeyTable& BuildkitOptionKeys();

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_BUILDKIT_OPTIONS_H_
