#include "cli/progress_display.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/plain_display.h"
#include "cli/terminal_display.h"

namespace stevedore::cli {

ProgressStyle StyleBesideLogs(ProgressStyle style) {
  const bool redraws = style == ProgressStyle::kAuto || style == ProgressStyle::kTty;
  return redraws ? ProgressStyle::kPlain : style;
}

absl::StatusOr<ProgressStyle> ParseProgressStyle(absl::string_view text) {
  if (text == "auto") return ProgressStyle::kAuto;
  if (text == "tty") return ProgressStyle::kTty;
  if (text == "plain") return ProgressStyle::kPlain;
  if (text == "json") return ProgressStyle::kJson;
  if (text == "quiet") return ProgressStyle::kQuiet;
  return absl::InvalidArgumentError(
      absl::StrCat("--progress ", base::Quoted(text), ": use auto, tty, plain, json or quiet"));
}

std::unique_ptr<ProgressDisplay> CreateProgressDisplay(ProgressStyle style, Console* console,
                                                       const base::Clock* clock) {
  if (style == ProgressStyle::kAuto) {
    style = console->interactive() ? ProgressStyle::kTty : ProgressStyle::kPlain;
  }
  switch (style) {
    case ProgressStyle::kTty:
      return std::make_unique<TerminalDisplay>(console, clock);
    case ProgressStyle::kJson:
      return std::make_unique<JsonDisplay>(console);
    case ProgressStyle::kQuiet:
      return std::make_unique<QuietDisplay>(console);
    default:
      return std::make_unique<PlainDisplay>(console);
  }
}

}  // namespace stevedore::cli
