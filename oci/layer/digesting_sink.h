// Digest and size of what passes by.

#ifndef STEVEDORE_OCI_LAYER_DIGESTING_SINK_H_
#define STEVEDORE_OCI_LAYER_DIGESTING_SINK_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/byte_sink.h"
#include "base/hash.h"
#include "oci/image/digest.h"

namespace stevedore::oci {

// Passes everything to the sink below and remembers digest and size. Not thread-safe.
class DigestingSink final : public base::ByteSink {
 public:
  // `below` must outlive it; null: the bytes are only digested.
  explicit DigestingSink(base::ByteSink* below,
                         base::HashAlgorithm algorithm = base::HashAlgorithm::kSha256)
      : below_(below), algorithm_(algorithm), hasher_(algorithm) {}

  absl::Status Write(absl::string_view bytes) override;
  absl::Status Close() override;

  // Of everything written; only after Close (empty before).
  const Digest& digest() const { return digest_; }
  // Bytes written so far.
  uint64_t size() const { return size_; }

 private:
  base::ByteSink* const below_;
  const base::HashAlgorithm algorithm_;
  base::Hasher hasher_;
  uint64_t size_ = 0;
  Digest digest_;
};

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_LAYER_DIGESTING_SINK_H_
