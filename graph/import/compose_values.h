// Variables in compose files: ${NAME:-default} and the .env file beside them.

#ifndef STEVEDORE_GRAPH_IMPORT_COMPOSE_VALUES_H_
#define STEVEDORE_GRAPH_IMPORT_COMPOSE_VALUES_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "graph/import/import_value.h"
#include "graph/import/imported_image.h"

namespace stevedore::graph {

// The variables of an .env file: NAME=VALUE lines, `export` in front, quotes around and comments
// behind. INVALID_ARGUMENT, with "FILE:line", for a line that is none of it. Thread-safe.
absl::StatusOr<std::map<std::string, std::string>> ParseEnvFile(const std::string& file,
                                                                absl::string_view text);

// Puts values in the place of variables. Not thread-safe.
class Interpolation {
 public:
  // `notes` must outlive it: variables that are not set are mentioned there, once each.
  Interpolation(std::map<std::string, std::string> variables, std::vector<ImportNote>* notes)
      : variables_(std::move(variables)), notes_(*notes) {}

  // `text` with $NAME, ${NAME}, ${NAME:-default}, ${NAME-default}, ${NAME:?message},
  // ${NAME?message},
  // ${NAME:+other} and ${NAME+other} replaced, and $$ as $. Defaults may hold variables again.
  // INVALID_ARGUMENT, beginning with `place`, for what is not closed and for variables that must be
  // set and are not.
  absl::StatusOr<std::string> Apply(absl::string_view text, const std::string& place);
  // The same for all texts in `value`; names of members stay.
  absl::Status Apply(ImportValue* value);

  const std::map<std::string, std::string>& variables() const { return variables_; }

 private:
  absl::StatusOr<std::string> Braced(absl::string_view text, size_t* at, const std::string& place,
                                     int depth);
  absl::StatusOr<std::string> Expand(absl::string_view text, const std::string& place, int depth);
  std::string Value(const std::string& name, const std::string& place);

  const std::map<std::string, std::string> variables_;
  std::vector<ImportNote>& notes_;
  std::set<std::string> mentioned_;
};

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_IMPORT_COMPOSE_VALUES_H_
