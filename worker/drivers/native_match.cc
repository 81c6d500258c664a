#include "worker/drivers/native_match.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"

namespace stevedore::worker::native {
namespace {

size_t LetterBytes(absl::string_view text) {
  size_t n = 1;
  while (n < text.size() && (static_cast<unsigned char>(text[n]) & 0xC0) == 0x80) ++n;
  return n;
}

// One letter of a class, `\x` being x; empty if there is none.
absl::string_view TakeLetter(absl::string_view* text) {
  if (absl::StartsWith(*text, "\\")) text->remove_prefix(1);
  if (text->empty()) return {};
  const absl::string_view letter = text->substr(0, LetterBytes(*text));
  text->remove_prefix(letter.size());
  return letter;
}

// Reads the class at the start of `pattern` ("[a-z]..."), and whether `letter` is in it. False in
// `*ok` if it is damaged. UTF-8 sorts as code points do, so letters compare as bytes.
bool TakeClass(absl::string_view* pattern, absl::string_view letter, bool* ok) {
  pattern->remove_prefix(1);
  const bool negated = absl::ConsumePrefix(pattern, "^");
  bool found = false;
  for (int ranges = 0;; ++ranges) {
    if (ranges > 0 && absl::ConsumePrefix(pattern, "]")) break;
    if (pattern->empty() || absl::StartsWith(*pattern, "-") || absl::StartsWith(*pattern, "]")) {
      *ok = false;
      return false;
    }
    const absl::string_view low = TakeLetter(pattern);
    absl::string_view high = low;
    if (absl::ConsumePrefix(pattern, "-")) {
      if (pattern->empty() || absl::StartsWith(*pattern, "-") || absl::StartsWith(*pattern, "]")) {
        *ok = false;
        return false;
      }
      high = TakeLetter(pattern);
    }
    if (low.empty() || high.empty()) {
      *ok = false;
      return false;
    }
    found = found || (low <= letter && letter <= high);
  }
  return found != negated;
}

// Matches the part of a pattern that has no `*` at the start of `*name`.
bool MatchChunk(absl::string_view chunk, absl::string_view* name, bool* ok) {
  absl::string_view rest = *name;
  while (!chunk.empty()) {
    const absl::string_view letter =
        rest.empty() ? absl::string_view() : rest.substr(0, LetterBytes(rest));
    bool matches = !letter.empty();
    if (chunk[0] == '[') {
      // Read to its end even without a letter: damage shows in any case.
      matches = TakeClass(&chunk, letter, ok) && matches && letter != "/";
      if (!*ok) return false;
    } else if (chunk[0] == '?') {
      matches = matches && letter != "/";
      chunk.remove_prefix(1);
    } else {
      const bool escaped = chunk[0] == '\\';
      if (escaped && chunk.size() == 1) {
        *ok = false;
        return false;
      }
      const absl::string_view wanted = TakeLetter(&chunk);
      matches = matches && letter == wanted;
    }
    if (!matches) return false;
    rest.remove_prefix(letter.size());
  }
  *name = rest;
  return true;
}

// Cuts `pattern` before its next `*`.
absl::string_view TakeChunk(absl::string_view* pattern) {
  size_t i = 0;
  bool in_class = false;
  for (; i < pattern->size(); ++i) {
    const char c = (*pattern)[i];
    if (c == '\\') {
      if (i + 1 < pattern->size()) ++i;
    } else if (c == '[') {
      in_class = true;
    } else if (c == ']') {
      in_class = false;
    } else if (c == '*' && !in_class) {
      break;
    }
  }
  const absl::string_view chunk = pattern->substr(0, i);
  pattern->remove_prefix(i);
  return chunk;
}

bool Match(absl::string_view pattern, absl::string_view name, bool* ok) {
  while (!pattern.empty()) {
    bool star = false;
    while (absl::ConsumePrefix(&pattern, "*")) star = true;
    const absl::string_view chunk = TakeChunk(&pattern);
    if (star && chunk.empty()) return !absl::StrContains(name, "/");
    absl::string_view rest = name;
    if (MatchChunk(chunk, &rest, ok) && (!rest.empty() ? !pattern.empty() : true)) {
      name = rest;
      continue;
    }
    if (!*ok) return false;
    bool found = false;
    // The first place where the chunk fits will do: what is between falls to the star.
    for (size_t i = 0; star && i < name.size() && name[i] != '/' && !found; ++i) {
      rest = name.substr(i + 1);
      if (!MatchChunk(chunk, &rest, ok)) continue;
      if (pattern.empty() && !rest.empty()) continue;
      name = rest;
      found = true;
    }
    if (!found) return false;
  }
  return name.empty();
}

// Patterns and paths cut at "/"; `**` stands for any number of parts.
bool MatchParts(const std::vector<absl::string_view>& pattern, size_t p,
                const std::vector<absl::string_view>& path, size_t n) {
  // reached[i]: the first p parts of the pattern match the first i of the path.
  std::vector<bool> reached(n + 1, false);
  reached[0] = true;
  for (size_t k = 0; k < p; ++k) {
    std::vector<bool> next(n + 1, false);
    if (pattern[k] == "**") {
      bool on = false;
      for (size_t i = 0; i <= n; ++i) next[i] = on = on || reached[i];
    } else {
      for (size_t i = 0; i < n; ++i) {
        if (reached[i] && MatchName(pattern[k], path[i])) next[i + 1] = true;
      }
    }
    reached = std::move(next);
  }
  return reached[n];
}

}  // namespace

absl::Status CheckPattern(absl::string_view pattern) {
  bool ok = true;
  for (absl::string_view rest = pattern; ok && !rest.empty();) {
    while (absl::ConsumePrefix(&rest, "*")) {
    }
    absl::string_view chunk = TakeChunk(&rest);
    // Each element by itself, whatever stands before it.
    while (ok && !chunk.empty()) {
      if (chunk[0] == '[') {
        (void)TakeClass(&chunk, "a", &ok);
      } else if (chunk == "\\") {
        ok = false;
      } else {
        (void)TakeLetter(&chunk);
      }
    }
  }
  if (ok) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "pattern ", base::Quoted(pattern),
      " is damaged: a `[` needs letters or ranges and a `]`, a `\\` a letter after it"));
}

bool MatchName(absl::string_view pattern, absl::string_view name) {
  bool ok = true;
  return Match(pattern, name, &ok) && ok;
}

bool IsExcluded(const std::vector<std::string>& patterns, absl::string_view path) {
  const std::vector<absl::string_view> parts = absl::StrSplit(path, '/', absl::SkipEmpty());
  bool excluded = false;
  for (absl::string_view pattern : patterns) {
    const bool negated = absl::ConsumePrefix(&pattern, "!");
    if (excluded != negated) continue;  // It could not change anything.
    std::vector<absl::string_view> wanted = absl::StrSplit(pattern, '/', absl::SkipEmpty());
    wanted.erase(std::remove(wanted.begin(), wanted.end(), "."), wanted.end());
    if (wanted.empty()) continue;
    for (size_t n = 1; n <= parts.size(); ++n) {
      if (!MatchParts(wanted, wanted.size(), parts, n)) continue;
      excluded = !negated;
      break;
    }
  }
  return excluded;
}

bool HasWildcard(absl::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '*' || text[i] == '?' || text[i] == '[') {
      return true;
    }
  }
  return false;
}

}  // namespace stevedore::worker::native
