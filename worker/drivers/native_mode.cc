#include "worker/drivers/native_mode.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"

namespace stevedore::worker::native {
namespace {

constexpr uint32_t kAllBits = 07777;

uint32_t ClassMask(char c) {
  switch (c) {
    case 'u':
      return 04700;
    case 'g':
      return 02070;
    case 'o':
      return 01007;
    case 'a':
      return kAllBits;
    default:
      return 0;
  }
}

absl::Status Wrong(absl::string_view text) {
  return absl::InvalidArgumentError(
      absl::StrCat("--chmod=", text, " is no mode; write octal digits (755) or symbols as chmod ",
                   "takes them (u=rwX,go=rX)"));
}

// The three permission bits of a class, for all classes.
uint32_t Spread(uint32_t mode, char from) {
  const int shift = from == 'u' ? 6 : from == 'g' ? 3 : 0;
  const uint32_t bits = (mode >> shift) & 7;
  return bits << 6 | bits << 3 | bits;
}

}  // namespace

absl::StatusOr<ModeChange> ModeChange::Parse(absl::string_view text) {
  ModeChange change;
  if (!text.empty() && text.find_first_not_of("01234567") == absl::string_view::npos) {
    for (const char c : text.substr(0, 8)) change.mode_ = change.mode_ * 8 + (c - '0');
    if (change.mode_ > kAllBits || text.size() > 8) return Wrong(text);
    change.octal_ = true;
    return change;
  }
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    const absl::StatusOr<Clause> clause = ParseClause(part);
    if (!clause.ok()) return Wrong(text);
    change.clauses_.push_back(*clause);
  }
  return change;
}

absl::StatusOr<ModeChange::Clause> ModeChange::ParseClause(absl::string_view text) {
  Clause clause;
  size_t i = 0;
  for (; i < text.size() && ClassMask(text[i]) != 0; ++i) clause.classes |= ClassMask(text[i]);
  if (i == 0) clause.classes = kAllBits;
  if (i == text.size() || absl::string_view("+-=").find(text[i]) == absl::string_view::npos) {
    return absl::InvalidArgumentError("no operation");
  }
  clause.operation = text[i++];
  for (; i < text.size(); ++i) {
    switch (text[i]) {
      case 'r':
        clause.bits |= 0444;
        break;
      case 'w':
        clause.bits |= 0222;
        break;
      case 'x':
        clause.bits |= 0111;
        break;
      case 'X':
        clause.x_if_any = true;
        break;
      case 's':
        clause.bits |= 06000;
        break;
      case 't':
        clause.bits |= 01000;
        break;
      case 'u':
      case 'g':
      case 'o':
        if (clause.copy_from != '\0' || clause.bits != 0) {
          return absl::InvalidArgumentError("letters after a class");
        }
        clause.copy_from = text[i];
        break;
      default:
        return absl::InvalidArgumentError("unknown letter");
    }
  }
  return clause;
}

uint32_t ModeChange::Apply(uint32_t mode, bool is_directory) const {
  if (octal_) return mode_;
  for (const Clause& clause : clauses_) {
    uint32_t bits = clause.bits;
    if (clause.x_if_any && (is_directory || (mode & 0111) != 0)) bits |= 0111;
    if (clause.copy_from != '\0') bits |= Spread(mode, clause.copy_from);
    bits &= clause.classes;
    if (clause.operation == '+') mode |= bits;
    if (clause.operation == '-') mode &= ~bits;
    if (clause.operation == '=') mode = (mode & ~clause.classes) | bits;
  }
  return mode & kAllBits;
}

}  // namespace stevedore::worker::native
