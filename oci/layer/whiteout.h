// The names in layers that take something away; see the OCI image specification, layer.md.

#ifndef STEVEDORE_OCI_LAYER_WHITEOUT_H_
#define STEVEDORE_OCI_LAYER_WHITEOUT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace stevedore::oci {

// What the name of an entry means for the layers below. A value.
struct Whiteout {
  enum class Kind {
    kNone,    // An ordinary entry.
    kPath,    // `.wh.NAME`: hides NAME beside it and all below that.
    kOpaque,  // `.wh..wh..opq`: hides all that is in its directory.
    kIgnored  // Bookkeeping of AUFS (`.wh..wh.plnk/…`): no part of the image, hides nothing.
  };
  Kind kind = Kind::kNone;
  // What is hidden, or the directory; "" is the root.
  std::string path;
};

// Reads the (normalised) path of an entry. INVALID_ARGUMENT for a whiteout that names nothing
// (`.wh.`), its own directory or the one above, and for entries below a whiteout. Thread-safe.
absl::StatusOr<Whiteout> ParseWhiteout(absl::string_view path);

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_LAYER_WHITEOUT_H_
