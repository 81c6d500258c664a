// Any text is either refused or parses to a value whose canonical form parses to the same value.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/string_view.h"
#include "oci/image/digest.h"
#include "oci/image/reference.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using stevedore::oci::Reference;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<Reference> reference = Reference::Parse(text);
  if (reference.ok()) {
    for (const std::string& form : {reference->Canonical(), reference->Familiar()}) {
      const absl::StatusOr<Reference> again = Reference::Parse(form);
      if (!again.ok() || !(*again == *reference)) std::abort();
    }
  }
  (void)stevedore::oci::HasDigestShape(text);
  return 0;
}
