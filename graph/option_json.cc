#include "graph/option_json.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "graph/spelling.h"
#include "oci/image/canonical_json.h"

namespace stevedore::graph {
namespace {

using Json = nlohmann::json;

constexpr double kMaxBytes = 1ull << 60;

std::string Shown(const Json& json) {
  if (json.is_string()) return base::Quoted(json.get_ref<const std::string&>());
  return base::Quoted(json.dump(-1, ' ', false, Json::error_handler_t::replace), 60);
}

}  // namespace

absl::Status WrongOption(absl::string_view member, absl::string_view expected, const Json& found) {
  return absl::InvalidArgumentError(
      absl::StrCat(member, ": must be ", expected, ", found ", Shown(found)));
}

absl::StatusOr<Json> ParseOptionsObject(absl::string_view options_json) {
  if (options_json.empty()) return Json::object();
  absl::StatusOr<Json> json = oci::ParseJson(options_json);
  if (!json.ok() || !json->is_object()) {
    return absl::InvalidArgumentError(
        absl::StrCat("options must be an object in JSON, found ", base::Quoted(options_json, 60)));
  }
  return json;
}

absl::Status CheckOptionMembers(absl::string_view member, const Json& object,
                                absl::Span<const absl::string_view> known) {
  for (const auto& [name, value] : object.items()) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(member, member.empty() ? "" : ".", name, ": there is no such option",
                     DidYouMean(name, known), "; known are ", absl::StrJoin(known, ", ")));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> OptionText(absl::string_view member, const Json& json) {
  if (json.is_string()) return json.get<std::string>();
  if (json.is_number() || json.is_boolean()) return json.dump();
  return WrongOption(member, "a text", json);
}

absl::StatusOr<std::vector<std::string>> OptionTexts(absl::string_view member, const Json& json) {
  std::vector<std::string> texts;
  if (!json.is_array()) {
    if (json.is_structured() || json.is_null()) {
      return WrongOption(member, "a list of texts", json);
    }
    ASSIGN_OR_RETURN(std::string text, OptionText(member, json));
    texts.push_back(std::move(text));
    return texts;
  }
  for (size_t i = 0; i < json.size(); ++i) {
    ASSIGN_OR_RETURN(std::string text, OptionText(absl::StrCat(member, "[", i, "]"), json[i]));
    texts.push_back(std::move(text));
  }
  return texts;
}

absl::StatusOr<bool> OptionBool(absl::string_view member, const Json& json) {
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_string()) {
    if (json.get_ref<const std::string&>() == "true") return true;
    if (json.get_ref<const std::string&>() == "false") return false;
  }
  return WrongOption(member, "true or false", json);
}

absl::StatusOr<int64_t> OptionInteger(absl::string_view member, const Json& json, int64_t least,
                                      int64_t greatest) {
  int64_t number = 0;
  const bool is_number = json.is_string()
                             ? absl::SimpleAtoi(json.get_ref<const std::string&>(), &number)
                             : json.is_number_integer() && absl::SimpleAtoi(json.dump(), &number);
  if (!is_number || number < least || number > greatest) {
    return WrongOption(member, absl::StrCat("a whole number from ", least, " to ", greatest), json);
  }
  return number;
}

absl::StatusOr<uint64_t> OptionBytes(absl::string_view member, const Json& json) {
  const auto wrong = [&] {
    return WrongOption(member, "a size in bytes, such as 512m or 2g (suffixes b, k, m, g, t)",
                       json);
  };
  ASSIGN_OR_RETURN(const std::string written, OptionText(member, json));
  std::string text = absl::AsciiStrToLower(absl::StripAsciiWhitespace(written));
  absl::string_view rest = text;
  double factor = 1;
  const bool binary = absl::ConsumeSuffix(&rest, "ib");
  if (!binary && rest.size() > 1 && absl::ascii_isalpha(rest[rest.size() - 2])) {
    absl::ConsumeSuffix(&rest, "b");
  }
  if (!rest.empty() && absl::ascii_isalpha(rest.back())) {
    const size_t power = absl::string_view("bkmgt").find(rest.back());
    if (power == absl::string_view::npos || (binary && power == 0)) return wrong();
    for (size_t i = 0; i < power; ++i) factor *= 1024;
    rest.remove_suffix(1);
  } else if (binary) {
    return wrong();
  }
  double number = 0;
  // SimpleAtod takes "inf", "nan" and hexadecimal, which nobody means.
  if (rest.empty() || rest.find_first_not_of("0123456789.") != absl::string_view::npos ||
      !absl::SimpleAtod(absl::StripAsciiWhitespace(rest), &number) || number * factor > kMaxBytes) {
    return wrong();
  }
  return static_cast<uint64_t>(number * factor);
}

absl::StatusOr<absl::Duration> OptionDuration(absl::string_view member, const Json& json) {
  absl::Duration duration;
  double seconds = 0;
  ASSIGN_OR_RETURN(const std::string text, OptionText(member, json));
  bool good = absl::ParseDuration(text, &duration);
  if (!good && text.find_first_not_of("0123456789.") == std::string::npos &&
      absl::SimpleAtod(text, &seconds)) {
    duration = absl::Seconds(seconds);
    good = true;
  }
  if (!good || duration <= absl::ZeroDuration() || duration > absl::Hours(24 * 365)) {
    return WrongOption(member, "a length of time above zero, such as 90s, 10m or 1h30m", json);
  }
  return duration;
}

absl::StatusOr<std::string> OptionContextPath(absl::string_view member, const Json& json) {
  ASSIGN_OR_RETURN(const std::string text, OptionText(member, json));
  std::vector<absl::string_view> parts;
  for (absl::string_view part : absl::StrSplit(text, '/')) {
    if (part == "..") return WrongOption(member, "a path inside the context, without `..`", json);
    if (!part.empty() && part != ".") parts.push_back(part);
  }
  if (parts.empty()) return WrongOption(member, "the path of a file in the context", json);
  return absl::StrJoin(parts, "/");
}

}  // namespace stevedore::graph
