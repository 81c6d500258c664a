#include "base/output_lines.h"

namespace stevedore::base {
namespace {

constexpr char kEscape = '\x1b';
constexpr char kBell = '\x07';

bool Between(char c, int low, int high) {
  const int code = static_cast<unsigned char>(c);
  return low <= code && code <= high;
}

// Bytes of the sequence that begins with the ESC at text[0] (ECMA-48).
size_t EscapeLength(absl::string_view text) {
  if (text.size() < 2) return text.size();
  size_t i = 1;
  switch (text[1]) {
    case '[':  // Parameters, then one final byte.
      for (i = 2; i < text.size() && Between(text[i], 0x20, 0x3f); ++i) {
      }
      return i < text.size() && Between(text[i], 0x40, 0x7e) ? i + 1 : i;
    case ']':
    case 'P':
    case 'X':
    case '^':
    case '_':  // A text up to BEL or ESC \; never longer than its line.
      for (i = 2; i < text.size() && text[i] != '\n'; ++i) {
        if (text[i] == kBell) return i + 1;
        if (text[i] == kEscape) return i + 1 < text.size() && text[i + 1] == '\\' ? i + 2 : i;
      }
      return i;
    default:
      while (i < text.size() && Between(text[i], 0x20, 0x2f)) ++i;
      return i < text.size() && Between(text[i], 0x30, 0x7e) ? i + 1 : i;
  }
}

}  // namespace

std::string WithoutEscapes(absl::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == kEscape) {
      i += EscapeLength(text.substr(i));
      continue;
    }
    ++i;
    if (c == '\r') {
      if (i == text.size() || text[i] != '\n') plain += '\n';
    } else if (c == '\n' || c == '\t' || !(Between(c, 0, 0x1f) || c == 0x7f)) {
      plain += c;
    }
  }
  return plain;
}

}  // namespace stevedore::base
