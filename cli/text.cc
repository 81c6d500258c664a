#include "cli/text.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status.h"
#include "cli/console.h"

namespace stevedore::cli {
namespace {

// Splits one argument by CSV rules into `items`; false if a quote stays open.
bool SplitOne(absl::string_view argument, std::vector<std::string>& items) {
  std::string item;
  bool quoted = false;
  for (size_t i = 0; i < argument.size(); ++i) {
    const char c = argument[i];
    if (quoted) {
      if (c != '"') {
        item.push_back(c);
      } else if (i + 1 < argument.size() && argument[i + 1] == '"') {
        item.push_back(argument[++i]);
      } else {
        quoted = false;
      }
    } else if (c == '"' && item.empty()) {
      quoted = true;
    } else if (c == ',') {
      items.push_back(std::exchange(item, ""));
    } else {
      item.push_back(c);
    }
  }
  items.push_back(std::move(item));
  return !quoted;
}

}  // namespace

std::string FormatTable(absl::Span<const std::string> headings,
                        absl::Span<const std::vector<std::string>> rows) {
  std::vector<int> widths;
  for (const std::string& heading : headings) widths.push_back(DisplayWidth(heading));
  for (const std::vector<std::string>& row : rows) {
    for (size_t i = 0; i < row.size() && i < widths.size(); ++i) {
      widths[i] = std::max(widths[i], DisplayWidth(row[i]));
    }
  }
  std::string text;
  const auto append = [&](absl::Span<const std::string> cells) {
    std::string line;
    for (size_t i = 0; i < widths.size(); ++i) {
      const std::string cell = i < cells.size() ? cells[i] : "";
      absl::StrAppend(&line, cell);
      if (i + 1 < widths.size()) line.append(widths[i] - DisplayWidth(cell) + 2, ' ');
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    absl::StrAppend(&text, line, "\n");
  };
  append(headings);
  for (const std::vector<std::string>& row : rows) append(row);
  return text;
}

std::string FormatBytes(int64_t bytes) {
  static constexpr std::array<const char*, 5> kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB"};
  if (bytes < 1024) return absl::StrCat(bytes, " B");
  double value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  while (value >= 1000 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  const int decimals = value < 10 ? 2 : value < 100 ? 1 : 0;
  return absl::StrFormat("%.*f %s", decimals, value, kUnits[unit]);
}

std::string FormatSeconds(absl::Duration duration) {
  const double seconds = std::max(0.0, absl::ToDoubleSeconds(duration));
  if (seconds < 9.95) return absl::StrFormat("%.1fs", seconds);
  const int64_t whole = static_cast<int64_t>(seconds + 0.5);
  if (whole < 60) return absl::StrFormat("%ds", whole);
  if (whole < 3600) return absl::StrFormat("%dm%02ds", whole / 60, whole % 60);
  return absl::StrFormat("%dh%02dm", whole / 3600, whole % 3600 / 60);
}

std::string ShortDigest(absl::string_view digest) {
  static constexpr size_t kShown = 12;  // As docker shows.
  const size_t colon = digest.find(':');
  if (colon == absl::string_view::npos) return std::string(digest);
  return std::string(digest.substr(0, colon + 1 + kShown));
}

absl::StatusOr<std::vector<std::string>> SplitList(absl::string_view flag,
                                                   absl::Span<const std::string> arguments) {
  std::vector<std::string> items;
  for (const std::string& argument : arguments) {
    if (!SplitOne(argument, items)) {
      return absl::InvalidArgumentError(
          absl::StrCat(flag, " ", base::Quoted(argument),
                       ": a quote is not closed; write items as a,b or \"a,b\",c"));
    }
  }
  return items;
}

absl::StatusOr<std::map<std::string, std::string>> SplitPairs(
    absl::string_view flag, absl::Span<const std::string> arguments) {
  ASSIGN_OR_RETURN(const std::vector<std::string> items, SplitList(flag, arguments));
  std::map<std::string, std::string> pairs;
  for (const std::string& item : items) {
    const size_t equals = item.find('=');
    if (equals == std::string::npos || equals == 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          flag, " ", base::Quoted(item),
          ": KEY=VALUE is needed; a value with a comma must be quoted: '\"KEY=a,b\"'"));
    }
    pairs[item.substr(0, equals)] = item.substr(equals + 1);
  }
  return pairs;
}

}  // namespace stevedore::cli
