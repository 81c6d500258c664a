#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/byte_source.h"
#include "oci/layer/tar_header.h"
#include "oci/layer/tar_reader.h"

namespace {

using stevedore::oci::kTarBlock;
using stevedore::oci::TarEntry;

// Makes the checksum of every block that looks like a header right: mutations never would, and
// nothing behind that check would be tried.
std::string WithChecksums(std::string tar) {
  for (size_t block = 0; block + kTarBlock <= tar.size(); block += kTarBlock) {
    if (tar.compare(block + 257, 5, "ustar") != 0) continue;
    tar.replace(block + 148, 8, 8, ' ');
    unsigned sum = 0;
    for (size_t i = 0; i < kTarBlock; ++i) sum += static_cast<unsigned char>(tar[block + i]);
    for (int i = 5; i >= 0; --i, sum /= 8) tar[block + 148 + i] = static_cast<char>('0' + sum % 8);
    tar[block + 154] = '\0';
  }
  return tar;
}

// No entry that is reported may lead outside or claim content that is not there.
void ReadAll(std::string tar) {
  stevedore::base::StringSource source(std::move(tar));
  stevedore::oci::TarReader reader(&source, {.max_entries = 10'000, .max_header_bytes = 1 << 16});
  std::vector<char> buffer(4096);
  while (true) {
    absl::StatusOr<std::optional<TarEntry>> next = reader.Next();
    if (!next.ok() || !next->has_value()) return;
    const stevedore::oci::LayerEntry& entry = (*next)->entry;
    if (!stevedore::oci::CheckSafePath(entry.path).ok()) std::abort();
    uint64_t left = entry.size;
    while (left > 0) {
      const absl::StatusOr<size_t> count = reader.Read(buffer.data(), buffer.size());
      if (!count.ok()) return;
      if (*count == 0 || *count > left) std::abort();
      left -= *count;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string tar(reinterpret_cast<const char*>(data), size);
  ReadAll(tar);
  ReadAll(WithChecksums(tar));
  return 0;
}
