// Go's text/template, as far as definitions use it.

#ifndef STEVEDORE_GRAPH_TEMPLATE_H_
#define STEVEDORE_GRAPH_TEMPLATE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "graph/template_value.h"

namespace stevedore::graph {

namespace syntax {
struct Tree;
}  // namespace syntax

// What came out of a template.
struct TemplateOutput {
  std::string text;
  // The template looked at a value that was made from the clock.
  bool is_volatile = false;
};

// A parsed template: fields, variables, pipelines, if/with/range with else, define/template/block,
// comments, trim markers and the built-in functions (template_syntax.cc has the list). A value,
// immutable: thread-safe.
class Template {
 public:
  // Longer texts are refused.
  static constexpr size_t kMaxTextBytes = 64 << 10;
  // Longer outputs are refused.
  static constexpr size_t kMaxOutputBytes = 1 << 20;
  // Actions and loop turns of one execution.
  static constexpr int kMaxSteps = 100'000;

  // True if `text` has an action at all; others are their own output.
  static bool HasActions(absl::string_view text);

  // INVALID_ARGUMENT with the column (from 1, in bytes) and what was expected.
  static absl::StatusOr<Template> Parse(absl::string_view text);

  // INVALID_ARGUMENT with the column for fields that a record does not have, fields of nil and of
  // texts, wrong arguments; RESOURCE_EXHAUSTED above the limits.
  absl::StatusOr<TemplateOutput> Execute(const TemplateValue& data) const;

 private:
  explicit Template(std::shared_ptr<const syntax::Tree> tree) : tree_(std::move(tree)) {}
  // Shared by copies.
  std::shared_ptr<const syntax::Tree> tree_;
};

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_TEMPLATE_H_
