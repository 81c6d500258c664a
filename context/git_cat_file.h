// Blobs that are too large to be read at once, by the program git.

#ifndef STEVEDORE_CONTEXT_GIT_CAT_FILE_H_
#define STEVEDORE_CONTEXT_GIT_CAT_FILE_H_

#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "base/byte_sink.h"

namespace stevedore::context {

// Streams the blob `oid` (40 hex digits) of the bare repository `directory` to `sink` with
// `git cat-file --batch`; the sink is not closed. FAILED_PRECONDITION if there is no program git,
// NOT_FOUND if there is no such blob, DATA_LOSS if git cannot read it, CANCELLED, and errors of the
// sink. Nothing is left running. Thread-safe.
absl::Status CatFile(const std::string& directory, const std::string& oid, base::ByteSink& sink,
                     std::stop_token stop);

}  // namespace stevedore::context

#endif  // STEVEDORE_CONTEXT_GIT_CAT_FILE_H_
