// Where bytes come from: sequential streams and random access.

#ifndef STEVEDORE_BASE_BYTE_SOURCE_H_
#define STEVEDORE_BASE_BYTE_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/byte_sink.h"

namespace stevedore::base {

// A stream that is read once from start to end. Not thread-safe.
class ByteSource {
 public:
  virtual ~ByteSource() = default;

  // Reads at least 1 and at most `size` bytes into `buffer` and returns how many; 0 means the end
  // (and stays 0). After a failure, only destroy the source. `size` must not be 0.
  virtual absl::StatusOr<size_t> Read(char* buffer, size_t size) = 0;
};

// Bytes of known length that any thread may read at any place. Thread-safe.
class RandomReader {
 public:
  virtual ~RandomReader() = default;

  // Fills `buffer` with the `size` bytes at `offset` (bytes from the start). OUT_OF_RANGE if the
  // object ends before: it is shorter than its owner said.
  virtual absl::Status ReadAt(uint64_t offset, char* buffer, size_t size) const = 0;
};

// A source over a string of its own.
class StringSource final : public ByteSource {
 public:
  explicit StringSource(std::string text) : text_(std::move(text)) {}
  absl::StatusOr<size_t> Read(char* buffer, size_t size) override;

 private:
  const std::string text_;
  size_t position_ = 0;
};

// Copies `source` to `sink` until its end; does not close the sink. Returns the number of bytes
// copied. RESOURCE_EXHAUSTED once more than `limit_bytes` came: peers lie about sizes.
absl::StatusOr<uint64_t> CopyAll(ByteSource& source, ByteSink& sink,
                                 uint64_t limit_bytes = UINT64_MAX);

// Reads all of `source` into a string. RESOURCE_EXHAUSTED if it holds more than `limit_bytes`.
absl::StatusOr<std::string> ReadAll(ByteSource& source, uint64_t limit_bytes);

}  // namespace stevedore::base

#endif  // STEVEDORE_BASE_BYTE_SOURCE_H_
