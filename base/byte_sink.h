// Where bytes go: the push side of every stream in the system.

#ifndef STEVEDORE_BASE_BYTE_SINK_H_
#define STEVEDORE_BASE_BYTE_SINK_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace stevedore::base {

// Where bytes go. Stages are stacked; Write returns when the stage below has taken the bytes, so
// the call stack is the back-pressure and each stage holds at most its own buffer. Not thread-safe.
class ByteSink {
 public:
  virtual ~ByteSink() = default;

  // Takes all of `bytes` or fails. After a failure, only destroy the sink.
  virtual absl::Status Write(absl::string_view bytes) = 0;

  // Flushes this stage and closes the one below. Must be called for the bytes to count as written;
  // destroying without Close abandons them.
  virtual absl::Status Close() = 0;
};

// Appends to a string that must outlive it. For small documents and tests.
class StringSink final : public ByteSink {
 public:
  explicit StringSink(std::string* out) : out_(out) {}
  absl::Status Write(absl::string_view bytes) override {
    out_->append(bytes.data(), bytes.size());
    return absl::OkStatus();
  }
  absl::Status Close() override { return absl::OkStatus(); }

 private:
  std::string* const out_;
};

}  // namespace stevedore::base

#endif  // STEVEDORE_BASE_BYTE_SINK_H_
