#include "cli/command_log.h"

#include <fcntl.h>

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/status.h"

namespace stevedore::cli {

absl::Status CommandLog::Open(const std::string& path) {
  if (file_.has_value()) return absl::OkStatus();
  absl::StatusOr<base::FileDescriptor> file =
      base::OpenFile(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  if (!file.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("log_path: ", file.status().message(),
                                                   "; correct it, or unset it to keep no log"));
  }
  path_ = path;
  file_.emplace(*std::move(file));
  return Write("INFO", command_);
}

void CommandLog::Error(absl::string_view message) {
  // The message is on the terminal already; a full disk must not hide it.
  if (file_.has_value()) (void)Write("ERROR", absl::StrCat(command_, ": ", message));
}

absl::Status CommandLog::Write(absl::string_view level, absl::string_view message) {
  const std::string line =
      absl::StrCat(absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::Now(), absl::LocalTimeZone()), "\t",
                   level, "\t", absl::StrReplaceAll(message, {{"\n", " | "}}), "\n");
  return base::WriteFully(file_->get(), line, path_);
}

}  // namespace stevedore::cli
