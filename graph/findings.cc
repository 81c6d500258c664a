#include "graph/findings.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/types/optional.h"
#include "base/status.h"
#include "graph/spelling.h"

namespace stevedore::graph {
namespace {

// Kept for sorting; beyond it they are only counted.
constexpr size_t kMaxErrors = 1000;
constexpr char kCodePayload[] = "stevedore.graph/code";

}  // namespace

void Findings::Error(const SourceLocation& where, absl::string_view what, absl::string_view code) {
  ++error_count_;
  if (errors_.size() >= kMaxErrors) return;
  errors_.push_back({where, std::string(what), std::string(code), Severity::kError});
}

void Findings::Error(const absl::Status& status, absl::string_view otherwise) {
  const absl::optional<absl::Cord> given = status.GetPayload(kCodePayload);
  const std::string code = given.has_value() ? std::string(*given) : std::string(otherwise);
  // "file:line:column: what" goes back into its parts, so that it sorts among the others.
  const std::vector<absl::string_view> parts =
      absl::StrSplit(status.message(), absl::MaxSplits(": ", 1));
  const std::vector<absl::string_view> place = absl::StrSplit(parts[0], ':');
  SourceLocation where;
  const size_t count = place.size();
  if (parts.size() == 2 && count >= 3 && absl::SimpleAtoi(place[count - 2], &where.line) &&
      absl::SimpleAtoi(place[count - 1], &where.column)) {
    where.file = absl::StrJoin(place.begin(), place.end() - 2, ":");
    Error(where, parts[1], code);
    return;
  }
  Error(SourceLocation{}, status.message(), code);
}

void Findings::Warn(const SourceLocation& where, absl::string_view what, absl::string_view code) {
  if (warnings_.size() >= kMaxErrors) return;
  warnings_.push_back({where, std::string(what), std::string(code), Severity::kWarning});
}

std::vector<Diagnostic> Findings::SortedErrors() const {
  std::vector<Diagnostic> sorted = errors_;
  SortByPlace(&sorted);
  return sorted;
}

absl::Status WithCode(absl::Status status, absl::string_view code) {
  if (!status.ok()) status.SetPayload(kCodePayload, absl::Cord(code));
  return status;
}

void SortByPlace(std::vector<Diagnostic>* diagnostics) {
  std::stable_sort(diagnostics->begin(), diagnostics->end(),
                   [](const Diagnostic& a, const Diagnostic& b) {
                     return std::tie(a.where.file, a.where.line, a.where.column) <
                            std::tie(b.where.file, b.where.line, b.where.column);
                   });
  diagnostics->erase(std::unique(diagnostics->begin(), diagnostics->end(),
                                 [](const Diagnostic& a, const Diagnostic& b) {
                                   return a.where == b.where && a.text == b.text;
                                 }),
                     diagnostics->end());
}

absl::Status Findings::ToStatus() const {
  if (error_count_ == 0) return absl::OkStatus();
  const std::vector<Diagnostic> sorted = SortedErrors();
  std::vector<std::string> lines;
  for (size_t i = 0; i < std::min(sorted.size(), shown_errors_); ++i) {
    lines.push_back(sorted[i].ToString());
  }
  const size_t total = sorted.size() + (error_count_ - errors_.size());
  if (total > lines.size()) {
    lines.push_back(absl::StrCat("... and ", total - lines.size(), " more"));
  }
  return absl::InvalidArgumentError(absl::StrJoin(lines, "\n"));
}

void Findings::CheckKeys(const YamlNode& map, absl::string_view what, const KeyTable& table,
                         std::initializer_list<absl::string_view> reported) {
  for (const auto& [key, value] : map.entries()) {
    const std::string& name = key->text();
    if (table.Find(name) != nullptr || absl::StartsWith(name, "x-")) continue;
    if (std::find(reported.begin(), reported.end(), name) != reported.end()) continue;
    const std::vector<absl::string_view> known = table.Names();
    const std::string text =
        absl::StrCat("unknown key ", base::Quoted(name), " in ", what, DidYouMean(name, known),
                     "; known keys are ", absl::StrJoin(known, ", "));
    if (lenient_) {
      Warn(key->where(), text, codes::kUnknownKey);
    } else {
      Error(key->where(), text, codes::kUnknownKey);
    }
  }
}

std::string Findings::Text(const YamlNode& node, absl::string_view what) {
  if (node.is_scalar()) return node.text();
  if (!node.is_null()) {
    Error(node.where(), absl::StrCat(what, " must be a text, found ", node.Describe()));
  }
  return "";
}

std::vector<const YamlNode*> Findings::Texts(const YamlNode& node, absl::string_view what) {
  if (node.is_null()) return {};
  if (node.is_scalar()) return {&node};
  std::vector<const YamlNode*> texts;
  if (node.is_map()) {
    Error(node.where(), absl::StrCat(what, " must be a list of texts, found a map"));
    return texts;
  }
  for (const YamlNode* item : node.items()) {
    if (item->is_scalar()) {
      texts.push_back(item);
    } else {
      Error(item->where(),
            absl::StrCat(what, " must be a list of texts, found ", item->Describe(), " in it"));
    }
  }
  return texts;
}

bool Findings::IsMap(const YamlNode& node, absl::string_view what) {
  if (node.is_map()) return true;
  if (!node.is_null()) {
    Error(node.where(), absl::StrCat(what, " must be a map, found ", node.Describe()));
  }
  return false;
}

bool Findings::Bool(const YamlNode& node, absl::string_view what, bool otherwise) {
  const std::string text = absl::AsciiStrToLower(Text(node, what));
  if (text == "true") return true;
  if (text == "false") return false;
  if (node.is_scalar()) {
    Error(node.where(), absl::StrCat(what, " must be true or false, found ", node.Describe()));
  }
  return otherwise;
}

}  // namespace stevedore::graph
