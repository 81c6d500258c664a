#include "base/byte_source.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/status.h"

namespace stevedore::base {

absl::StatusOr<size_t> StringSource::Read(char* buffer, size_t size) {
  const size_t count = std::min(size, text_.size() - position_);
  std::memcpy(buffer, text_.data() + position_, count);
  position_ += count;
  return count;
}

absl::StatusOr<uint64_t> CopyAll(ByteSource& source, ByteSink& sink, uint64_t limit_bytes) {
  constexpr size_t kBlock = 256 << 10;
  const auto block = std::make_unique<char[]>(kBlock);
  uint64_t total = 0;
  for (;;) {
    ASSIGN_OR_RETURN(const size_t count, source.Read(block.get(), kBlock));
    if (count == 0) return total;
    total += count;
    if (total > limit_bytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat("more than the limit of ", limit_bytes, " bytes"));
    }
    RETURN_IF_ERROR(sink.Write(absl::string_view(block.get(), count)));
  }
}

absl::StatusOr<std::string> ReadAll(ByteSource& source, uint64_t limit_bytes) {
  std::string text;
  StringSink sink(&text);
  RETURN_IF_ERROR(CopyAll(source, sink, limit_bytes).status());
  return text;
}

}  // namespace stevedore::base
