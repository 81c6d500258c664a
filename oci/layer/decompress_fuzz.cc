#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/byte_source.h"
#include "oci/layer/decompress.h"

// Whatever comes in, no more comes out than the limit says, and what ended stays ended.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr uint64_t kLimit = 1 << 20;
  auto opened =
      stevedore::oci::OpenDecompressed(std::make_unique<stevedore::base::StringSource>(
                                           std::string(reinterpret_cast<const char*>(data), size)),
                                       {.max_output_bytes = kLimit});
  if (!opened.ok()) return 0;
  std::vector<char> buffer(10'000);
  uint64_t total = 0;
  while (true) {
    const auto count = opened->source->Read(buffer.data(), buffer.size());
    if (!count.ok()) return 0;
    total += *count;
    if (total > kLimit) std::abort();
    if (*count == 0) {
      const auto again = opened->source->Read(buffer.data(), buffer.size());
      if (!again.ok() || *again != 0) std::abort();
      return 0;
    }
  }
}
