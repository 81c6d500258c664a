#include "graph/import/compose_values.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"

namespace stevedore::graph {
namespace {

// Of ${A:-${B:-...}}: expanding recurses.
constexpr int kMaxDepth = 20;

bool IsNameStart(char c) { return absl::ascii_isalpha(c) || c == '_'; }
bool IsNamePart(char c) { return IsNameStart(c) || absl::ascii_isdigit(c); }

size_t NameEnd(absl::string_view text, size_t begin) {
  size_t end = begin;
  if (end < text.size() && IsNameStart(text[end])) {
    while (end < text.size() && IsNamePart(text[end])) ++end;
  }
  return end;
}

absl::Status Wrong(const std::string& place, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(place, ": ", what));
}

// Where the `}` of a `${` is whose inside begins at `begin`; npos if there is none.
size_t ClosingBrace(absl::string_view text, size_t begin) {
  int open = 1;
  for (size_t i = begin; i < text.size(); ++i) {
    if (text[i] == '$' && i + 1 < text.size() && (text[i + 1] == '{' || text[i + 1] == '$')) {
      open += text[i + 1] == '{';
      ++i;
    } else if (text[i] == '}' && --open == 0) {
      return i;
    }
  }
  return absl::string_view::npos;
}

// The value of one line of an .env file behind the `=`.
absl::StatusOr<std::string> EnvValue(absl::string_view text, const std::string& place) {
  text = absl::StripAsciiWhitespace(text);
  if (text.empty()) return "";
  const char quote = text[0];
  if (quote != '"' && quote != '\'') {
    for (size_t i = 0; i < text.size(); ++i) {
      const bool comment = text[i] == '#' && (i == 0 || absl::ascii_isspace(text[i - 1]));
      if (comment) return std::string(absl::StripAsciiWhitespace(text.substr(0, i)));
    }
    return std::string(text);
  }
  std::string value;
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == quote) return value;
    if (quote == '"' && text[i] == '\\' && i + 1 < text.size()) {
      ++i;
      value += text[i] == 'n' ? '\n' : text[i] == 't' ? '\t' : text[i] == 'r' ? '\r' : text[i];
      continue;
    }
    value += text[i];
  }
  return Wrong(place, "a quote is not closed; texts of several lines are not supported");
}

}  // namespace

absl::StatusOr<std::map<std::string, std::string>> ParseEnvFile(const std::string& file,
                                                                absl::string_view text) {
  std::map<std::string, std::string> variables;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::string place = absl::StrCat(file, ":", ++number);
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line[0] == '#') continue;
    if (absl::ConsumePrefix(&line, "export ")) line = absl::StripLeadingAsciiWhitespace(line);
    const size_t end = NameEnd(line, 0);
    const absl::string_view rest = absl::StripLeadingAsciiWhitespace(line.substr(end));
    const bool assigns = absl::StartsWith(rest, "=") || absl::StartsWith(rest, ":");
    if (end == 0 || (!rest.empty() && !assigns)) {
      return Wrong(place, absl::StrCat("a line must be NAME=VALUE, found ", base::Quoted(line)));
    }
    if (rest.empty()) continue;  // The name alone: from the environment.
    ASSIGN_OR_RETURN(variables[std::string(line.substr(0, end))], EnvValue(rest.substr(1), place));
  }
  return variables;
}

absl::StatusOr<std::string> Interpolation::Apply(absl::string_view text, const std::string& place) {
  return Expand(text, place, 0);
}

absl::Status Interpolation::Apply(ImportValue* value) {
  if (value->is_text()) {
    ASSIGN_OR_RETURN(value->text, Apply(value->text, value->place));
  }
  for (ImportValue& item : value->items) RETURN_IF_ERROR(Apply(&item));
  for (auto& [name, member] : value->members) RETURN_IF_ERROR(Apply(&member));
  return absl::OkStatus();
}

std::string Interpolation::Value(const std::string& name, const std::string& place) {
  const auto found = variables_.find(name);
  if (found != variables_.end()) return found->second;
  if (mentioned_.insert(name).second) {
    notes_.push_back({place, absl::StrCat("variable ", name,
                                          " is not set and taken as empty; set it and import "
                                          "again, or write ${",
                                          name, ":-DEFAULT}")});
  }
  return "";
}

absl::StatusOr<std::string> Interpolation::Expand(absl::string_view text, const std::string& place,
                                                  int depth) {
  if (depth > kMaxDepth) {
    return Wrong(place, absl::StrCat("variables nested deeper than ", kMaxDepth));
  }
  std::string out;
  for (size_t at = 0; at < text.size();) {
    if (text[at] != '$') {
      out += text[at++];
      continue;
    }
    ++at;
    if (at < text.size() && text[at] == '$') {
      out += '$';
      ++at;
      continue;
    }
    if (at < text.size() && text[at] == '{') {
      ++at;
      ASSIGN_OR_RETURN(const std::string value, Braced(text, &at, place, depth));
      out += value;
      continue;
    }
    const size_t end = NameEnd(text, at);
    if (end == at) {
      return Wrong(place, absl::StrCat("`$` in ", base::Quoted(text),
                                       " begins no variable; write `$$` for a dollar sign"));
    }
    out += Value(std::string(text.substr(at, end - at)), place);
    at = end;
  }
  return out;
}

absl::StatusOr<std::string> Interpolation::Braced(absl::string_view text, size_t* at,
                                                  const std::string& place, int depth) {
  const size_t close = ClosingBrace(text, *at);
  if (close == absl::string_view::npos) {
    return Wrong(place, absl::StrCat("`${` in ", base::Quoted(text), " is not closed; add `}`"));
  }
  const absl::string_view inside = text.substr(*at, close - *at);
  *at = close + 1;
  const size_t end = NameEnd(inside, 0);
  const std::string name(inside.substr(0, end));
  absl::string_view rest = inside.substr(end);
  if (!name.empty() && rest.empty()) return Value(name, place);
  const bool empty_counts = absl::ConsumePrefix(&rest, ":");
  const char operation = rest.empty() ? '\0' : rest[0];
  if (name.empty() || (operation != '-' && operation != '?' && operation != '+')) {
    return Wrong(place, absl::StrCat("cannot make sense of ${", inside,
                                     "}; known are ${NAME}, ${NAME:-default}, ${NAME:?message} "
                                     "and ${NAME:+other}"));
  }
  rest.remove_prefix(1);
  const auto found = variables_.find(name);
  const bool set = found != variables_.end() && !(empty_counts && found->second.empty());
  if (operation == '+') return set ? Expand(rest, place, depth + 1) : std::string();
  if (set) return found->second;
  if (operation == '-') return Expand(rest, place, depth + 1);
  return Wrong(place, absl::StrCat("variable ", name, " must be set",
                                   rest.empty() ? "" : absl::StrCat(": ", rest)));
}

}  // namespace stevedore::graph
