#include "worker/drivers/dockerfile/expand.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace stevedore::worker::dockerfile {
namespace {

// ${a:-${b:-...}} nests; a hostile file must not use up the stack.
constexpr int kMaxDepth = 64;

// Text and, beside it, the words that it falls into.
class Output {
 public:
  // Letters that may be blanks between words.
  void Add(absl::string_view text) {
    text_.append(text.data(), text.size());
    for (const char c : text) {
      if (absl::ascii_isspace(c)) {
        EndWord();
      } else {
        word_.push_back(c);
        in_word_ = true;
      }
    }
  }
  // Quoted or escaped: blanks belong to the word, and an empty text is a word too.
  void AddRaw(absl::string_view text) {
    text_.append(text.data(), text.size());
    word_.append(text.data(), text.size());
    in_word_ = true;
  }
  std::string TakeText() { return std::move(text_); }
  std::vector<std::string> TakeWords() {
    EndWord();
    return std::move(words_);
  }

 private:
  void EndWord() {
    if (!in_word_) return;
    words_.push_back(std::move(word_));
    word_.clear();
    in_word_ = false;
  }

  std::string text_;
  std::string word_;
  bool in_word_ = false;
  std::vector<std::string> words_;
};

bool IsNameLetter(char c) {
  return absl::ascii_isalnum(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

bool IsSpecialParameter(char c) {
  return absl::string_view("@*#?-$!").find(c) != std::string::npos;
}

size_t LetterBytes(absl::string_view text) {
  size_t n = 1;
  while (n < text.size() && (static_cast<unsigned char>(text[n]) & 0xC0) == 0x80) ++n;
  return n;
}

std::string TrimPattern(absl::string_view pattern, absl::string_view value, bool suffix,
                        bool longest) {
  if (!suffix) {
    return std::string(value.substr(MatchPrefix(pattern, value, longest).value_or(0)));
  }
  // The suffix that matches as a whole: starts from the left for the longest one.
  for (size_t i = 0; i <= value.size(); ++i) {
    const size_t start = longest ? i : value.size() - i;
    const absl::string_view rest = value.substr(start);
    const std::optional<size_t> match = MatchPrefix(pattern, rest, /*longest=*/true);
    if (match.has_value() && *match == rest.size()) return std::string(value.substr(0, start));
  }
  return std::string(value);
}

std::string Replace(absl::string_view pattern, absl::string_view value, absl::string_view by,
                    bool all) {
  std::string out;
  size_t i = 0;
  while (i <= value.size()) {
    const std::optional<size_t> match = MatchPrefix(pattern, value.substr(i), /*longest=*/true);
    if (!match.has_value() || (*match == 0 && i == value.size() && !out.empty())) {
      if (i < value.size()) out.push_back(value[i]);
      ++i;
      continue;
    }
    absl::StrAppend(&out, by);
    if (*match == 0) {
      if (i < value.size()) out.push_back(value[i]);
      ++i;
    }
    i += *match;
    if (!all) break;
  }
  if (i < value.size()) absl::StrAppend(&out, value.substr(i));
  return out;
}

// Walks a text once. `depth` counts nested braces.
class Expander {
 public:
  Expander(absl::string_view text, Lookup lookup, const ExpandOptions& options)
      : text_(text), lookup_(lookup), options_(options) {}

  absl::Status Run(Output& out) { return Process('\0', options_.raw_escapes, out); }

 private:
  bool AtEnd() const { return position_ == text_.size(); }
  char Peek() const { return AtEnd() ? '\0' : text_[position_]; }
  absl::string_view Letter() {
    const size_t n = LetterBytes(text_.substr(position_));
    position_ += n;
    return text_.substr(position_ - n, n);
  }

  absl::Status Process(char stop, bool raw_escapes, Output& out);
  absl::Status SingleQuote(Output& out);
  absl::Status DoubleQuote(bool raw_escapes, Output& out);
  absl::StatusOr<std::string> Dollar();
  absl::StatusOr<std::string> Braces(size_t start);
  absl::StatusOr<std::string> Modified(const std::string& name, char modifier, bool null_is_unset,
                                       size_t start);
  absl::StatusOr<std::string> Replaced(const std::string& name, size_t start);
  std::string Name();
  absl::StatusOr<std::string> Until(char stop, bool raw_escapes);

  const absl::string_view text_;
  const Lookup lookup_;
  const ExpandOptions& options_;
  size_t position_ = 0;
  int depth_ = 0;
};

absl::Status Expander::Process(char stop, bool raw_escapes, Output& out) {
  while (!AtEnd()) {
    const char c = Peek();
    if (stop != '\0' && c == stop) {
      ++position_;
      return absl::OkStatus();
    }
    if (c == '$') {
      ASSIGN_OR_RETURN(const std::string value, Dollar());
      out.Add(value);
    } else if (c == '\'' && !options_.skip_quotes) {
      RETURN_IF_ERROR(SingleQuote(out));
    } else if (c == '"' && !options_.skip_quotes) {
      RETURN_IF_ERROR(DoubleQuote(raw_escapes, out));
    } else if (c == options_.escape) {
      if (raw_escapes) out.AddRaw(text_.substr(position_, 1));
      ++position_;
      if (!AtEnd()) out.AddRaw(Letter());
    } else {
      out.Add(Letter());
    }
  }
  if (stop == '\0') return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("no `", std::string(1, stop), "` ends what begins in ", base::Quoted(text_)));
}

absl::Status Expander::SingleQuote(Output& out) {
  const size_t start = position_++;
  const size_t end = text_.find('\'', position_);
  if (end == absl::string_view::npos) {
    return absl::InvalidArgumentError(absl::StrCat("no closing single quote (') for the one in ",
                                                   base::Quoted(text_.substr(start))));
  }
  position_ = end + 1;
  out.AddRaw(options_.raw_quotes ? text_.substr(start, end + 1 - start)
                                 : text_.substr(start + 1, end - start - 1));
  return absl::OkStatus();
}

absl::Status Expander::DoubleQuote(bool raw_escapes, Output& out) {
  const size_t start = position_++;
  if (options_.raw_quotes) out.AddRaw("\"");
  out.AddRaw("");
  while (!AtEnd()) {
    const char c = Peek();
    if (c == '"') {
      ++position_;
      if (options_.raw_quotes) out.AddRaw("\"");
      return absl::OkStatus();
    }
    if (c == '$') {
      ASSIGN_OR_RETURN(const std::string value, Dollar());
      out.AddRaw(value);
    } else if (c == options_.escape) {
      ++position_;
      const char next = Peek();
      const bool special = next == '"' || next == '$' || next == options_.escape;
      if (AtEnd()) break;
      // Before other letters the escape character is a letter itself.
      if (!special || raw_escapes) out.AddRaw(absl::string_view(&options_.escape, 1));
      if (special) out.AddRaw(Letter());
    } else {
      out.AddRaw(Letter());
    }
  }
  return absl::InvalidArgumentError(absl::StrCat("no closing double quote (\") for the one in ",
                                                 base::Quoted(text_.substr(start))));
}

std::string Expander::Name() {
  const size_t start = position_;
  if (absl::ascii_isdigit(Peek())) {
    while (absl::ascii_isdigit(Peek())) ++position_;
  } else if (!AtEnd() && IsSpecialParameter(Peek())) {
    ++position_;
  } else {
    while (!AtEnd() && IsNameLetter(Peek())) ++position_;
  }
  return std::string(text_.substr(start, position_ - start));
}

absl::StatusOr<std::string> Expander::Dollar() {
  const size_t start = position_++;
  if (Peek() == '{') {
    if (++depth_ > kMaxDepth) {
      return absl::InvalidArgumentError(
          absl::StrCat("variables nested deeper than ", kMaxDepth, " times"));
    }
    ++position_;
    absl::StatusOr<std::string> value = Braces(start);
    --depth_;
    return value;
  }
  const std::string name = Name();
  if (name.empty()) return std::string("$");
  std::optional<std::string> value = lookup_(name);
  if (!value.has_value() && options_.keep_unset) return absl::StrCat("$", name);
  return std::move(value).value_or("");
}

absl::StatusOr<std::string> Expander::Until(char stop, bool raw_escapes) {
  Output out;
  RETURN_IF_ERROR(Process(stop, raw_escapes, out));
  return out.TakeText();
}

absl::StatusOr<std::string> Expander::Braces(size_t start) {
  const std::string name = Name();
  if (AtEnd()) {
    return absl::InvalidArgumentError(
        absl::StrCat("no `}` ends ", base::Quoted(text_.substr(start))));
  }
  const char c = Peek();
  if (name.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("no name of a variable after `${` in ", base::Quoted(text_.substr(start))));
  }
  ++position_;
  if (c == '}') {
    std::optional<std::string> value = lookup_(name);
    if (!value.has_value() && options_.keep_unset) return absl::StrCat("${", name, "}");
    return std::move(value).value_or("");
  }
  if (c == ':') {
    const char modifier = Peek();
    if (!AtEnd()) ++position_;
    return Modified(name, modifier, /*null_is_unset=*/true, start);
  }
  if (c == '/') return Replaced(name, start);
  return Modified(name, c, /*null_is_unset=*/false, start);
}

absl::StatusOr<std::string> Expander::Modified(const std::string& name, char modifier,
                                               bool null_is_unset, size_t start) {
  const bool trims = !null_is_unset && (modifier == '#' || modifier == '%');
  if (!trims && modifier != '-' && modifier != '+' && modifier != '?') {
    return absl::InvalidArgumentError(absl::StrCat(
        "unknown modifier ",
        base::Quoted(absl::StrCat(null_is_unset ? ":" : "", std::string(1, modifier))), " in ",
        base::Quoted(text_.substr(start)), "; there are :- - :+ + :? ? # ## % %% / and //"));
  }
  ASSIGN_OR_RETURN(const std::string word, Until('}', trims || options_.raw_escapes));
  const std::optional<std::string> value = lookup_(name);
  const bool set = value.has_value() && !(null_is_unset && value->empty());
  switch (modifier) {
    case '-':
      return set ? *value : word;
    case '+':
      return set ? word : "";
    case '?':
      if (set) return *value;
      return absl::InvalidArgumentError(
          absl::StrCat("variable ", name, ": ", word.empty() ? "is not set" : word));
    default:
      break;
  }
  const bool longest = !word.empty() && word[0] == modifier;
  const absl::string_view pattern = absl::string_view(word).substr(longest ? 1 : 0);
  return TrimPattern(pattern, value.value_or(""), modifier == '%', longest);
}

absl::StatusOr<std::string> Expander::Replaced(const std::string& name, size_t start) {
  const bool all = Peek() == '/';
  if (all) ++position_;
  ASSIGN_OR_RETURN(const std::string pattern, Until('/', /*raw_escapes=*/true));
  ASSIGN_OR_RETURN(const std::string by, Until('}', /*raw_escapes=*/false));
  const std::optional<std::string> value = lookup_(name);
  if (!value.has_value() && options_.keep_unset) {
    return std::string(text_.substr(start, position_ - start));
  }
  return Replace(pattern, value.value_or(""), by, all);
}

}  // namespace

