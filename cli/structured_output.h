// Results for programs: JSON, and YAML that says the same.

#ifndef STEVEDORE_CLI_STRUCTURED_OUTPUT_H_
#define STEVEDORE_CLI_STRUCTURED_OUTPUT_H_

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "absl/strings/string_view.h"

namespace stevedore::cli {

// `text` as one YAML scalar that every YAML reader takes for that string: plain where that is
// beyond doubt, else in double quotes. Bytes that are not UTF-8 are replaced. Thread-safe.
std::string YamlText(absl::string_view text);

// `json` as indented JSON with a line feed at the end. Thread-safe.
std::string ToJsonText(const nlohmann::ordered_json& json);

// `json` as a block-style YAML document; members keep their order. Thread-safe.
std::string ToYamlText(const nlohmann::ordered_json& json);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_STRUCTURED_OUTPUT_H_
