// Output of programs, cut into lines.

#ifndef STEVEDORE_BASE_OUTPUT_LINES_H_
#define STEVEDORE_BASE_OUTPUT_LINES_H_

#include <cstddef>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace stevedore::base {

// Turns pieces of output into lines, in order and without losing anything: a line ends at LF, CR LF
// or CR (bars that draw over themselves become one line per state); a line that does not end is
// handed out in parts of 64 KiB. Not thread-safe.
class OutputLines {
 public:
  // `take` gets each line without its end.
  template <typename Take>
  void Append(absl::string_view text, Take take) {
    for (const char c : text) {
      if (c == '\n') {
        // The CR of a CR LF ended the line already.
        if (!after_return_) take(std::exchange(line_, ""));
        after_return_ = false;
        continue;
      }
      after_return_ = false;
      if (c == '\r') {
        take(std::exchange(line_, ""));
        after_return_ = true;
        continue;
      }
      line_ += c;
      // Not in the middle of a character.
      const bool boundary = (static_cast<unsigned char>(c) & 0xC0) != 0x80;
      if (line_.size() > kPartBytes && boundary) {
        line_.pop_back();
        take(std::exchange(line_, std::string(1, c)));
      }
    }
  }

  // Hands out what has no end yet.
  template <typename Take>
  void Finish(Take take) {
    if (!line_.empty()) take(std::exchange(line_, ""));
  }

 private:
  static constexpr size_t kPartBytes = 64 << 10;
  std::string line_;
  bool after_return_ = false;
};

// `text` as a file or a report should have it: without the sequences that terminals obey (colours,
// cursor movement, titles), with CR LF and CR as LF, and without other control characters but tabs.
// A sequence that `text` ends in the middle of is left out as far as it is there. Thread-safe.
std::string WithoutEscapes(absl::string_view text);

}  // namespace stevedore::base

#endif  // STEVEDORE_BASE_OUTPUT_LINES_H_
