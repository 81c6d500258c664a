#include "worker/drivers/dockerfile/words.h"

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "nlohmann/json.hpp"
#include "oci/image/canonical_json.h"

namespace stevedore::worker::dockerfile {
namespace {

// The first word of `text` with quotes and backslashes taken out; `used` is where it ended.
std::string TakeFlag(absl::string_view text, size_t* used) {
  std::string word;
  char quote = '\0';
  size_t i = 0;
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (quote == '\0' && absl::ascii_isspace(c)) break;
    if (quote == '\0' && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == quote && quote != '\0') {
      quote = '\0';
    } else if (c == '\\') {
      if (++i < text.size()) word.push_back(text[i]);
    } else {
      word.push_back(c);
    }
  }
  *used = std::min(i, text.size());
  return word;
}

}  // namespace

std::pair<std::vector<std::string>, std::string> SplitFlags(absl::string_view text) {
  std::vector<std::string> flags;
  while (true) {
    text = absl::StripLeadingAsciiWhitespace(text);
    if (!absl::StartsWith(text, "--")) break;
    size_t used = 0;
    const std::string flag = TakeFlag(text, &used);
    text.remove_prefix(used);
    if (flag == "--") {
      text = absl::StripLeadingAsciiWhitespace(text);
      break;
    }
    flags.push_back(flag.size() < 2 ? flag : flag.substr(2));
  }
  return {std::move(flags), std::string(text)};
}

std::vector<std::string> SplitQuoted(absl::string_view text, char escape) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = '\0';
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote == '\0' && absl::ascii_isspace(c)) {
      if (in_word) words.push_back(std::move(word));
      word.clear();
      in_word = false;
      continue;
    }
    in_word = true;
    if (quote == '\0' && (c == '\'' || c == '"')) {
      quote = c;
    } else if (quote != '\0' && c == quote) {
      quote = '\0';
    } else if (c == escape && quote != '\'') {
      if (i + 1 == text.size()) continue;  // Nothing to escape.
      word.push_back(c);
      ++i;
    }
    word.push_back(text[i]);
  }
  if (in_word && !word.empty()) words.push_back(std::move(word));
  return words;
}

std::vector<std::string> SplitBlanks(absl::string_view text) {
  return absl::StrSplit(text, absl::ByAnyChar(" \t\r\n\v\f"), absl::SkipEmpty());
}

absl::StatusOr<std::optional<std::vector<std::string>>> ReadList(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  if (!absl::StartsWith(text, "[")) return std::nullopt;
  const absl::StatusOr<nlohmann::json> json = oci::ParseJson(text);
  if (!json.ok() || !json->is_array()) return std::nullopt;
  std::vector<std::string> list;
  for (const nlohmann::json& item : *json) {
    if (!item.is_string()) {
      return absl::InvalidArgumentError(absl::StrCat("item ", list.size() + 1,
                                                     " of the JSON list is ", item.type_name(),
                                                     "; a list here holds texts only"));
    }
    list.push_back(item.get<std::string>());
  }
  return list;
}

}  // namespace stevedore::worker::dockerfile
