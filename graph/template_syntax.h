// Templates as trees: the parsed form that template.cc walks. Private to templates.

#ifndef STEVEDORE_GRAPH_TEMPLATE_SYNTAX_H_
#define STEVEDORE_GRAPH_TEMPLATE_SYNTAX_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "graph/template_value.h"

namespace stevedore::graph::syntax {

struct Pipeline;

// One word of a command: what it starts from and the fields then taken from it.
struct Operand {
  enum class Kind { kDot, kVariable, kFunction, kLiteral, kPipeline };
  Kind kind = Kind::kDot;
  std::string name;       // Variable with its `$`, or function.
  TemplateValue literal;  // Missing means the word `nil`.
  std::shared_ptr<const Pipeline> pipeline;
  std::vector<std::string> fields;
  size_t offset = 0;  // In the template's text, for messages; as all offsets here.
};

// A function and its arguments, or one value alone.
struct Command {
  std::vector<Operand> words;
};

// `$x, $y := command | command`.
struct Pipeline {
  std::vector<std::string> variables;
  bool declares = false;  // `:=` rather than `=`.
  std::vector<Command> commands;
  size_t offset = 0;
};

// A piece of a template: text or one action with what it encloses.
struct Node {
  enum class Kind { kText, kPrint, kIf, kWith, kRange, kTemplate, kBreak, kContinue };
  Kind kind = Kind::kText;
  std::string text;  // kText; name for kTemplate.
  Pipeline pipeline;
  bool has_pipeline = false;  // kTemplate may go without.
  std::vector<Node> body;
  std::vector<Node> otherwise;
  size_t offset = 0;
};

// A whole template with those that it defines.
struct Tree {
  std::vector<Node> root;
  std::map<std::string, std::vector<Node>> definitions;
};

// INVALID_ARGUMENT with the column (from 1) and what was expected. Nesting is bounded. Thread-safe.
absl::StatusOr<Tree> ParseTree(absl::string_view text);

// True if templates know a function of this name.
bool IsFunction(absl::string_view name);

}  // namespace stevedore::graph::syntax

#endif  // STEVEDORE_GRAPH_TEMPLATE_SYNTAX_H_
