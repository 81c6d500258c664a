// What every place checks of what is put into it.

#ifndef STEVEDORE_TRANSFER_PUT_CHECKS_H_
#define STEVEDORE_TRANSFER_PUT_CHECKS_H_

#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/byte_sink.h"
#include "oci/image/descriptor.h"
#include "transfer/image_sink.h"

namespace stevedore::transfer {

// Writes the bytes that `opener` gives to `sink`, without closing it. DATA_LOSS, naming `place`, if
// they are not `blob.size` many (the digest is for the caller); CANCELLED when stopped; errors of
// both sides. Thread-safe.
absl::Status CopyBlob(const oci::Descriptor& blob, const BlobOpener& opener, base::ByteSink& sink,
                      const std::string& place, const std::stop_token& stop);

// INVALID_ARGUMENT if `digest` is none, or not that of `bytes`. Thread-safe.
absl::Status CheckManifestDigest(const std::string& digest, absl::string_view bytes);

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_PUT_CHECKS_H_
