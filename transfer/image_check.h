// Whether an image in a repository is what its documents say.

#ifndef STEVEDORE_TRANSFER_IMAGE_CHECK_H_
#define STEVEDORE_TRANSFER_IMAGE_CHECK_H_

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "oci/image/platform.h"
#include "oci/layer/decompress.h"
#include "oci/layer/tar_reader.h"
#include "transfer/image_source.h"

namespace stevedore::transfer {

// Something that is not as it should be. A value.
struct ImageFinding {
  enum class Severity { kWarning, kError };
  Severity severity = Severity::kError;
  // What it is about: "index", "manifest linux/amd64", "config linux/amd64", "layer 2 of
  // linux/amd64".
  std::string object;
  std::string digest;  // Of that object; empty if it is not known.
  std::string problem;
};

// What to check.
struct ImageCheckOptions {
  // Layers are only asked for, not read: nothing is said about their bytes.
  bool fast = false;
  // Of an index, only entries that satisfy it; nullopt: all, and what they lead to.
  std::optional<oci::Platform> platform = std::nullopt;
  // Against bombs. `max_output_bytes` is of all layers together.
  oci::DecompressOptions decompress = {.max_output_bytes = uint64_t{1} << 40, .max_ratio = 2000};
  oci::TarReaderLimits tar = {};
  // Nothing more is read after this; a finding says so.
  absl::Duration max_time = absl::InfiniteDuration();
  const base::Clock* clock = &base::Clock::System();
  std::stop_token stop = {};
};

// What was found. A value.
struct ImageCheckReport {
  std::vector<ImageFinding> findings;
  // What was looked at, each digest once.
  uint64_t manifests = 0;
  uint64_t indexes = 0;
  uint64_t blobs = 0;
  uint64_t blob_bytes = 0;
  uint64_t tar_bytes = 0;

  // No finding is an error.
  bool ok() const;
};

// Reads everything that `tag_or_digest` leads to, through indexes inside indexes, and recomputes
// every digest, size and diff id; compares media types with what they stand for, platforms of an
// index with the configs, the numbers of layers in manifest, config and history; reads layers as
// tars to their end, with the names of whiteouts. Artifacts are held to digests and sizes only.
// Broken or missing parts are findings, and the rest is still checked. Errors: NOT_FOUND if there
// is nothing at `tag_or_digest` (or for the platform); UNAVAILABLE, UNAUTHENTICATED,
// PERMISSION_DENIED when the place does not answer; CANCELLED. Memory: documents, a few buffers,
// and what TarReader needs. Thread-safe.
absl::StatusOr<ImageCheckReport> CheckImage(ImageSource& images, const std::string& tag_or_digest,
                                            const ImageCheckOptions& options = {});

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_IMAGE_CHECK_H_