std::optional<size_t> MatchPrefix(absl::string_view pattern, absl::string_view text, bool longest) {
  // reachable[i]: the pattern so far matches the first i bytes. One pass per letter of the pattern:
  // a hostile pattern costs a product, never an exponent.
  std::vector<bool> reachable(text.size() + 1, false);
  reachable[0] = true;
  for (size_t p = 0; p < pattern.size();) {
    std::vector<bool> next(text.size() + 1, false);
    if (pattern[p] == '*') {
      bool on = false;
      for (size_t i = 0; i <= text.size(); ++i) next[i] = on = on || reachable[i];
      ++p;
    } else {
      const bool any = pattern[p] == '?';
      if (pattern[p] == '\\' && p + 1 < pattern.size()) ++p;
      const absl::string_view letter = pattern.substr(p, LetterBytes(pattern.substr(p)));
      for (size_t i = 0; i < text.size(); ++i) {
        if (!reachable[i]) continue;
        const absl::string_view found = text.substr(i, LetterBytes(text.substr(i)));
        if (any || found == letter) next[i + found.size()] = true;
      }
      p += letter.size();
    }
    reachable = std::move(next);
  }
  if (longest) {
    for (size_t i = text.size() + 1; i-- > 0;) {
      if (reachable[i]) return i;
    }
    return std::nullopt;
  }
  const auto first = std::find(reachable.begin(), reachable.end(), true);
  if (first == reachable.end()) return std::nullopt;
  return first - reachable.begin();
}

absl::StatusOr<std::string> ExpandWord(absl::string_view word, Lookup lookup,
                                       const ExpandOptions& options) {
  Output out;
  RETURN_IF_ERROR(Expander(word, lookup, options).Run(out));
  return out.TakeText();
}

absl::StatusOr<std::vector<std::string>> ExpandWords(absl::string_view text, Lookup lookup,
                                                     const ExpandOptions& options) {
  Output out;
  RETURN_IF_ERROR(Expander(text, lookup, options).Run(out));
  return out.TakeWords();
}

}  // namespace stevedore::worker::dockerfile
