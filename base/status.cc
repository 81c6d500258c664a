#include "base/status.h"

#include <cerrno>
#include <cstring>
#include <string>

namespace stevedore::base {

absl::Status Annotate(const absl::Status& status, absl::string_view prefix) {
  if (status.ok() || prefix.empty()) return status;
  absl::Status annotated(status.code(), absl::StrCat(prefix, ": ", status.message()));
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) {
    annotated.SetPayload(url, payload);
  });
  return annotated;
}

absl::Status ErrnoStatus(int error_number, absl::string_view doing) {
  absl::StatusCode code = absl::ErrnoToStatusCode(error_number);
  // Abseil leaves these as UNKNOWN or elsewhere; callers decide by code, so name the ones that have
  // a remedy.
  if (error_number == ENOTDIR || error_number == ELOOP)
    code = absl::StatusCode::kFailedPrecondition;
  if (error_number == EIO) code = absl::StatusCode::kDataLoss;
  char buffer[128];
  return absl::Status(code,
                      absl::StrCat(doing, ": ", strerror_r(error_number, buffer, sizeof buffer)));
}

std::string Quoted(absl::string_view text, size_t limit) {
  const bool cut = text.size() > limit;
  if (cut) text = text.substr(0, limit);
  std::string out = "`";
  static constexpr char kHex[] = "0123456789abcdef";
  for (unsigned char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c < 0x20 || c == 0x7f) {
      out += "\\x";
      out += kHex[c >> 4];
      out += kHex[c & 15];
    } else {
      out += static_cast<char>(c);
    }
  }
  if (cut) out += "...";
  out += "`";
  return out;
}

}  // namespace stevedore::base
