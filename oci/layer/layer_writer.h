// Layers out of entries: one pass, all cores, bounded memory, the same bytes every time.

#ifndef STEVEDORE_OCI_LAYER_LAYER_WRITER_H_
#define STEVEDORE_OCI_LAYER_LAYER_WRITER_H_

#include <vector>

#include "absl/status/statusor.h"
#include "base/byte_sink.h"
#include "base/byte_source.h"
#include "oci/layer/layer_entry.h"
#include "oci/layer/layer_writer_options.h"

namespace stevedore::oci {

// Writes `entries` as a layer blob to `blob` and closes it. The tar is in one order (depth first,
// names bytewise within each directory) and one form (see tar_header.h) whatever the order of
// `entries`; names of directories end in "/". Content is read at the same time from several
// threads.
//
// A hard link whose target is a file of the same layer may come in any order: the first in order
// carries the content. One whose target is not among `entries` names a file of a lower layer and is
// written as it is.
//
// INVALID_ARGUMENT for a path that is unsafe, there twice, or below something that is no directory;
// ABORTED, naming the file, if content became shorter than `size` or `contents` says that it
// changed (list the tree again); CANCELLED; otherwise what `contents` and `blob` return. After a
// failure `blob` is not closed. Thread-safe.
absl::StatusOr<LayerResult> WriteLayer(std::vector<LayerEntry> entries,
                                       const LayerContents& contents, base::ByteSink* blob,
                                       LayerWriterOptions options);

// Writes the tar that `tar` reads, not changed and not checked, as a layer blob to `blob` and
// closes it. To refuse hostile tars, read them with TarReader first; compressed ones go through
// OpenDecompressed. INVALID_ARGUMENT if `tar` is empty; otherwise as WriteLayer.
// `options.source_date_epoch` is not used.
absl::StatusOr<LayerResult> WriteTarLayer(base::ByteSource& tar, base::ByteSink* blob,
                                          LayerWriterOptions options);

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_LAYER_LAYER_WRITER_H_
