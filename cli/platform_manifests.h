// From a name to the manifests of the platforms that are wanted.

#ifndef STEVEDORE_CLI_PLATFORM_MANIFESTS_H_
#define STEVEDORE_CLI_PLATFORM_MANIFESTS_H_

#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "transfer/image_sink.h"
#include "transfer/image_source.h"

namespace stevedore::cli {

// Platform ("linux/amd64") to the digest ("sha256:...") of the manifest for it.
using PlatformManifests = std::map<std::string, std::string>;

// Looks `tag_or_digest` up in `source`: an index is searched for each of `platforms`, a single
// manifest must be for all of them (its config says). nullopt if there is nothing by that name.
// INVALID_ARGUMENT if it is there but not for a platform; others as ImageSource.
absl::StatusOr<std::optional<PlatformManifests>> FindPlatformManifests(
    transfer::ImageSource& source, const std::string& tag_or_digest,
    const std::vector<std::string>& platforms, std::stop_token stop);

// Copies the image with manifest `digest` from `source` to `sink`, under its digest only. Blobs
// that are there are not sent. Errors as those of the two.
absl::Status CopyImage(transfer::ImageSource& source, transfer::ImageSink& sink,
                       const std::string& digest, std::stop_token stop);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_PLATFORM_MANIFESTS_H_
