// What the driver `assemble` can be told: an image declared as data.

#ifndef STEVEDORE_GRAPH_ASSEMBLE_OPTIONS_H_
#define STEVEDORE_GRAPH_ASSEMBLE_OPTIONS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "graph/key_table.h"

namespace stevedore::graph {

// One layer that is added to the parent's. A value.
struct AssembleLayer {
  enum class Kind : uint8_t {
    kFiles,  // {from, to, mode, dir_mode, owner}
    kTar,    // {tar, verbatim, to}
    kImage,  // {image}
  };
  Kind kind = Kind::kFiles;

  // kFiles: file or folder in the merged context, no leading slash; "." or empty: the whole
  // context. A folder gives its content, a file becomes `to` itself (or a file below `to`, if that
  // ends in a slash).
  std::string from;
  // Absolute path in the image. kFiles: "/" if not given. kTar: prefix of every entry, or "/".
  std::string to = "/";
  // Permission bits of files, 0 to 07777. Not given: 0755 if any x bit is set, else 0644.
  std::optional<uint32_t> mode;
  // Of folders.
  uint32_t dir_mode = 0755;
  uint32_t uid = 0;
  uint32_t gid = 0;

  // kTar: a tar (also .gz, .zst) in the merged context, no leading slash.
  std::string tar;
  // kTar: the tar's bytes are the layer, as they are. Only with `to` = "/".
  bool verbatim = false;

  // kImage: id of one of the image's parents: its layers that the result does not have yet.
  std::string image;
};

// Changes to the parent's config; what is not given stays as the parent has it. A value.
struct AssembleConfig {
  std::optional<std::vector<std::string>> entrypoint;
  std::optional<std::vector<std::string>> cmd;
  std::map<std::string, std::string> env;  // Replaced in place, new names are appended, sorted.
  std::optional<std::string> user;
  std::optional<std::string> working_dir;
  std::map<std::string, std::string> labels;
  std::vector<std::string> exposed_ports;  // "8080/tcp".
  std::vector<std::string> volumes;        // Absolute paths.
  std::optional<std::string> stop_signal;
};

// The options of an image that driver `assemble` builds. A value.
struct AssembleOptions {
  std::vector<AssembleLayer> layers;
  AssembleConfig config;
  // As oci::Compression::Parse takes it: "gzip[:fast|balanced|small]", "zstd[:N]", "none".
  std::string compression = "gzip";

  // From ResolvedImage::options_json. INVALID_ARGUMENT, naming the member ("layers[1].mode"), what
  // was found and what is allowed, for everything that is not as above; unknown members too.
  // Thread-safe.
  static absl::StatusOr<AssembleOptions> Parse(absl::string_view options_json);
};

// The options of driver `sleep`, which builds an image without layers and takes its time: for
// benchmarks of everything around it. A value.
struct SleepOptions {
  double seconds = 0;

  // From {"duration": "1.5s"} or {"duration": 1.5}; at most a day. INVALID_ARGUMENT otherwise.
  // Thread-safe.
  static absl::StatusOr<SleepOptions> Parse(absl::string_view options_json);
};

// What users write in `options` of the two drivers.
const KeyTable& AssembleOptionKeys();
const KeyTable& SleepOptionKeys();

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_ASSEMBLE_OPTIONS_H_
