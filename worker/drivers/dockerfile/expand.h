// Variables, quotes and escapes in the words of a Dockerfile.

#ifndef STEVEDORE_WORKER_DRIVERS_DOCKERFILE_EXPAND_H_
#define STEVEDORE_WORKER_DRIVERS_DOCKERFILE_EXPAND_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace stevedore::worker::dockerfile {

// The value of a variable; nullopt if it is not set, which is not the same as empty.
using Lookup = absl::FunctionRef<std::optional<std::string>(absl::string_view name)>;

// How much of shell syntax takes effect. The defaults are those of instructions' words.
struct ExpandOptions {
  char escape = '\\';
  // Quotes and the escape character stay in the result: only variables are replaced.
  bool raw_quotes = false;
  bool raw_escapes = false;
  // Quotes are letters like others (heredocs).
  bool skip_quotes = false;
  // A variable that is not set stays as it is written.
  bool keep_unset = false;
};

// `word` with variables replaced ($x, ${x}, ${x:-word}, ${x-word}, ${x:+word}, ${x+word},
// ${x:?text}, ${x?text}, ${x#p}, ${x##p}, ${x%p}, ${x%%p}, ${x/p/word}, ${x//p/word}), quotes and
// escapes taken away, as BuildKit does it. INVALID_ARGUMENT for what no closing quote or brace
// ends, for unknown modifiers and for ${x?...} of an unset variable. Thread-safe, as all here.
absl::StatusOr<std::string> ExpandWord(absl::string_view word, Lookup lookup,
                                       const ExpandOptions& options = {});

// As ExpandWord, cut into words at unquoted blanks, those in values of unquoted variables included.
absl::StatusOr<std::vector<std::string>> ExpandWords(absl::string_view text, Lookup lookup,
                                                     const ExpandOptions& options = {});

// A pattern of the shell: `*`, `?`, and `\` before a letter that stands for itself. How many bytes
// of the start of `text` it matches, the fewest or the most possible; nullopt: none.
std::optional<size_t> MatchPrefix(absl::string_view pattern, absl::string_view text, bool longest);

}  // namespace stevedore::worker::dockerfile

#endif  // STEVEDORE_WORKER_DRIVERS_DOCKERFILE_EXPAND_H_
