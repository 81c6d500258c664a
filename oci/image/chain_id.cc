#include "oci/image/chain_id.h"

#include "absl/strings/str_cat.h"

namespace stevedore::oci {

Digest NextChainId(absl::string_view below, absl::string_view diff_id) {
  return Digest::Of(absl::StrCat(below, " ", diff_id));
}

Digest ChainId(absl::Span<const Digest> diff_ids) {
  Digest chain;
  for (const Digest& diff_id : diff_ids) {
    chain = chain.empty() ? diff_id : NextChainId(chain.ToString(), diff_id.ToString());
  }
  return chain;
}

}  // namespace stevedore::oci
