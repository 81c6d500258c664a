// The nearest known word for one that is not known.

#ifndef STEVEDORE_GRAPH_SPELLING_H_
#define STEVEDORE_GRAPH_SPELLING_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace stevedore::graph {

// The one of `known` that `word` was probably meant to be; empty if none is near (a third of the
// letters, at least two, may differ). Letter case does not count; the first of equals wins.
// Thread-safe.
absl::string_view NearestWord(absl::string_view word, absl::Span<const absl::string_view> known);

// "; did you mean `parents`?" or nothing. Thread-safe.
std::string DidYouMean(absl::string_view word, absl::Span<const absl::string_view> known);

// The same for strings.
std::string DidYouMean(absl::string_view word, const std::vector<std::string>& known);

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_SPELLING_H_
