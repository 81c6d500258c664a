#include "graph/template_lexer.h"

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "base/status.h"

namespace stevedore::graph::syntax {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool IsWordStart(char c) { return absl::ascii_isalpha(c) || c == '_' || (c & 0x80) != 0; }
bool IsWordPart(char c) { return IsWordStart(c) || absl::ascii_isdigit(c); }

// Walks over the text once.
class Lexer {
 public:
  explicit Lexer(absl::string_view text) : text_(text) {}

  absl::StatusOr<std::vector<Token>> Run() {
    while (true) {
      const size_t open = text_.find("{{", at_);
      const bool found = open != absl::string_view::npos;
      absl::string_view between = text_.substr(at_, found ? open - at_ : text_.size() - at_);
      if (trim_next_) between = absl::StripLeadingAsciiWhitespace(between);
      size_t inside = open + 2;
      const bool trims =
          found && inside + 1 < text_.size() && text_[inside] == '-' && IsBlank(text_[inside + 1]);
      if (trims) {
        between = absl::StripTrailingAsciiWhitespace(between);
        inside += 1;
      }
      if (!between.empty()) Push(Token::Kind::kText, std::string(between));
      if (!found) break;
      at_ = inside;
      trim_next_ = false;
      RETURN_IF_ERROR(Action(open));
    }
    at_ = text_.size();
    Push(Token::Kind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  void Push(Token::Kind kind, std::string text) {
    tokens_.push_back({.kind = kind,
                       .text = std::move(text),
                       .value = {},
                       .offset = token_start_,
                       .after_blank = blank_});
    blank_ = false;
  }

  absl::string_view Rest() const { return text_.substr(at_); }

  absl::Status Action(size_t open) {
    token_start_ = open;
    size_t comment = at_;
    while (comment < text_.size() && IsBlank(text_[comment])) ++comment;
    if (absl::StartsWith(text_.substr(comment), "/*")) return Comment(comment);
    Push(Token::Kind::kOpen, "{{");
    int parentheses = 0;
    while (true) {
      blank_ = false;
      while (at_ < text_.size() && IsBlank(text_[at_])) {
        ++at_;
        blank_ = true;
      }
      token_start_ = at_;
      if (blank_ && absl::StartsWith(Rest(), "-}}")) {
        ++at_;
        trim_next_ = true;
      }
      if (absl::StartsWith(Rest(), "}}")) {
        if (parentheses != 0) return ErrorAt(at_, "a `(` is not closed");
        at_ += 2;
        Push(Token::Kind::kClose, "}}");
        return absl::OkStatus();
      }
      if (at_ >= text_.size()) {
        return ErrorAt(open, "this `{{` is never closed; add `}}`");
      }
      RETURN_IF_ERROR(Word());
      if (tokens_.back().kind != Token::Kind::kSymbol) continue;
      if (tokens_.back().text == "(") ++parentheses;
      if (tokens_.back().text == ")" && --parentheses < 0) {
        return ErrorAt(token_start_, "this `)` closes nothing");
      }
    }
  }

  absl::Status Comment(size_t begin) {
    const size_t end = text_.find("*/", begin + 2);
    if (end == absl::string_view::npos) {
      return ErrorAt(begin, "this comment is never closed; add `*/}}`");
    }
    at_ = end + 2;
    const bool blank = at_ < text_.size() && IsBlank(text_[at_]);
    while (at_ < text_.size() && IsBlank(text_[at_])) ++at_;
    if (blank && absl::StartsWith(Rest(), "-}}")) {
      at_ += 3;
      trim_next_ = true;
      return absl::OkStatus();
    }
    if (!absl::StartsWith(Rest(), "}}")) return ErrorAt(at_, "a comment must end with `*/}}`");
    at_ += 2;
    return absl::OkStatus();
  }

  absl::Status Word() {
    const char c = text_[at_];
    const char next = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
    if (c == '"' || c == '`') return String(c);
    if (c == '\'') return Character();
    if (absl::ascii_isdigit(c) || (c == '.' && absl::ascii_isdigit(next)) ||
        ((c == '-' || c == '+') && (absl::ascii_isdigit(next) || next == '.'))) {
      return Number();
    }
    if (c == '.') {
      ++at_;
      const std::string name = Name();
      Push(name.empty() ? Token::Kind::kDot : Token::Kind::kField, name);
      return absl::OkStatus();
    }
    if (c == '$') {
      ++at_;
      Push(Token::Kind::kVariable, "$" + Name());
      return absl::OkStatus();
    }
    if (IsWordStart(c)) {
      Push(Token::Kind::kWord, Name());
      return absl::OkStatus();
    }
    if (c == ':' && next == '=') {
      at_ += 2;
      Push(Token::Kind::kSymbol, ":=");
      return absl::OkStatus();
    }
    if (c == '|' || c == '(' || c == ')' || c == ',' || c == '=') {
      ++at_;
      Push(Token::Kind::kSymbol, std::string(1, c));
      return absl::OkStatus();
    }
    return ErrorAt(
        at_, absl::StrCat("unexpected ", base::Quoted(text_.substr(at_, 1)), " in an action"));
  }

  std::string Name() {
    const size_t begin = at_;
    while (at_ < text_.size() && IsWordPart(text_[at_])) ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }

  void PushLiteral(TemplateValue value) {
    Push(Token::Kind::kLiteral, "");
    tokens_.back().text = std::string(text_.substr(token_start_, at_ - token_start_));
    tokens_.back().value = std::move(value);
  }

  absl::Status String(char quote) {
    std::string value;
    ++at_;
    while (at_ < text_.size() && text_[at_] != quote) {
      if (quote == '"' && text_[at_] == '\n') break;
      if (quote == '"' && text_[at_] == '\\') {
        RETURN_IF_ERROR(Escape(&value));
      } else {
        value.push_back(text_[at_++]);
      }
    }
    if (at_ >= text_.size() || text_[at_] != quote) {
      return ErrorAt(token_start_, "this text is never closed; add the second quote");
    }
    ++at_;
    PushLiteral(TemplateValue::String(std::move(value)));
    return absl::OkStatus();
  }

  absl::Status Escape(std::string* out) {
    const size_t begin = at_++;
    const char c = at_ < text_.size() ? text_[at_++] : '\0';
    static constexpr absl::string_view kNames = "abfnrtv\\'\"";
    static constexpr absl::string_view kBytes = "\a\b\f\n\r\t\v\\'\"";
    if (const size_t i = kNames.find(c); i != absl::string_view::npos) {
      out->push_back(kBytes[i]);
      return absl::OkStatus();
    }
    const bool octal = c >= '0' && c <= '7';
    const size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : octal ? 3 : 0;
    if (octal) --at_;
    const std::string number(text_.substr(at_, digits));
    char* end = nullptr;
    const uint64_t rune = std::strtoul(number.c_str(), &end, octal ? 8 : 16);
    const bool byte = c == 'x' || octal;
    const bool good = digits > 0 && number.size() == digits && *end == '\0' &&
                      absl::ascii_isxdigit(number[0]) && rune <= (byte ? 0xFF : 0x10FFFF) &&
                      (byte || rune < 0xD800 || rune > 0xDFFF);
    if (!good) return ErrorAt(begin, "no such escape; known are \\n \\t \\\" \\\\ \\xNN \\uNNNN");
    at_ += digits;
    if (byte) {
      out->push_back(rune);
    } else {
      AppendUtf8(out, rune);
    }
    return absl::OkStatus();
  }

  absl::Status Character() {
    ++at_;
    std::string value;
    while (at_ < text_.size() && text_[at_] != '\'' && value.size() < 8) {
      if (text_[at_] == '\\') {
        RETURN_IF_ERROR(Escape(&value));
      } else {
        value.push_back(text_[at_++]);
      }
    }
    const bool one = value.size() == 1 || (value.size() <= 4 && !value.empty() &&
                                           (static_cast<unsigned char>(value[0]) >= 0xC0));
    if (at_ >= text_.size() || text_[at_] != '\'' || !one) {
      return ErrorAt(token_start_, "a character is one letter in '...'; texts are in \"...\"");
    }
    ++at_;
    const unsigned char lead = value[0];
    uint32_t rune = lead;
    if (lead >= 0xC0) {
      rune = lead & (0x3F >> (value.size() - 1));
      for (size_t i = 1; i < value.size(); ++i) rune = rune << 6 | (value[i] & 0x3F);
    }
    PushLiteral(TemplateValue::Int(rune));
    return absl::OkStatus();
  }

  absl::Status Number() {
    const size_t begin = at_++;
    while (
        at_ < text_.size() &&
        (absl::ascii_isalnum(text_[at_]) || text_[at_] == '.' || text_[at_] == '_' ||
         ((text_[at_] == '+' || text_[at_] == '-') && absl::ascii_tolower(text_[at_ - 1]) == 'e' &&
          !absl::StrContains(text_.substr(begin, at_ - begin), 'x')))) {
      ++at_;
    }
    const absl::string_view raw = text_.substr(begin, at_ - begin);
    const std::string digits = absl::StrReplaceAll(raw, {{"_", ""}});
    absl::string_view body = digits;
    const bool negative = absl::ConsumePrefix(&body, "-");
    if (!negative) absl::ConsumePrefix(&body, "+");
    int number_base = 10;
    if (absl::ConsumePrefix(&body, "0x") || absl::ConsumePrefix(&body, "0X")) {
      number_base = 16;
    } else if (absl::ConsumePrefix(&body, "0b") || absl::ConsumePrefix(&body, "0B")) {
      number_base = 2;
    } else if (absl::ConsumePrefix(&body, "0o") || absl::ConsumePrefix(&body, "0O") ||
               (body.size() > 1 && body[0] == '0' &&
                body.find_first_not_of("01234567") == absl::string_view::npos)) {
      number_base = 8;
    }
    const std::string whole(body);
    char* end = nullptr;
    errno = 0;
    const int64_t integer = std::strtoll(whole.c_str(), &end, number_base);
    if (!whole.empty() && absl::ascii_isxdigit(whole[0]) && *end == '\0' && errno == 0) {
      PushLiteral(TemplateValue::Int(negative ? -integer : integer));
      return absl::OkStatus();
    }
    double real = 0;
    if (number_base == 10 && absl::SimpleAtod(digits, &real)) {
      PushLiteral(TemplateValue::Float(real));
      return absl::OkStatus();
    }
    return ErrorAt(begin, absl::StrCat("bad number ", base::Quoted(raw)));
  }

  const absl::string_view text_;
  size_t at_ = 0;
  size_t token_start_ = 0;
  bool blank_ = false;
  bool trim_next_ = false;  // The text after the action loses its leading blanks.
  std::vector<Token> tokens_;
};

}  // namespace

void AppendUtf8(std::string* out, uint32_t rune) {
  if (rune < 0x80) {
    out->push_back(rune);
  } else if (rune < 0x800) {
    out->push_back(0xC0 | (rune >> 6));
    out->push_back(0x80 | (rune & 0x3F));
  } else if (rune < 0x10000) {
    out->push_back(0xE0 | (rune >> 12));
    out->push_back(0x80 | ((rune >> 6) & 0x3F));
    out->push_back(0x80 | (rune & 0x3F));
  } else {
    out->push_back(0xF0 | (rune >> 18));
    out->push_back(0x80 | ((rune >> 12) & 0x3F));
    out->push_back(0x80 | ((rune >> 6) & 0x3F));
    out->push_back(0x80 | (rune & 0x3F));
  }
}

absl::StatusOr<std::vector<Token>> Tokenize(absl::string_view text) { return Lexer(text).Run(); }

absl::Status ErrorAt(size_t offset, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("column ", offset + 1, ": ", what));
}

}  // namespace stevedore::graph::syntax
