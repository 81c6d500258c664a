#include "cli/structured_output.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace stevedore::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string Compact(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Words that some version of YAML reads as something else than text.
bool IsReserved(absl::string_view text) {
  static constexpr std::array<absl::string_view, 9> kWords = {"true", "false", "yes", "no", "on",
                                                              "off",  "null",  "y",   "n"};
  const std::string lower = absl::AsciiStrToLower(text);
  return std::find(kWords.begin(), kWords.end(), lower) != kWords.end();
}

bool IsPlain(absl::string_view text) {
  if (text.empty() || IsReserved(text)) return false;
  // Everything that may be a number or a date begins with a digit, a sign or a dot.
  if (!absl::ascii_isalpha(text[0]) && text[0] != '/' && text[0] != '_') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '_' || c == '-' || c == '.' || c == '/';
  });
}

bool IsBlock(const Json& json) { return json.is_structured() && !json.empty(); }

void Append(const Json& json, int depth, std::string& text);

// What stands behind a key or a dash.
void AppendValue(const Json& json, int depth, bool below_key, std::string& text) {
  if (!IsBlock(json)) {
    absl::StrAppend(&text, " ",
                    json.is_string() ? YamlText(json.get_ref<const std::string&>()) : Compact(json),
                    "\n");
    return;
  }
  if (below_key) {
    absl::StrAppend(&text, "\n");
    Append(json, depth + 1, text);
    return;
  }
  // The first member stands in the line of the dash.
  std::string block;
  Append(json, depth + 1, block);
  absl::StrAppend(&text, " ", block.substr(2 * (depth + 1)));
}

void Append(const Json& json, int depth, std::string& text) {
  const std::string indent(2 * depth, ' ');
  if (json.is_object()) {
    for (const auto& [key, value] : json.items()) {
      absl::StrAppend(&text, indent, YamlText(key), ":");
      AppendValue(value, depth, /*below_key=*/true, text);
    }
    return;
  }
  for (const Json& item : json) {
    absl::StrAppend(&text, indent, "-");
    AppendValue(item, depth, /*below_key=*/false, text);
  }
}

}  // namespace

std::string YamlText(absl::string_view text) {
  if (IsPlain(text)) return std::string(text);
  // A JSON string is a double-quoted YAML scalar.
  return Compact(Json(std::string(text)));
}

std::string ToJsonText(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string ToYamlText(const Json& json) {
  std::string text;
  if (IsBlock(json)) {
    Append(json, 0, text);
  } else {
    AppendValue(json, 0, /*below_key=*/false, text);
    text.erase(0, 1);
  }
  return text;
}

}  // namespace stevedore::cli
