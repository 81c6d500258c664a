// Archives that appear whole or not at all.

#ifndef STEVEDORE_TRANSFER_ARCHIVE_OUTPUT_H_
#define STEVEDORE_TRANSFER_ARCHIVE_OUTPUT_H_

#include <stop_token>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "base/byte_sink.h"

namespace stevedore::transfer {

// FAILED_PRECONDITION if no archive can come into being at `path`: it is a folder, or its folder is
// not there. To be asked before the work begins. Thread-safe.
absl::Status CheckArchivePath(const std::string& path);

// Replaces the file at `path` by what `write` writes: temporary file beside it, fsync, rename.
// After any error, of `write` too, `path` is as it was. "-" is standard output, and what is there
// and no regular file (a pipe) is written to. `write` need not close the sink. CANCELLED when
// stopped. Thread-safe.
absl::Status WriteArchive(const std::string& path,
                          absl::FunctionRef<absl::Status(base::ByteSink&)> write,
                          const std::stop_token& stop = {});

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_ARCHIVE_OUTPUT_H_
