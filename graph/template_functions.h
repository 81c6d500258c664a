// The built-in functions of templates. Private to templates.

#ifndef STEVEDORE_GRAPH_TEMPLATE_FUNCTIONS_H_
#define STEVEDORE_GRAPH_TEMPLATE_FUNCTIONS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "graph/template_value.h"

namespace stevedore::graph {

// Calls any built-in but `and` and `or`, which the caller must not evaluate eagerly.
// INVALID_ARGUMENT for a wrong number or type of arguments. Thread-safe.
absl::StatusOr<TemplateValue> CallTemplateFunction(absl::string_view name,
                                                   const std::vector<TemplateValue>& arguments);

// Go's fmt.Sprintf for the verbs d s v q x X f e g t c o b U T and %, with flags, width and
// precision (each at most 1000). Mistakes show in the text, as in Go: `%!d(string=x)`. Thread-safe.
std::string FormatTemplateValues(absl::string_view format,
                                 const std::vector<TemplateValue>& arguments);

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_TEMPLATE_FUNCTIONS_H_
