#include "cli/secret_input.h"

#include <errno.h>
#include <stdlib.h>
#include <termios.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace stevedore::cli {
namespace {

constexpr size_t kLimitBytes = 64 << 10;
constexpr char kInterrupt = 3;   // Ctrl-C.
constexpr char kEnd = 4;         // Ctrl-D.
constexpr char kErase = 8;       // Ctrl-H.
constexpr char kErase2 = 127;    // The key above Enter.
constexpr char kEraseLine = 21;  // Ctrl-U.

// A terminal that neither echoes nor turns keys into signals, as a signal would leave it so.
class SilentTerminal {
 public:
  explicit SilentTerminal(int fd) : fd_(fd), changed_(tcgetattr(fd, &before_) == 0) {
    if (!changed_) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON | ISIG);
    silent.c_cc[VMIN] = 1;
    silent.c_cc[VTIME] = 0;
    changed_ = tcsetattr(fd, TCSAFLUSH, &silent) == 0;
  }
  SilentTerminal(const SilentTerminal&) = delete;
  SilentTerminal& operator=(const SilentTerminal&) = delete;
  ~SilentTerminal() {
    if (changed_) tcsetattr(fd_, TCSAFLUSH, &before_);
  }
  bool ok() const { return changed_; }

 private:
  const int fd_;
  termios before_ = {};
  bool changed_;
};

// Reads one byte; false at the end.
absl::StatusOr<bool> ReadByte(int fd, char* byte) {
  while (true) {
    const ssize_t count = read(fd, byte, 1);
    if (count >= 0) return count == 1;
    if (errno != EINTR) return base::ErrnoStatus(errno, "read the secret");
  }
}

absl::Status TooLong() {
  return absl::InvalidArgumentError("the secret is longer than 64 KiB; is it the right input?");
}

absl::StatusOr<std::string> ReadAtTerminal(Console& console, absl::string_view what, int fd) {
  const SilentTerminal terminal(fd);
  if (!terminal.ok()) {
    return absl::FailedPreconditionError(
        "the terminal's echo cannot be turned off; use --password-stdin or --from-env");
  }
  console.Err(absl::StrCat("Enter ", what, ": "));
  std::string text;
  char byte = 0;
  while (true) {
    absl::StatusOr<bool> got = ReadByte(fd, &byte);
    if (!got.ok() || !*got || byte == kInterrupt || byte == kEnd) {
      console.Err("\n");
      RETURN_IF_ERROR(got.status());
      return absl::CancelledError("no secret was entered; nothing was changed");
    }
    if (byte == '\n' || byte == '\r') break;
    if (byte == kEraseLine) {
      text.clear();
    } else if (byte == kErase || byte == kErase2) {
      // Back over one character of UTF-8.
      while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xc0) == 0x80) {
        text.pop_back();
      }
      if (!text.empty()) text.pop_back();
    } else {
      text.push_back(byte);
    }
    if (text.size() > kLimitBytes) return TooLong();
  }
  console.Err("\n");
  return text;
}

absl::StatusOr<std::string> ReadAll(int fd) {
  std::string text;
  char byte = 0;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, ReadByte(fd, &byte));
    if (!more) break;
    text.push_back(byte);
    if (text.size() > kLimitBytes) return TooLong();
  }
  if (!text.empty() && text.back() == '\n') text.pop_back();
  if (!text.empty() && text.back() == '\r') text.pop_back();
  return text;
}

absl::StatusOr<std::string> ReadText(Console& console, absl::string_view what,
                                     const SecretSource& source, int input) {
  if (!source.environment_variable.empty()) {
    const char* value = getenv(source.environment_variable.c_str());
    if (value == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("--from-env ", source.environment_variable,
                                                     ": there is no such variable; export it"));
    }
    return std::string(value);
  }
  if (source.standard_input) return ReadAll(input);
  if (!isatty(input)) {
    return absl::InvalidArgumentError(
        absl::StrCat("there is no terminal to ask for the ", what,
                     "; use --password-stdin or --from-env VARIABLE"));
  }
  return ReadAtTerminal(console, what, input);
}

}  // namespace

absl::StatusOr<base::Secret> ReadSecret(Console& console, absl::string_view what,
                                        const SecretSource& source, int input) {
  ASSIGN_OR_RETURN(std::string text, ReadText(console, what, source, input));
  if (text.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("the ", what, " is empty; give one"));
  }
  return base::Secret(std::move(text));
}

absl::StatusOr<std::string> ReadLine(Console& console, absl::string_view what, int input) {
  if (!isatty(input)) {
    return absl::InvalidArgumentError(absl::StrCat("there is no terminal to ask for the ", what));
  }
  console.Err(absl::StrCat("Enter ", what, ": "));
  std::string text;
  char byte = 0;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, ReadByte(input, &byte));
    if (!more) {
      console.Err("\n");
      return absl::CancelledError("nothing was entered; nothing was changed");
    }
    if (byte == '\n') break;
    text.push_back(byte);
    if (text.size() > kLimitBytes) return TooLong();
  }
  if (!text.empty() && text.back() == '\r') text.pop_back();
  if (text.empty()) return absl::InvalidArgumentError(absl::StrCat("the ", what, " is empty"));
  return text;
}

}  // namespace stevedore::cli
