// Members of driver options as values, with errors that name the member.

#ifndef STEVEDORE_GRAPH_OPTION_JSON_H_
#define STEVEDORE_GRAPH_OPTION_JSON_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "nlohmann/json.hpp"

// For the drivers' option parsers. `member` is how messages call the place ("ulimits[0].soft");
// every error is INVALID_ARGUMENT, "<member>: must be <what>, found <what>". Thread-safe.
namespace stevedore::graph {

// "<member>: must be <expected>, found <found>".
absl::Status WrongOption(absl::string_view member, absl::string_view expected,
                         const nlohmann::json& found);

// An object from the text of driver options; empty text is an empty object.
absl::StatusOr<nlohmann::json> ParseOptionsObject(absl::string_view options_json);

// Every member of `object` is one of `known`, or the error says which one was probably meant.
// `member` is empty at the top.
absl::Status CheckOptionMembers(absl::string_view member, const nlohmann::json& object,
                                absl::Span<const absl::string_view> known);

// A text, number or boolean as text: YAML users write `8080` where they mean "8080".
absl::StatusOr<std::string> OptionText(absl::string_view member, const nlohmann::json& json);

// A list of texts, or one text, which counts as a list of one.
absl::StatusOr<std::vector<std::string>> OptionTexts(absl::string_view member,
                                                     const nlohmann::json& json);

// true or false, also as texts (templates give texts).
absl::StatusOr<bool> OptionBool(absl::string_view member, const nlohmann::json& json);

// A whole number from `least` to `greatest`, also as text.
absl::StatusOr<int64_t> OptionInteger(absl::string_view member, const nlohmann::json& json,
                                      int64_t least, int64_t greatest);

// A size in bytes: a number, or a text with the suffix b, k, m, g or t (powers of 1024, any case,
// also "kb", "KiB").
absl::StatusOr<uint64_t> OptionBytes(absl::string_view member, const nlohmann::json& json);

// A positive length of time, "90s", "10m", "1h30m"; a plain number is seconds.
absl::StatusOr<absl::Duration> OptionDuration(absl::string_view member, const nlohmann::json& json);

// A path inside the merged context, relative, without "." and "..": "docker/Dockerfile".
absl::StatusOr<std::string> OptionContextPath(absl::string_view member, const nlohmann::json& json);

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_OPTION_JSON_H_
