// Text for people: tables, sizes, durations, and lists as users type them.

#ifndef STEVEDORE_CLI_TEXT_H_
#define STEVEDORE_CLI_TEXT_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

namespace stevedore::cli {

// Rows under headings, columns left-aligned with two blanks between, the last column not padded;
// every line ends with a line feed. A row shorter than `headings` is filled with empty cells.
// Thread-safe.
std::string FormatTable(absl::Span<const std::string> headings,
                        absl::Span<const std::vector<std::string>> rows);

// "812 B", "3.4 MiB": three significant digits. Thread-safe.
std::string FormatBytes(int64_t bytes);

// "0.3s", "12s", "3m05s", "2h10m". Negative is "0.0s". Thread-safe.
std::string FormatSeconds(absl::Duration duration);

// "sha256:0123456789ab" of a full digest; other text is returned as it is. Thread-safe.
std::string ShortDigest(absl::string_view digest);

// Splits each argument by CSV rules, as list flags do: `a,b` is two items, `"a,b"` is one, `""`
// inside quotes is a quote. INVALID_ARGUMENT naming `flag` for a quote that is not closed.
// Thread-safe.
absl::StatusOr<std::vector<std::string>> SplitList(absl::string_view flag,
                                                   absl::Span<const std::string> arguments);

// Splits list items at the first `=`. INVALID_ARGUMENT naming `flag` for an item without one or
// with an empty key. Later items win. Thread-safe.
absl::StatusOr<std::map<std::string, std::string>> SplitPairs(
    absl::string_view flag, absl::Span<const std::string> arguments);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_TEXT_H_
