// The file system that the layers of an image are together.

#ifndef STEVEDORE_OCI_LAYER_MERGED_FILESYSTEM_H_
#define STEVEDORE_OCI_LAYER_MERGED_FILESYSTEM_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/byte_sink.h"
#include "base/byte_source.h"
#include "oci/image/digest.h"
#include "oci/layer/decompress.h"
#include "oci/layer/layer_entry.h"
#include "oci/layer/tar_reader.h"

namespace stevedore::oci {

// A layer of an image as a stream that can be opened more than once.
struct LayerStream {
  // For messages: "layer 2 (sha256:…)".
  std::string name;
  // Opens the blob from its start, compressed or not. Must give the same bytes each time.
  std::function<absl::StatusOr<std::unique_ptr<base::ByteSource>>()> open;
  // Digest of the uncompressed tar; if given, it is compared.
  std::optional<Digest> diff_id = std::nullopt;
};

// What to do with layers, and what they may ask for.
struct MergeOptions {
  // Leaves symbolic links out that climb above the root by ".." (see CheckSafeSymlink): for a tar
  // that somebody unpacks on his own machine. False keeps every link as it is: for new layers,
  // which only ever are the root of a container.
  bool drop_climbing_symlinks = false;
  TarReaderLimits tar = {};           // Of each layer; entries: of all layers together.
  DecompressOptions decompress = {};  // `max_output_bytes`: of all layers together.
  // Different paths in all layers, counting each directory above them; about 100 bytes of memory
  // each.
  uint64_t max_paths = 10'000'000;
  std::stop_token stop = {};
};

// One path of the merged file system. A value.
struct MergedEntry {
  // A hard link names an entry of the merged file system that is a file. `content_id` is where the
  // content starts in the uncompressed tar of layer `layer`. `mtime` is never negative.
  LayerEntry entry;
  uint32_t layer = 0;  // Which layer supplied it, from 0 at the bottom.
};

// What is seen through a stack of layers, by the rules of the OCI image specification:
//
// - `.wh.NAME` hides NAME and everything below it in lower layers; `.wh..wh..opq` hides everything
//   that its directory (the root, too) has in lower layers, but not the directory. Neither touches
//   its own layer, wherever in the layer it stands, and neither is seen in the result.
// - A directory over a directory replaces its attributes only; anything else replaces a path with
//   all that is below it. Directories that no layer describes are not made up.
// - A hard link is the file that its target is in its own layer or in the layers below, and keeps
//   that content when the target is hidden or replaced later. Every name of one file comes out as
//   one file and hard links to it.
// - The last of several entries for one path in a layer counts.
//
// Plan reads the headers of all layers, the topmost first; contents are read in a second pass and
// never kept. Memory: about 100 bytes per path, whatever the size of the files. Thread-safe once
// made.
class MergedFilesystem {
 public:
  // `layers`: the bottom one first. INVALID_ARGUMENT, naming the layer, for what TarReader refuses,
  // for whiteouts without a name (".wh."), entries below a file of the same layer and hard links to
  // what no layer has; RESOURCE_EXHAUSTED for limits; DATA_LOSS for a layer that is not its
  // `diff_id`; CANCELLED; otherwise errors of the streams.
  static absl::StatusOr<MergedFilesystem> Plan(std::vector<LayerStream> layers,
                                               MergeOptions options = {});

  MergedFilesystem(MergedFilesystem&&) noexcept;
  MergedFilesystem& operator=(MergedFilesystem&&) noexcept;
  ~MergedFilesystem();

  // How many entries there are; `Entry(i)` is one of them, in the order of layers: depth first,
  // names bytewise.
  size_t size() const;
  MergedEntry Entry(size_t index) const;

  // Paths of symbolic links that MergeOptions::drop_climbing_symlinks left out (and of hard links
  // to them), in order.
  const std::vector<std::string>& dropped() const;

  // Bytes of all files together, each file once.
  uint64_t content_bytes() const;
  // Bytes of the uncompressed tars of all layers.
  uint64_t layer_bytes() const;

  // Reads the layers again, the bottom one first, and passes each file with content (not its hard
  // links) to `take` in the order of the tars. `index` is that of Entry. What `take` does not read
  // is skipped; its error ends the pass. ABORTED if a layer is not what it was when it was planned.
  absl::Status ReadContents(
      absl::FunctionRef<absl::Status(size_t index, base::ByteSource& content)> take) const;

  // Writes everything as a tar to `sink` and does not close it. Modes, owners, times and extended
  // attributes are those of the layers. First comes all that has no content in order, then files in
  // the order of layers (so that the layers are streamed), then hard links: whoever unpacks meets
  // the target first. Equal layers make equal bytes.
  absl::Status WriteTar(base::ByteSink* sink) const;

 private:
  struct State;
  explicit MergedFilesystem(std::unique_ptr<const State> state);

  std::unique_ptr<const State> state_;
};

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_LAYER_MERGED_FILESYSTEM_H_
