// The parts of lint. Private to lint.

#ifndef STEVEDORE_GRAPH_LINT_RULES_H_
#define STEVEDORE_GRAPH_LINT_RULES_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "graph/catalog.h"
#include "graph/catalog_content.h"
#include "graph/source_location.h"

namespace stevedore::graph {

// Collects what the rules find. Not thread-safe.
class LintReport {
 public:
  explicit LintReport(std::vector<Diagnostic>* findings) : findings_(*findings) {}

  // `text`: what it is and was, "; ", how to change it.
  void Add(const SourceLocation& where, absl::string_view code, std::string text);

 private:
  std::vector<Diagnostic>& findings_;
};

// Rules about one builder as it is written. `is_global`: it is not inside an image.
void LintBuilder(const YamlNode& node, const std::string& name, bool is_global, LintReport* report);
// Rules about image definitions and their relations.
void LintImages(const Catalog::Content& content, LintReport* report);
// Rules about the folders that builders name.
void LintContexts(const Catalog::Content& content, LintReport* report);

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_LINT_RULES_H_
