#include "worker/drivers/dockerfile/lines.h"

#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"

namespace stevedore::worker::dockerfile {
namespace {

absl::string_view WithoutEnd(absl::string_view line) {
  absl::ConsumeSuffix(&line, "\n");
  absl::ConsumeSuffix(&line, "\r");
  return line;
}

bool IsComment(absl::string_view line) {
  return absl::StartsWith(absl::StripLeadingAsciiWhitespace(line), "#");
}

// Takes the escape character at the end of `line` away. A doubled one is no continuation.
bool TakeContinuation(absl::string_view* line, char escape) {
  absl::string_view text = *line;
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  if (text.empty() || text.back() != escape) return false;
  text.remove_suffix(1);
  if (!text.empty() && text.back() == escape) return false;
  *line = text;
  return true;
}

// "# name=value" without blanks around; false for any other line.
bool SplitDirective(absl::string_view line, std::string* name, std::string* value) {
  line = absl::StripAsciiWhitespace(line);
  if (!absl::ConsumePrefix(&line, "#")) return false;
  const size_t equals = line.find('=');
  if (equals == absl::string_view::npos) return false;
  *name = absl::AsciiStrToLower(absl::StripAsciiWhitespace(line.substr(0, equals)));
  *value = std::string(absl::StripAsciiWhitespace(line.substr(equals + 1)));
  if (name->empty()) return false;
  for (const char c : *name) {
    if (!absl::ascii_isalnum(c) && c != '_' && c != '-') return false;
  }
  return true;
}

absl::Status At(int line, const absl::Status& status) {
  return base::Annotate(status, absl::StrCat("line ", line));
}

}  // namespace

bool LineReader::TakeLine(absl::string_view* line) {
  if (rest_.empty()) return false;
  const size_t end = rest_.find('\n');
  const size_t bytes = end == absl::string_view::npos ? rest_.size() : end + 1;
  *line = rest_.substr(0, bytes);
  rest_.remove_prefix(bytes);
  ++line_;
  return true;
}

absl::StatusOr<LineReader> LineReader::Create(absl::string_view text) {
  absl::ConsumePrefix(&text, "\xEF\xBB\xBF");  // A byte order mark.
  LineReader reader(text);
  RETURN_IF_ERROR(reader.ReadDirectives());
  return reader;
}

absl::Status LineReader::ReadDirectives() {
  absl::string_view text = rest_;
  std::set<std::string> seen;
  std::string name;
  std::string value;
  for (int line = 1; !text.empty(); ++line) {
    const size_t end = std::min(text.find('\n'), text.size() - 1);
    // The first line that is none ends them: a directive further down is a comment.
    if (!SplitDirective(text.substr(0, end + 1), &name, &value)) break;
    text.remove_prefix(end + 1);
    if (name != "escape" && name != "syntax" && name != "check") break;
    if (!seen.insert(name).second) {
      return At(line, absl::InvalidArgumentError(
                          absl::StrCat("directive `", name, "` is there twice; keep one")));
    }
    if (name == "syntax") directives_.syntax = value;
    if (name == "check") directives_.check = value;
    if (name != "escape") continue;
    if (value != "\\" && value != "`") {
      return At(line, absl::InvalidArgumentError(
                          absl::StrCat("escape is ", base::Quoted(value), "; it is \\ or `")));
    }
    directives_.escape = value[0];
  }
  return absl::OkStatus();
}

std::string LineReader::JoinLines(absl::string_view line) {
  bool goes_on = TakeContinuation(&line, directives_.escape);
  std::string joined(line);
  absl::string_view next;
  while (goes_on && TakeLine(&next)) {
    next = WithoutEnd(next);
    // Comments and empty lines inside an instruction do not end it.
    if (IsComment(next) || absl::StripAsciiWhitespace(next).empty()) continue;
    goes_on = TakeContinuation(&next, directives_.escape);
    absl::StrAppend(&joined, next);
  }
  return joined;
}

absl::Status LineReader::TakeHeredoc(int first_line, Heredoc& heredoc) {
  absl::string_view line;
  while (TakeLine(&line)) {
    absl::string_view end = WithoutEnd(line);
    while (heredoc.chomp && absl::ConsumePrefix(&end, "\t")) {
    }
    if (end == heredoc.name) return absl::OkStatus();
    absl::StrAppend(&heredoc.content, line);
  }
  return At(first_line, absl::InvalidArgumentError(absl::StrCat(
                            "no line ", base::Quoted(heredoc.name), " ends the heredoc <<",
                            heredoc.chomp ? "-" : "", heredoc.name, " that begins here")));
}

absl::StatusOr<std::optional<Instruction>> LineReader::Next() {
  absl::string_view line;
  while (TakeLine(&line)) {
    line = absl::StripLeadingAsciiWhitespace(WithoutEnd(line));
    if (line.empty() || IsComment(line)) continue;
    const int first_line = line_;
    const std::string joined = JoinLines(line);
    if (absl::StripAsciiWhitespace(joined).empty()) continue;
    absl::StatusOr<Instruction> read = ParseInstruction(joined, directives_.escape);
    if (!read.ok()) return At(first_line, read.status());
    Instruction& instruction = *read;
    Instruction& inner = instruction.trigger.empty() ? instruction : instruction.trigger.front();
    using Kind = Instruction::Kind;
    const bool may =
        inner.kind == Kind::kAdd || inner.kind == Kind::kCopy || inner.kind == Kind::kRun;
    if (may && !inner.json && absl::StrContains(joined, "<<")) {
      inner.heredocs = FindHeredocs(joined);
      for (Heredoc& heredoc : inner.heredocs) RETURN_IF_ERROR(TakeHeredoc(first_line, heredoc));
    }
    for (Instruction* part : {&instruction, &inner}) {
      part->line = first_line;
      part->last_line = line_;
    }
    return std::optional<Instruction>(std::move(instruction));
  }
  return std::optional<Instruction>();
}

}  // namespace stevedore::worker::dockerfile
