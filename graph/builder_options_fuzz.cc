// The first byte chooses a driver, the rest is its options as JSON: an error that names the member,
// or nothing; never a crash.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "graph/drivers.h"

using stevedore::graph::DriverDescription;
using stevedore::graph::Drivers;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size == 0) return 0;
  const DriverDescription& driver = Drivers()[bytes[0] % Drivers().size()];
  if (driver.check == nullptr) return 0;
  const absl::Status status =
      driver.check(absl::string_view(reinterpret_cast<const char*>(bytes) + 1, size - 1));
  if (!status.ok() && (status.message().empty() || !absl::IsInvalidArgument(status))) abort();
  return 0;
}
