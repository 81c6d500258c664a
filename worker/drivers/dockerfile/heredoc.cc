#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "worker/drivers/dockerfile/expand.h"
#include "worker/drivers/dockerfile/instruction.h"

namespace stevedore::worker::dockerfile {
namespace {

std::optional<std::string> NoVariable(absl::string_view) { return std::nullopt; }

}  // namespace

std::string Heredoc::Content() const {
  if (!chomp) return content;
  std::string out;
  out.reserve(content.size());
  bool at_start = true;
  for (const char c : content) {
    if (at_start && c == '\t') continue;
    out.push_back(c);
    at_start = c == '\n';
  }
  return out;
}

std::optional<Heredoc> ParseHeredocWord(absl::string_view word) {
  while (!word.empty() && absl::ascii_isdigit(word[0])) word.remove_prefix(1);
  if (word.substr(0, 2) != "<<") return std::nullopt;
  word.remove_prefix(2);
  Heredoc heredoc;
  if (word.substr(0, 1) == "-") {
    heredoc.chomp = true;
    word.remove_prefix(1);
  }
  if (word.empty() || word.find('<') != absl::string_view::npos) return std::nullopt;
  ExpandOptions options;
  options.keep_unset = true;
  const auto plain = ExpandWords(word, NoVariable, options);
  options.raw_quotes = true;
  options.raw_escapes = true;
  const auto raw = ExpandWords(word, NoVariable, options);
  if (!plain.ok() || !raw.ok() || plain->size() != 1 || raw->size() != 1) return std::nullopt;
  heredoc.name = plain->front();
  // Quoted in any part: as in a shell, the content is taken as it stands.
  heredoc.expand = plain->front() == raw->front();
  return heredoc;
}

std::vector<Heredoc> FindHeredocs(absl::string_view text) {
  ExpandOptions options;
  options.raw_quotes = true;
  options.raw_escapes = true;
  options.keep_unset = true;
  std::vector<Heredoc> heredocs;
  const absl::StatusOr<std::vector<std::string>> words = ExpandWords(text, NoVariable, options);
  if (!words.ok()) return heredocs;  // A shell's own syntax: its business.
  for (const std::string& word : *words) {
    std::optional<Heredoc> heredoc = ParseHeredocWord(word);
    if (heredoc.has_value()) heredocs.push_back(*std::move(heredoc));
  }
  return heredocs;
}

}  // namespace stevedore::worker::dockerfile
