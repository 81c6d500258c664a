// The entries of a layer that is declared as files of the context.

#ifndef STEVEDORE_WORKER_DRIVERS_FILE_LAYER_H_
#define STEVEDORE_WORKER_DRIVERS_FILE_LAYER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "context/tree.h"
#include "graph/assemble_options.h"
#include "oci/layer/layer_entry.h"

namespace stevedore::worker {

// What a layer of kind kFiles holds, and the name of exactly that.
struct FileLayer {
  // In the order of the tree; their contents are `tree`'s.
  std::vector<oci::LayerEntry> entries;
  // Raw SHA-256 over everything of `entries` that reaches the layer, contents by digest. Equal
  // digests make equal layers with equal codecs.
  std::string digest;
  uint64_t content_bytes = 0;
};

// Selects `layer.from` of `tree` and puts it at `layer.to`: a folder gives its content and the
// entry for `to` itself (unless it is "/"), never its ancestors; a file or link becomes `to`
// itself, or stands below it if `to` ends in a slash. `above` are entries of folders that the layer
// has besides. NOT_FOUND, naming what is there, if `from` is
// not in the tree; INVALID_ARGUMENT for names that would mean something else in a layer
// (whiteouts). Thread-safe.
absl::StatusOr<FileLayer> SelectFiles(const graph::AssembleLayer& layer, const context::Tree& tree,
                                      const std::vector<oci::LayerEntry>& above = {});

// Whether `layer` puts a folder somewhere, or something into a folder. Thread-safe.
bool LandsInFolder(const graph::AssembleLayer& layer, const context::Tree& tree);

// For messages: "no `x` in the context; it has `a`, `b`, ...", with the names beside the place
// where `path` would be. Thread-safe.
absl::Status NotInContext(const context::Tree& tree, absl::string_view path);

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_DRIVERS_FILE_LAYER_H_
