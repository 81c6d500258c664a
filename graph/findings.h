// What is wrong or doubtful in a user's files, collected, so that one run shows all of it.

#ifndef STEVEDORE_GRAPH_FINDINGS_H_
#define STEVEDORE_GRAPH_FINDINGS_H_

#include <initializer_list>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "graph/finding_codes.h"
#include "graph/key_table.h"
#include "graph/source_location.h"
#include "graph/yaml_document.h"

namespace stevedore::graph {

// Collects errors and warnings, and reads values out of nodes with the errors that belong to it.
// Not thread-safe.
class Findings {
 public:
  // How many errors one message shows: enough to work on, the rest is often their consequence.
  static constexpr size_t kShownErrors = 20;

  // `lenient`: unknown keys are warnings. ToStatus shows the first `shown_errors`.
  explicit Findings(bool lenient, size_t shown_errors = kShownErrors)
      : lenient_(lenient), shown_errors_(shown_errors) {}

  // `code` is one of finding_codes.h.
  void Error(const SourceLocation& where, absl::string_view what,
             absl::string_view code = codes::kWrongValue);
  // A message that has its place in front already; a code that WithCode gave it beats `code`.
  void Error(const absl::Status& status, absl::string_view code = codes::kWrongValue);
  void Warn(const SourceLocation& where, absl::string_view what, absl::string_view code = "");

  bool has_errors() const { return error_count_ > 0; }
  // All errors so far, one per line in order of place (the first `shown_errors` and how many
  // more). INVALID_ARGUMENT, or OK if there are none.
  absl::Status ToStatus() const;
  const std::vector<Diagnostic>& warnings() const { return warnings_; }
  // All errors in order of place, each once.
  std::vector<Diagnostic> SortedErrors() const;

  // Reports every key of `map` that is not in `table` and does not begin with `x-`. `what` is what
  // the map describes: "an image".
  // Keys in `reported` were reported already.
  void CheckKeys(const YamlNode& map, absl::string_view what, const KeyTable& table,
                 std::initializer_list<absl::string_view> reported = {});

  // The text of a scalar; empty for nothing. Reports anything else, naming `what`, and returns "".
  std::string Text(const YamlNode& node, absl::string_view what);
  // As Text for a list of scalars; a single scalar is a list of one.
  std::vector<const YamlNode*> Texts(const YamlNode& node, absl::string_view what);
  // True for a map; false for nothing; reports anything else.
  bool IsMap(const YamlNode& node, absl::string_view what);
  // true, false or the default; reports anything else.
  bool Bool(const YamlNode& node, absl::string_view what, bool otherwise);

 private:
  const bool lenient_;
  const size_t shown_errors_;
  // By place. Only the first kMaxErrors are kept.
  std::vector<Diagnostic> errors_;
  size_t error_count_ = 0;
  std::vector<Diagnostic> warnings_;
};

// `status` with a code that Findings::Error takes from it. Thread-safe.
absl::Status WithCode(absl::Status status, absl::string_view code);

// By place, then text; repeats (two instances of one definition say the same) are dropped.
void SortByPlace(std::vector<Diagnostic>* diagnostics);

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_FINDINGS_H_
