// How the text after a keyword is cut: flags, words, lists, NAME=value.

#ifndef STEVEDORE_WORKER_DRIVERS_DOCKERFILE_WORDS_H_
#define STEVEDORE_WORKER_DRIVERS_DOCKERFILE_WORDS_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace stevedore::worker::dockerfile {

// The flags at the start of `text`, without their dashes ("from=build"), and what follows them.
// Quotes and backslashes are taken out of flags. Thread-safe, as all here.
std::pair<std::vector<std::string>, std::string> SplitFlags(absl::string_view text);

// Cut at blanks, which quotes and escapes keep; both stay in the words. For NAME=value.
std::vector<std::string> SplitQuoted(absl::string_view text, char escape);

// Cut at blanks whatever else there is.
std::vector<std::string> SplitBlanks(absl::string_view text);

// The elements of a JSON list of texts; nullopt if `text` is not a JSON list at all.
// INVALID_ARGUMENT for a list with something else in it.
absl::StatusOr<std::optional<std::vector<std::string>>> ReadList(absl::string_view text);

}  // namespace stevedore::worker::dockerfile

#endif  // STEVEDORE_WORKER_DRIVERS_DOCKERFILE_WORDS_H_
