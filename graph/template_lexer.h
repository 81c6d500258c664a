// Template text cut into text and the words of actions. Private to templates.

#ifndef STEVEDORE_GRAPH_TEMPLATE_LEXER_H_
#define STEVEDORE_GRAPH_TEMPLATE_LEXER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "graph/template_value.h"

namespace stevedore::graph::syntax {

// One word. Inside actions, blanks are words too where they separate (`.A .B` is not `.A.B`).
struct Token {
  enum class Kind {
    kText,      // Between actions, trimmed as the markers say.
    kOpen,      // {{
    kClose,     // }}
    kDot,       // . alone
    kField,     // .Name, `text` is the name
    kVariable,  // $ or $name
    kWord,      // if, range, printf, true, ...
    kLiteral,   // number, string, character
    kSymbol,    // | ( ) , := =
    kEnd,
  };
  Kind kind = Kind::kEnd;
  std::string text;
  TemplateValue value;
  size_t offset = 0;
  bool after_blank = false;  // A blank stands in front of it.
};

// INVALID_ARGUMENT with the column for an unclosed action, comment or text and for characters that
// have no meaning. Comments are dropped. Thread-safe.
absl::StatusOr<std::vector<Token>> Tokenize(absl::string_view text);

// Appends the character `rune`. Thread-safe.
void AppendUtf8(std::string* out, uint32_t rune);

// INVALID_ARGUMENT "column N: what".
absl::Status ErrorAt(size_t offset, absl::string_view what);

}  // namespace stevedore::graph::syntax

#endif  // STEVEDORE_GRAPH_TEMPLATE_LEXER_H_
