// The entries of a tar as the input of a new layer.

#ifndef STEVEDORE_OCI_LAYER_TAR_CONTENTS_H_
#define STEVEDORE_OCI_LAYER_TAR_CONTENTS_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "base/byte_source.h"
#include "oci/layer/layer_entry.h"
#include "oci/layer/tar_reader.h"

namespace stevedore::oci {

// Reads all entries of the uncompressed tar `source`, as TarReader does; an entry that comes twice
// counts as the last one, as unpacking would have it. `content_id` is the offset of the content in
// the tar, for TarContents.
absl::StatusOr<std::vector<LayerEntry>> ReadTarEntries(base::ByteSource& source,
                                                       TarReaderLimits limits = {});

// Contents of entries that ReadTarEntries returned, out of the same uncompressed tar. Thread-safe.
class TarContents final : public LayerContents {
 public:
  // `tar` must outlive this and every reader that it opens.
  explicit TarContents(const base::RandomReader* tar) : tar_(tar) {}
  absl::StatusOr<std::unique_ptr<base::RandomReader>> Open(const LayerEntry& entry) const override;

 private:
  const base::RandomReader* const tar_;
};

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_LAYER_TAR_CONTENTS_H_
