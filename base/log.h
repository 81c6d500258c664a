// Logging: one line per event, constant text plus fields, at room boundaries only.

#ifndef STEVEDORE_BASE_LOG_H_
#define STEVEDORE_BASE_LOG_H_

#include <initializer_list>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace stevedore::base {

// How much a line matters; lines below the configured level are dropped.
enum class LogLevel { kDebug, kInfo, kWarning, kError };

// One `key=value` of a log line. Values are quoted when they hold blanks.
struct LogField {
  LogField(absl::string_view key, const absl::AlphaNum& value) : key(key), value(value.Piece()) {}
  absl::string_view key;
  std::string value;
};

// Writes `2026-01-31T10:20:30.123Z INFO message key=value ...` to standard error, or one JSON
// object per line, if `level` is at least the threshold. `message` is constant text, so that lines
// can be counted by it. Thread-safe.
void Log(LogLevel level, absl::string_view message, std::initializer_list<LogField> fields = {});

// What is written from now on; set once at start by main. Default: kInfo, text. Thread-safe.
void SetLogThreshold(LogLevel threshold);
void SetLogJson(bool json);

// "debug", "info", "warning" or "error" to a level; false if `text` is none of them.
bool ParseLogLevel(absl::string_view text, LogLevel* level);

}  // namespace stevedore::base

#endif  // STEVEDORE_BASE_LOG_H_
