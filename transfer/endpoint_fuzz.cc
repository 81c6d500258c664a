// Any bytes as the text of an endpoint: an error, or a value whose text means the same.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/string_view.h"
#include "transfer/endpoint.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using stevedore::transfer::ParseEndpoint;
  const auto endpoint =
      ParseEndpoint(absl::string_view(reinterpret_cast<const char*>(bytes), size));
  if (!endpoint.ok()) return 0;
  const auto again = ParseEndpoint(endpoint->ToString());
  if (!again.ok() || !(*again == *endpoint)) abort();
  return 0;
}
