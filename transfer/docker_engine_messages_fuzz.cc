// Any bytes, in pieces of any size, are messages or an error.

#include <cstdint>
#include <optional>

#include "base/output_lines.h"
#include "transfer/docker_engine_messages.h"

namespace {

// Gives the input in pieces whose sizes it says itself.
class Pieces final : public stevedore::base::ByteSource {
 public:
  Pieces(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    if (position_ == size_) return 0;
    const size_t wanted = 1 + data_[position_] % 7;
    size_t count = 0;
    while (count < wanted && count < size && position_ < size_)
      buffer[count++] = data_[position_++];
    return count;
  }

 private:
  const uint8_t* const data_;
  const size_t size_;
  size_t position_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Pieces source(data, size);
  stevedore::transfer::EngineMessageReader reader(&source);
  stevedore::base::OutputLines lines;
  size_t bytes = 0;
  const auto take = [&](const std::string& line) { bytes += line.size(); };
  while (true) {
    const auto message = reader.Next();
    if (!message.ok() || !message->has_value()) break;
    (void)(*message)->AuxText("ID");
    lines.Append((*message)->stream, take);
  }
  lines.Finish(take);
  return 0;
}
