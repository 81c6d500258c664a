#include "cli/import_file.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "cli/structured_output.h"

namespace stevedore::cli {
namespace {

// Lines of `text` as comments. What other readers may take for a line's end becomes `?`.
void AppendComment(absl::string_view text, absl::string_view indent, std::string* out) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    std::string shown;
    for (char c : line) {
      if (c == '\r') continue;
      shown += absl::ascii_iscntrl(c) && c != '\t' ? '?' : c;
    }
    absl::StrAppend(out, shown.empty() ? "#" : "# ", shown.empty() ? "" : indent, shown, "\n");
  }
}

}  // namespace

std::string ImportFileText(const graph::ImportedDefinitions& definitions,
                           const std::string& source) {
  std::string text;
  AppendComment(absl::StrCat("Imported from ", source,
                             ".\nFolders are relative to where stevedore-cli is started."),
                "", &text);
  if (!definitions.groups.empty()) {
    AppendComment("\nGroups:", "", &text);
    for (const auto& [name, targets] : definitions.groups) {
      AppendComment(absl::StrCat(name, ": stevedore-cli build ", absl::StrJoin(targets, " ")), "  ",
                    &text);
    }
  }
  if (!definitions.notes.empty()) {
    AppendComment("\nTo look at:", "", &text);
    for (const graph::ImportNote& note : definitions.notes) {
      AppendComment(absl::StrCat(note.place, ": ", note.text), "  ", &text);
      if (!note.attachment.empty()) AppendComment(note.attachment, "    | ", &text);
    }
  }
  return absl::StrCat(text, "\n", ToYamlText(definitions.document));
}

}  // namespace stevedore::cli
