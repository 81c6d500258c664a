// Deterministic tars as a stream.

#ifndef STEVEDORE_OCI_LAYER_TAR_WRITER_H_
#define STEVEDORE_OCI_LAYER_TAR_WRITER_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/byte_sink.h"
#include "base/byte_source.h"
#include "oci/layer/layer_entry.h"
#include "oci/layer/tar_header.h"

namespace stevedore::oci {

// Writes entries in the order given; see tar_header.h for their form. For archives; layers are
// faster with WriteLayer. Not thread-safe.
class TarWriter {
 public:
  // Writes to `sink`, which must outlive it.
  explicit TarWriter(base::ByteSink* sink, TarHeaderOptions options = {})
      : sink_(sink), options_(options) {}

  // Appends an entry without content (`entry.size` is 0).
  absl::Status Append(const LayerEntry& entry) { return Append(entry, absl::string_view()); }
  // Appends a file with `content`; `entry.size` is taken from it. For other types it must be empty.
  absl::Status Append(LayerEntry entry, absl::string_view content);
  // Appends a file whose `entry.size` bytes are what `content` reads. ABORTED if it has fewer or
  // more.
  absl::Status Append(const LayerEntry& entry, base::ByteSource& content);

  // Writes the end of the archive; does not close the sink. Nothing may be appended after it.
  absl::Status Finish();

 private:
  absl::Status WriteHeader(const LayerEntry& entry);
  absl::Status Pad(uint64_t content_bytes);

  base::ByteSink* const sink_;
  const TarHeaderOptions options_;
  std::string header_;  // Reused.
};

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_LAYER_TAR_WRITER_H_
