// Streams that have to be read more than once.

#ifndef STEVEDORE_BASE_SPOOL_H_
#define STEVEDORE_BASE_SPOOL_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/byte_source.h"
#include "base/file.h"

namespace stevedore::base {

// Copies `source` to a file in `directory` (made if needed; empty: the system's folder for
// temporary files) that has no name any more, so that nothing is left of it in any case. Errors of
// the source and of the disk. Thread-safe.
absl::StatusOr<std::unique_ptr<FileReader>> SpoolToFile(ByteSource& source,
                                                        const std::string& directory);

}  // namespace stevedore::base

#endif  // STEVEDORE_BASE_SPOOL_H_
