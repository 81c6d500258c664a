#include "context/ignore_rules.h"

#include <re2/re2.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/hash.h"
#include "base/status.h"

namespace stevedore::context {
namespace {

constexpr size_t kMaxBytes = 1 << 20;
constexpr size_t kMaxPatterns = 10000;

// Go's filepath.Clean for slashes.
std::string Clean(absl::string_view path) {
  const bool rooted = absl::StartsWith(path, "/");
  std::vector<absl::string_view> parts;
  for (absl::string_view part : absl::StrSplit(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == ".." && !parts.empty() && parts.back() != "..") {
      parts.pop_back();
    } else if (part != ".." || !rooted) {
      parts.push_back(part);
    }
  }
  const std::string joined = absl::StrJoin(parts, "/");
  if (rooted) return "/" + joined;
  return joined.empty() ? "." : joined;
}

// One character of a bracket, as filepath.Match reads it. False if there is none.
bool TakeBracketCharacter(absl::string_view* rest) {
  if (rest->empty() || rest->front() == '-' || rest->front() == ']') return false;
  if (rest->front() == '\\') {
    rest->remove_prefix(1);
    if (rest->empty()) return false;
  }
  rest->remove_prefix(1);
  return !rest->empty();  // A bracket must be closed.
}

bool TakeBracket(absl::string_view* rest) {
  rest->remove_prefix(1);
  absl::ConsumePrefix(rest, "^");
  for (int ranges = 0;; ++ranges) {
    if (ranges > 0 && absl::ConsumePrefix(rest, "]")) return true;
    if (!TakeBracketCharacter(rest)) return false;
    if (absl::ConsumePrefix(rest, "-") && !TakeBracketCharacter(rest)) return false;
  }
}

// What is wrong with a pattern by the rules of filepath.Match; empty: nothing.
absl::string_view SyntaxError(absl::string_view pattern) {
  while (!pattern.empty()) {
    if (pattern.front() == '[') {
      if (!TakeBracket(&pattern)) return "a bracket that is empty, not closed, or has a bad range";
      continue;
    }
    if (pattern.front() == '\\') {
      pattern.remove_prefix(1);
      if (pattern.empty()) return "a backslash at the end";
    }
    pattern.remove_prefix(1);
  }
  return "";
}

}  // namespace

absl::StatusOr<IgnoreRules::Pattern> IgnoreRules::Compile(std::string text) {
  Pattern pattern;
  if (text[0] == '!') {
    if (text.size() == 1) return absl::InvalidArgumentError("a `!` with nothing behind it");
    pattern.exception = true;
    text.erase(0, 1);
  }
  if (const absl::string_view error = SyntaxError(text); !error.empty()) {
    return absl::InvalidArgumentError(error);
  }
  // The translation is Docker's, step by step, so that odd patterns mean here what they mean there.
  std::string regex = "^";
  bool first = true;
  for (absl::string_view rest = text; !rest.empty(); first = false) {
    const char c = rest.front();
    rest.remove_prefix(1);
    if (c == '*' && absl::ConsumePrefix(&rest, "*")) {
      absl::ConsumePrefix(&rest, "/");
      if (rest.empty()) {
        if (pattern.match == Match::kExact) {
          pattern.match = Match::kPrefix;
        } else {
          regex += ".*";
          pattern.match = Match::kRegex;
        }
      } else {
        regex += "(.*/)?";
        pattern.match = Match::kRegex;
      }
      if (first) pattern.match = Match::kSuffix;
    } else if (c == '*' || c == '?') {
      regex += c == '*' ? "[^/]*" : "[^/]";
      pattern.match = Match::kRegex;
    } else if (absl::StrContains(".+()|{}$", c)) {
      regex += '\\';
      regex += c;
    } else if (c == '\\') {
      regex += '\\';
      if (!rest.empty()) {
        regex += rest.front();
        rest.remove_prefix(1);
        pattern.match = Match::kRegex;
      }
    } else {
      regex += c;
      if (c == '[' || c == ']') pattern.match = Match::kRegex;
    }
  }
  if (pattern.match == Match::kRegex) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    auto compiled = std::make_shared<const re2::RE2>(regex + "$", options);
    if (!compiled->ok()) return absl::InvalidArgumentError(compiled->error());
    pattern.regex = std::move(compiled);
  }
  pattern.text = std::move(text);
  return pattern;
}

