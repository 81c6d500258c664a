#include "worker/drivers/buildkit/header_text.h"

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"

namespace stevedore::worker {

std::string QueryUnescape(absl::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      result += ' ';
    } else if (text[i] == '%' && i + 2 < text.size() && absl::ascii_isxdigit(text[i + 1]) &&
               absl::ascii_isxdigit(text[i + 2])) {
      result += absl::HexStringToBytes(text.substr(i + 1, 2));
      i += 2;
    } else {
      result += text[i];
    }
  }
  return result;
}

}  // namespace stevedore::worker
