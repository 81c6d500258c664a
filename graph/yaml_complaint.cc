#include "graph/yaml_complaint.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/status.h"

namespace stevedore::graph {
namespace {

int IndentOf(absl::string_view line) {
  const size_t first = line.find_first_not_of(' ');
  return first == absl::string_view::npos ? static_cast<int>(line.size()) : first;
}

// Blank, or nothing but a comment.
bool IsEmptyLine(absl::string_view line) {
  const absl::string_view rest = absl::StripLeadingAsciiWhitespace(line);
  return rest.empty() || rest[0] == '#';
}

std::string Columns(int count) { return absl::StrCat(count, count == 1 ? " blank" : " blanks"); }

// Shown text of a line, without what is after it.
std::string Shown(absl::string_view line) {
  return base::Quoted(absl::StripAsciiWhitespace(line), 40);
}

struct Translation {
  absl::string_view theirs;
  absl::string_view ours;
};

// Messages that need no look at the lines around.
constexpr Translation kTranslations[] = {
    {"end of sequence flow not found",
     "a `]` is missing: the list that `[` opened goes on until here; close it with `]`"},
    {"end of map flow not found",
     "a `}` is missing: the map that `{` opened goes on until here; close it with `}`"},
    {"the referenced anchor is not defined",
     "there is no such anchor above; define it with `&name`, or put a text that begins with `*` in "
     "quotes"},
    {"alias not found after *",
     "a `*` alone names no anchor; put it in quotes if the text is meant: \"*\""},
    {"anchor not found after &",
     "a `&` alone is no anchor; put a text that begins with `&` in quotes"},
    {"illegal block entry",
     "a list item cannot begin here; put `- ` on a line of its own, below its key"},
    {"illegal map key", "a key cannot begin here; put it on a line of its own"},
    {"illegal flow end", "this bracket closes nothing; remove it or put the text in quotes"},
    {"illegal EOF in scalar", "a quote is opened but never closed; add the second quote"},
    {"unknown escape character",
     "no such escape in \"...\"; write the backslash twice, or use '...', where it means itself"},
    {"illegal document indicator in scalar",
     "`---` or `...` inside a text in quotes; close the quote before it"},
    {"aliases can't have any content", "an alias (`*name`) cannot have a value of its own"},
};

}  // namespace

YamlText::YamlText(absl::string_view text) : text_(text) {
  starts_.push_back(0);
  for (size_t end = text.find('\n'); end != absl::string_view::npos;
       end = text.find('\n', end + 1)) {
    starts_.push_back(end + 1);
  }
}

absl::string_view YamlText::Line(int line) const {
  if (line < 0 || line >= static_cast<int>(starts_.size())) return "";
  const size_t begin = starts_[line];
  const size_t end =
      line + 1 < static_cast<int>(starts_.size()) ? starts_[line + 1] - 1 : text_.size();
  return absl::StripSuffix(text_.substr(begin, end - begin), "\r");
}

std::vector<int> YamlText::OpenIndents(int line) const {
  std::vector<int> open;
  for (int i = 0; i < line; ++i) {
    const absl::string_view text = Line(i);
    if (IsEmptyLine(text)) continue;
    const int indent = IndentOf(text);
    while (!open.empty() && open.back() > indent) open.pop_back();
    if (open.empty() || open.back() < indent) open.push_back(indent);
    // What stands behind `- ` is a block of its own.
    int item = indent;
    while (absl::StartsWith(text.substr(item), "- ")) {
      item += 2;
      while (item < static_cast<int>(text.size()) && text[item] == ' ') ++item;
      open.push_back(item);
    }
  }
  return open;
}

bool YamlText::IsTabIndented(int line) const {
  const absl::string_view text = Line(line);
  const size_t first = text.find_first_not_of(" \t");
  return text.substr(0, first).find('\t') != absl::string_view::npos;
}

std::string YamlText::BadIndentation(int line) const {
  const absl::string_view text = Line(line);
  const int indent = IndentOf(text);
  const std::vector<int> open = OpenIndents(line);
  if (std::find(open.begin(), open.end(), indent) != open.end()) {
    return absl::StrCat("found ", Shown(text),
                        ", which does not go on with what is above (a list has `- ` in front of "
                        "every item, a map `key:`); make both the same kind, or indent it deeper "
                        "to put it below the key above");
  }
  return absl::StrCat("bad indentation: ", Shown(text), " is indented by ", Columns(indent),
                      ", but the blocks that are open here are indented by ",
                      absl::StrJoin(open, ", "), "; indent it by one of these");
}

YamlComplaint YamlText::Explain(int line, int column, absl::string_view message) const {
  YamlComplaint complaint{line, column, ""};
  const absl::string_view text = Line(line);
  const absl::string_view rest =
      column < static_cast<int>(text.size()) ? text.substr(column) : absl::string_view();
  if (IsTabIndented(line)) {
    complaint.column = 0;
    complaint.text = "the line is indented with a tab; YAML allows only blanks there";
    return complaint;
  }
  if (absl::StrContains(message, "end of map not found") ||
      absl::StrContains(message, "end of sequence not found")) {
    if (column > 0 && absl::StrContains(text.substr(0, column), "{{")) {
      complaint.column = static_cast<int>(text.find("{{"));
      complaint.text = kQuoteTemplate;
    } else if (column == IndentOf(text)) {
      complaint.text = BadIndentation(line);
    } else {
      complaint.text =
          absl::StrCat("unexpected ", Shown(rest), " after a value; put the whole value in quotes");
    }
    return complaint;
  }
  if (absl::StrContains(message, "illegal map value")) {
    const int indent = IndentOf(text);
    const std::vector<int> open = OpenIndents(line);
    const bool deeper = !open.empty() && indent > open.back();
    complaint.text =
        deeper ? absl::StrCat("bad indentation: ", Shown(text), " is indented by ", Columns(indent),
                              ", deeper than the line above, which has a value already; indent it "
                              "by ",
                              open.back())
               : absl::StrCat("a `:` that belongs to no key: ", Shown(text),
                              "; put a text with `: ` in it in quotes");
    if (deeper) complaint.column = indent;
    return complaint;
  }
  if (absl::StrContains(message, "unknown token")) {
    complaint.text = absl::StrCat("a text cannot begin with ", base::Quoted(rest.substr(0, 1)),
                                  "; put it in quotes");
    return complaint;
  }
  for (const Translation& known : kTranslations) {
    if (absl::StrContains(message, known.theirs)) {
      complaint.text = std::string(known.ours);
      return complaint;
    }
  }
  complaint.text = absl::StrCat("not readable as YAML: ", message, ", found ",
                                rest.empty() ? "the end of the line" : Shown(rest));
  return complaint;
}

std::string YamlText::SecondDocument(int line) const {
  for (int i = line; i >= 0 && i > line - 3; --i) {
    if (absl::StartsWith(Line(i), "---")) {
      return "a second document begins here; a file has one: put it into a file of its own";
    }
  }
  return BadIndentation(line);
}

absl::Status YamlText::CheckQuoteCloses(int line, int column) const {
  if (line < 0 || line >= static_cast<int>(starts_.size())) return absl::OkStatus();
  size_t at = starts_[line] + column;
  if (at >= text_.size() || (text_[at] != '"' && text_[at] != '\'')) return absl::OkStatus();
  const char quote = text_[at++];
  for (; at < text_.size(); ++at) {
    if (quote == '"' && text_[at] == '\\') {
      ++at;
    } else if (text_[at] == quote) {
      if (quote == '"' || at + 1 >= text_.size() || text_[at + 1] != quote) return absl::OkStatus();
      ++at;
    }
  }
  return absl::InvalidArgumentError(
      "a quote is opened here but never closed; add the second quote");
}

bool YamlText::HasTemplateAt(int line, int column) const {
  const absl::string_view text = Line(line);
  if (column < 0 || column >= static_cast<int>(text.size())) return false;
  return absl::StartsWith(text.substr(column), "{{") ||
         (column > 0 && absl::StartsWith(text.substr(column - 1), "{{"));
}

}  // namespace stevedore::graph
