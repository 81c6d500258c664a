#include "base/log.h"

#include <unistd.h>

#include <atomic>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace stevedore::base {
namespace {

std::atomic<LogLevel> g_threshold{LogLevel::kInfo};
std::atomic<bool> g_json{false};

constexpr absl::string_view kNames[] = {"debug", "info", "warning", "error"};
constexpr absl::string_view kLabels[] = {"DEBUG", "INFO", "WARNING", "ERROR"};

// JSON string escapes, which are also fine for a quoted text value.
void AppendQuoted(absl::string_view text, std::string* out) {
  static constexpr char kHex[] = "0123456789abcdef";
  out->push_back('"');
  for (unsigned char c : text) {
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(static_cast<char>(c));
    } else if (c == '\n') {
      out->append("\\n");
    } else if (c < 0x20) {
      out->append("\\u00");
      out->push_back(kHex[c >> 4]);
      out->push_back(kHex[c & 15]);
    } else {
      out->push_back(static_cast<char>(c));
    }
  }
  out->push_back('"');
}

}  // namespace

void Log(LogLevel level, absl::string_view message, std::initializer_list<LogField> fields) {
  if (level < g_threshold.load(std::memory_order_relaxed)) return;
  const int index = static_cast<int>(level);
  const std::string time =
      absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(), absl::UTCTimeZone());
  std::string line;
  if (g_json.load(std::memory_order_relaxed)) {
    absl::StrAppend(&line, "{\"time\":\"", time, "\",\"level\":\"", kNames[index],
                    "\",\"message\":");
    AppendQuoted(message, &line);
    for (const LogField& field : fields) {
      line.push_back(',');
      AppendQuoted(field.key, &line);
      line.push_back(':');
      AppendQuoted(field.value, &line);
    }
    line.append("}\n");
  } else {
    absl::StrAppend(&line, time, " ", kLabels[index], " ", message);
    for (const LogField& field : fields) {
      absl::StrAppend(&line, " ", field.key, "=");
      if (field.value.empty() || field.value.find_first_of(" \"\n\t=\r") != std::string::npos) {
        AppendQuoted(field.value, &line);
      } else {
        line.append(field.value);
      }
    }
    line.push_back('\n');
  }
  // One write per line keeps lines of several threads and processes whole. Nothing to do if it
  // fails.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
}

void SetLogThreshold(LogLevel threshold) { g_threshold.store(threshold); }

void SetLogJson(bool json) { g_json.store(json); }

bool ParseLogLevel(absl::string_view text, LogLevel* level) {
  for (int i = 0; i < 4; ++i) {
    if (text == kNames[i]) {
      *level = static_cast<LogLevel>(i);
      return true;
    }
  }
  return false;
}

}  // namespace stevedore::base
