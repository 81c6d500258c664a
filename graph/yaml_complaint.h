// What is wrong with a text that is no YAML, said for people. Private to yaml_document.

#ifndef STEVEDORE_GRAPH_YAML_COMPLAINT_H_
#define STEVEDORE_GRAPH_YAML_COMPLAINT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace stevedore::graph {

// A message and the place it is about; line and column from 0.
struct YamlComplaint {
  int line = 0;
  int column = 0;
  std::string text;
};

// The lines of a file that is being parsed. Refers to the text, which must outlive it. Lines and
// columns from 0. Thread-safe.
class YamlText {
 public:
  static constexpr char kQuoteTemplate[] =
      "a value that begins with `{{` must be in quotes: \"{{ .Version }}\"";

  explicit YamlText(absl::string_view text);

  // Turns yaml-cpp's `message` at a place into one that says what was found and what is expected.
  YamlComplaint Explain(int line, int column, absl::string_view message) const;

  // The message for a second document that begins at `line`.
  std::string SecondDocument(int line) const;

  // INVALID_ARGUMENT if the quote that opens at this place is never closed.
  absl::Status CheckQuoteCloses(int line, int column) const;

  // True if `{{` stands here or just before.
  bool HasTemplateAt(int line, int column) const;

 private:
  absl::string_view Line(int line) const;
  // Columns at which a block could go on before `line`: of all blocks that are open there.
  std::vector<int> OpenIndents(int line) const;
  std::string BadIndentation(int line) const;
  bool IsTabIndented(int line) const;

  const absl::string_view text_;
  std::vector<size_t> starts_;  // Offset of each line.
};

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_YAML_COMPLAINT_H_
