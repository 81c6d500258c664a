#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/byte_source.h"
#include "oci/layer/tar_header.h"
#include "oci/layer/tar_reader.h"

// Whatever comes in, no entry that is reported may lead outside or claim content that is not there.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using stevedore::oci::TarEntry;
  stevedore::base::StringSource source(std::string(reinterpret_cast<const char*>(data), size));
  stevedore::oci::TarReader reader(&source, {.max_entries = 10'000, .max_header_bytes = 1 << 16});
  std::vector<char> buffer(4096);
  while (true) {
    absl::StatusOr<std::optional<TarEntry>> next = reader.Next();
    if (!next.ok() || !next->has_value()) return 0;
    const stevedore::oci::LayerEntry& entry = (*next)->entry;
    if (!stevedore::oci::CheckSafePath(entry.path).ok()) std::abort();
    uint64_t left = entry.size;
    while (left > 0) {
      const absl::StatusOr<size_t> count = reader.Read(buffer.data(), buffer.size());
      if (!count.ok()) return 0;
      if (*count == 0 || *count > left) std::abort();
      left -= *count;
    }
  }
}
