// Any text is either refused as a digest and as a descriptor, or comes back as it was.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"
#include "oci/image/canonical_json.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using stevedore::oci::Descriptor;
  using stevedore::oci::Digest;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<Digest> digest = Digest::Parse(text);
  if (digest.ok() && (digest->ToString() != text || !stevedore::oci::HasDigestShape(text))) {
    std::abort();
  }
  const absl::StatusOr<nlohmann::json> json = stevedore::oci::ParseJson(text);
  if (!json.ok()) return 0;
  const absl::StatusOr<Descriptor> descriptor = Descriptor::FromJson(*json);
  if (!descriptor.ok()) return 0;
  const absl::StatusOr<Descriptor> again = Descriptor::FromJson(descriptor->ToJson());
  if (!again.ok() || !(*again == *descriptor)) std::abort();
  return 0;
}