absl::StatusOr<IgnoreRules> IgnoreRules::Parse(absl::string_view text, absl::string_view name) {
  if (text.size() > kMaxBytes) {
    return absl::ResourceExhaustedError(absl::StrCat(
        name, " has ", text.size(), " bytes; an ignore file may have at most ", kMaxBytes));
  }
  absl::ConsumePrefix(&text, "\xEF\xBB\xBF");
  IgnoreRules rules;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    if (absl::StartsWith(line, "#")) continue;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty()) continue;
    const bool exception = absl::ConsumePrefix(&line, "!");
    line = absl::StripAsciiWhitespace(line);
    std::string pattern = line.empty() ? "" : Clean(line);
    if (pattern.size() > 1 && pattern[0] == '/') pattern.erase(0, 1);
    absl::StatusOr<Pattern> compiled = Compile(exception ? "!" + pattern : pattern);
    if (!compiled.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, ":", number, ": the pattern ", base::Quoted(line), " has ",
                       compiled.status().message(),
                       "; a letter that is meant as itself is written \\[, \\* or \\?"));
    }
    rules.patterns_.push_back(*std::move(compiled));
    if (rules.patterns_.size() > kMaxPatterns) {
      return absl::ResourceExhaustedError(
          absl::StrCat(name, ":", number, ": more than ", kMaxPatterns, " patterns"));
    }
  }
  return rules;
}

void IgnoreRules::AlwaysKeep(absl::string_view path) { kept_.insert(std::string(path)); }

bool IgnoreRules::Matches(const Pattern& pattern, absl::string_view path) {
  const absl::string_view text = pattern.text;
  switch (pattern.match) {
    case Match::kExact:
      return path == text;
    case Match::kPrefix:
      return absl::StartsWith(path, absl::StripSuffix(absl::StripSuffix(text, "/"), "**"));
    case Match::kSuffix: {
      const absl::string_view suffix = text.substr(2);
      return absl::EndsWith(path, suffix) ||
             (!suffix.empty() && path == suffix.substr(1) && suffix.front() == '/');
    }
    case Match::kRegex:
      return re2::RE2::FullMatch(re2::StringPiece(path.data(), path.size()), *pattern.regex);
  }
  return false;
}

bool IgnoreRules::MatchesWithAncestors(const Pattern& pattern, absl::string_view path) {
  switch (pattern.match) {
    case Match::kExact:
      return absl::StartsWith(path, pattern.text) &&
             (path.size() == pattern.text.size() || path[pattern.text.size()] == '/');
    case Match::kPrefix:
      return Matches(pattern, path);  // An ancestor that begins with it is a beginning of `path`.
    default:
      break;
  }
  if (Matches(pattern, path)) return true;
  for (size_t at = path.find('/'); at != absl::string_view::npos; at = path.find('/', at + 1)) {
    if (Matches(pattern, path.substr(0, at))) return true;
  }
  return false;
}

bool IgnoreRules::Ignores(absl::string_view path) const {
  if (kept_.find(path) != kept_.end()) return false;
  bool ignored = false;
  for (const Pattern& pattern : patterns_) {
    if (pattern.exception == ignored && MatchesWithAncestors(pattern, path)) {
      ignored = !pattern.exception;
    }
  }
  return ignored;
}

bool IgnoreRules::MayKeepBelow(absl::string_view directory) const {
  const std::string prefix = absl::StrCat(directory, "/");
  const auto below = [&](absl::string_view text) { return absl::StartsWith(text, prefix); };
  for (const Pattern& pattern : patterns_) {
    if (pattern.exception && below(absl::StrCat(pattern.text, "/"))) return true;
  }
  return std::any_of(kept_.begin(), kept_.end(), below);
}

std::string IgnoreRules::Identity() const {
  if (empty()) return "";
  std::string all;
  for (const Pattern& pattern : patterns_) {
    absl::StrAppend(&all, pattern.exception ? "!" : "", pattern.text, "\n");
  }
  for (const std::string& path : kept_) absl::StrAppend(&all, "\n", path);
  return base::Sha256Hex(all);
}

}  // namespace stevedore::context
