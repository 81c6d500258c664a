#include "cli/console.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/file.h"

namespace stevedore::cli {
namespace {

bool NotEmpty(const char* variable) {
  const char* value = ::getenv(variable);
  return value != nullptr && *value != '\0';
}

bool DumbTerminal() {
  const char* term = ::getenv("TERM");
  return term == nullptr || absl::string_view(term) == "dumb" || *term == '\0';
}

void WriteTo(int fd, absl::string_view text) {
  // Nobody can be told that telling failed; a closed pipe ends the process by SIGPIPE where that is
  // wanted.
  (void)base::WriteFully(fd, text, "standard stream");
}

winsize WindowSize() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0) size = winsize{};
  return size;
}

void PrintLabelled(Console& console, absl::string_view colour, absl::string_view label,
                   absl::string_view message) {
  while (!message.empty() && message.back() == '\n') message.remove_suffix(1);
  const std::string body = absl::StrReplaceAll(message, {{"\n", "\n  "}});
  if (console.colours()) {
    console.Err(absl::StrCat("\x1b[", colour, "m", label, ":\x1b[0m ", body, "\n"));
  } else {
    console.Err(absl::StrCat(label, ": ", body, "\n"));
  }
}

}  // namespace

ProcessConsole::ProcessConsole()
    : interactive_(::isatty(STDERR_FILENO) == 1 && !DumbTerminal()),
      colours_(interactive_ && !NotEmpty("NO_COLOR")) {}

void ProcessConsole::Out(absl::string_view text) { WriteTo(STDOUT_FILENO, text); }
void ProcessConsole::Err(absl::string_view text) { WriteTo(STDERR_FILENO, text); }
bool ProcessConsole::out_is_terminal() const { return ::isatty(STDOUT_FILENO) == 1; }
int ProcessConsole::width() const { return WindowSize().ws_col; }
int ProcessConsole::height() const { return WindowSize().ws_row; }

void PrintError(Console& console, absl::string_view message) {
  PrintLabelled(console, "1;31", "error", message);
}

void PrintWarning(Console& console, absl::string_view message) {
  PrintLabelled(console, "1;33", "warning", message);
}

std::string FitTo(absl::string_view text, int columns) {
  if (columns <= 0) return "";
  std::string fitted;
  size_t end_with_room = 0;  // Where to cut so that the ellipsis still fits.
  int used = 0;
  for (size_t i = 0; i < text.size();) {
    const unsigned char lead = static_cast<unsigned char>(text[i]);
    const size_t length = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (used == columns) {
      fitted.resize(end_with_room);
      return absl::StrCat(fitted, "…");
    }
    if (lead < 0x20 || lead == 0x7F) {
      fitted.push_back('?');
    } else {
      const absl::string_view rune = text.substr(i, length);
      fitted.append(rune.data(), rune.size());
    }
    i += length;
    ++used;
    if (used == columns - 1) end_with_room = fitted.size();
  }
  return fitted;
}

int DisplayWidth(absl::string_view text) {
  int width = 0;
  for (const char c : text) width += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return width;
}

}  // namespace stevedore::cli
