#include "graph/spelling.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace stevedore::graph {
namespace {

// Longer words are not compared: the cost is the product of both lengths.
constexpr size_t kMaxWord = 64;

// Insertions, deletions, replacements and swaps of neighbours that lead from `a` to `b`; stops
// counting above `limit`.
size_t Distance(absl::string_view a, absl::string_view b, size_t limit) {
  const size_t gap = a.size() > b.size() ? a.size() - b.size() : b.size() - a.size();
  if (gap > limit) return limit + 1;
  std::vector<size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    size_t best = row[0];
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = absl::ascii_tolower(a[i - 1]) == absl::ascii_tolower(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
      best = std::min(best, row[j]);
    }
    if (best > limit) return limit + 1;
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

absl::string_view NearestWord(absl::string_view word, absl::Span<const absl::string_view> known) {
  absl::string_view nearest;
  if (word.size() > kMaxWord) return nearest;
  size_t best = std::max<size_t>(2, word.size() / 3) + 1;
  for (absl::string_view candidate : known) {
    const size_t distance = Distance(word, candidate, best - 1);
    if (distance < best && distance < std::max(word.size(), candidate.size())) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

std::string DidYouMean(absl::string_view word, absl::Span<const absl::string_view> known) {
  const absl::string_view nearest = NearestWord(word, known);
  return nearest.empty() ? "" : absl::StrCat("; did you mean `", nearest, "`?");
}

std::string DidYouMean(absl::string_view word, const std::vector<std::string>& known) {
  const std::vector<absl::string_view> views(known.begin(), known.end());
  return DidYouMean(word, absl::MakeConstSpan(views));
}

}  // namespace stevedore::graph
