// The OCI image layout as one tar file ("oci-archive").

#ifndef STEVEDORE_OCI_LAYOUT_LAYOUT_ARCHIVE_H_
#define STEVEDORE_OCI_LAYOUT_LAYOUT_ARCHIVE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/byte_sink.h"
#include "base/byte_source.h"
#include "oci/layout/layout.h"

namespace stevedore::oci {

// Writes what is listed in `layout` and everything it refers to, names sorted, times zero: equal
// images give equal bytes. Only the entries with `ref_names` if any are given (NOT_FOUND if one is
// not there). Closes `tar`. DATA_LOSS if a blob that is referred to is missing or has another size.
absl::Status WriteLayoutArchive(const Layout& layout, const std::vector<std::string>& ref_names,
                                base::ByteSink* tar);

// Unpacks an archive into a new layout at `directory`, which must not hold one. Every blob is
// verified. The archive is not trusted: INVALID_ARGUMENT for entries that are not part of a
// layout's tree or are no plain files, DATA_LOSS for blobs that are not what their names say.
absl::StatusOr<Layout> ReadLayoutArchive(base::ByteSource& tar, const std::string& directory);

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_LAYOUT_LAYOUT_ARCHIVE_H_
