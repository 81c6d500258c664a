// What ADD can and COPY cannot: archives and downloads.

#ifndef STEVEDORE_WORKER_DRIVERS_NATIVE_ADD_H_
#define STEVEDORE_WORKER_DRIVERS_NATIVE_ADD_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/byte_source.h"
#include "worker/drivers/native_copy.h"
#include "worker/drivers/native_layer.h"
#include "worker/drivers/native_tree.h"
#include "worker/drivers/tar_layer.h"

namespace stevedore::worker::native {

// Whether `file` of `size` bytes is a tar, plain or compressed with gzip, bzip2, xz or zstd: its
// content is looked at, not its name. Errors of reading. Thread-safe, as all here.
absl::StatusOr<bool> IsArchive(const base::RandomReader& file, uint64_t size, std::stop_token stop);

// Puts what `archive` holds below the directory `destination` (absolute), as tar would unpack it:
// owners and modes are the archive's unless `owner` is given. `identity` names the archive's bytes.
absl::Status ExtractArchive(TarLayer archive, const std::string& identity,
                            absl::string_view destination, const std::optional<Owner>& owner,
                            LayerBuilder& layer);

// Whether a source of ADD is to be downloaded.
bool IsUrl(absl::string_view source);
// Whether it names a git repository: "git@host:path", "git://...", "https://...git#ref".
bool IsGitUrl(absl::string_view source);

// The files of git repository `source` ("URL#reference:folder"), through a mirror in `directory`,
// without credentials (ssh asks the agent). `checksum`: the commit's id or its first digits; empty:
// any. Errors as context::GitMirrors.
absl::StatusOr<FileView> OpenGitSource(const std::string& source, const std::string& checksum,
                                       const std::string& directory, std::stop_token stop);

// Fetches `url` into an unlinked file in `directory`, over redirects; connections that break are
// tried again. `checksum` ("sha256:..." or sha512; may be empty) is verified.
// The file is called as the last part of the URL's path (empty if it has none), mode 0600.
// NOT_FOUND for 404 and 410, INVALID_ARGUMENT for other refusals and for content that is not what
// `checksum` names, UNAVAILABLE.
absl::StatusOr<LooseFile> Download(const std::string& url, const std::string& checksum,
                                   const std::string& directory, std::stop_token stop);

}  // namespace stevedore::worker::native

#endif  // STEVEDORE_WORKER_DRIVERS_NATIVE_ADD_H_
