// Names of stacks of layers.

#ifndef STEVEDORE_OCI_IMAGE_CHAIN_ID_H_
#define STEVEDORE_OCI_IMAGE_CHAIN_ID_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "oci/image/digest.h"

namespace stevedore::oci {

// The name of a layer on top of others, as the image spec makes it: of the chain id below, a space
// and the diff id above. Thread-safe, as all here.
Digest NextChainId(absl::string_view below, absl::string_view diff_id);

// The chain id of layers, bottom first: that of one layer is its diff id. Equal chain ids are equal
// file systems. Empty for no layers.
Digest ChainId(absl::Span<const Digest> diff_ids);

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_IMAGE_CHAIN_ID_H_
