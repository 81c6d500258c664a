// The log file that settings may name: which commands ran, and how they failed.

#ifndef STEVEDORE_CLI_COMMAND_LOG_H_
#define STEVEDORE_CLI_COMMAND_LOG_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/file.h"

namespace stevedore::cli {

// Lines "2026-01-31 10:20:30<TAB>LEVEL<TAB>message" at the end of a file; each is one write, so
// that several processes may share it. Not thread-safe.
class CommandLog {
 public:
  // `command` is what runs, without arguments: they may hold secrets.
  explicit CommandLog(std::string command) : command_(std::move(command)) {}

  // Notes the command in the file at `path`; afterwards Error writes there too. INVALID_ARGUMENT if
  // it cannot be opened. A second call does nothing.
  absl::Status Open(const std::string& path);

  // Why the command failed. Nothing happens without an open file.
  void Error(absl::string_view message);

 private:
  absl::Status Write(absl::string_view level, absl::string_view message);

  const std::string command_;
  std::string path_;
  std::optional<base::FileDescriptor> file_;
};

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_COMMAND_LOG_H_
