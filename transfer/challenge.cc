#include "transfer/challenge.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace stevedore::transfer {
namespace {

constexpr size_t kLimitBytes = 16 << 10;

bool IsTokenChar(char c) {
  return absl::ascii_isalnum(c) || absl::StrContains("!#$%&'*+-.^_`|~", c);
}
bool IsToken68Char(char c) { return absl::ascii_isalnum(c) || absl::StrContains("-._~+/", c); }

class Parser {
 public:
  explicit Parser(absl::string_view text) : text_(text) {}

  absl::StatusOr<std::vector<Challenge>> Parse() {
    while (true) {
      SkipListGlue();
      if (AtEnd()) return std::move(challenges_);
      const size_t start = position_;
      std::string name = absl::AsciiStrToLower(TakeToken());
      if (name.empty()) return Bad("a scheme or parameter name is missing");
      if (TakeEquals()) {
        if (challenges_.empty() || !challenges_.back().token68.empty()) {
          position_ = start;
          return Bad("a parameter without a scheme");
        }
        RETURN_IF_ERROR(TakeValue(std::move(name)));
      } else {
        challenges_.push_back(Challenge{std::move(name), "", {}});
        TakeToken68();
        RETURN_IF_ERROR(ExpectSeparator(start));
      }
    }
  }

 private:
  bool AtEnd() const { return position_ == text_.size(); }
  char Peek() const { return AtEnd() ? '\0' : text_[position_]; }
  bool SkipBlanks() {
    const size_t start = position_;
    while (Peek() == ' ' || Peek() == '\t') ++position_;
    return position_ > start;
  }
  void SkipListGlue() {
    while (SkipBlanks() || Peek() == ',') {
      if (Peek() == ',') ++position_;
    }
  }
  absl::Status Bad(absl::string_view why) const {
    return absl::InvalidArgumentError(
        absl::StrCat("WWW-Authenticate ", base::Quoted(text_), " at byte ", position_, ": ", why));
  }

  absl::string_view TakeToken() {
    const size_t start = position_;
    while (!AtEnd() && IsTokenChar(Peek())) ++position_;
    return text_.substr(start, position_ - start);
  }

  // Takes `=` with blanks around it, or nothing.
  bool TakeEquals() {
    const size_t start = position_;
    SkipBlanks();
    if (Peek() != '=') {
      position_ = start;
      return false;
    }
    ++position_;
    SkipBlanks();
    return true;
  }

  // After a scheme: "abc==" if that, and not a parameter, follows.
  void TakeToken68() {
    const size_t start = position_;
    if (!SkipBlanks()) return;
    const size_t from = position_;
    while (!AtEnd() && IsToken68Char(Peek())) ++position_;
    const bool any = position_ > from;
    while (Peek() == '=') ++position_;
    const size_t to = position_;
    SkipBlanks();
    if (any && (AtEnd() || Peek() == ',')) {
      challenges_.back().token68 = std::string(text_.substr(from, to - from));
    } else {
      position_ = start;
    }
  }

  // A scheme ends with the value, a comma, or a blank before its first parameter.
  absl::Status ExpectSeparator(size_t start) {
    if (AtEnd() || Peek() == ',' || Peek() == ' ' || Peek() == '\t') return absl::OkStatus();
    return Bad(absl::StrCat("unexpected character after ",
                            base::Quoted(text_.substr(start, position_ - start))));
  }

  absl::Status TakeValue(std::string name) {
    std::string value;
    if (Peek() == '"') {
      ++position_;
      while (Peek() != '"') {
        if (Peek() == '\\') ++position_;
        if (AtEnd()) return Bad("a quoted text does not end");
        value += text_[position_++];
        if (AtEnd()) return Bad("a quoted text does not end");
      }
      ++position_;
    } else {
      value = std::string(TakeToken());
      if (value.empty())
        return Bad(absl::StrCat("parameter ", base::Quoted(name), " has no value"));
    }
    // The first one counts: a repeated parameter must not override it.
    challenges_.back().parameters.emplace(std::move(name), std::move(value));
    SkipBlanks();
    if (!AtEnd() && Peek() != ',') return Bad("a comma is missing between parameters");
    return absl::OkStatus();
  }

  const absl::string_view text_;
  size_t position_ = 0;
  std::vector<Challenge> challenges_;
};

}  // namespace

std::string Challenge::Get(const std::string& name) const {
  const auto it = parameters.find(name);
  return it == parameters.end() ? "" : it->second;
}

absl::StatusOr<std::vector<Challenge>> ParseChallenges(absl::string_view header) {
  if (header.size() > kLimitBytes) {
    return absl::InvalidArgumentError(absl::StrCat("WWW-Authenticate of ", header.size(),
                                                   " bytes; at most ", kLimitBytes, " are read"));
  }
  return Parser(header).Parse();
}

}  // namespace stevedore::transfer
