// Where in a user's files something stands.

#ifndef STEVEDORE_GRAPH_SOURCE_LOCATION_H_
#define STEVEDORE_GRAPH_SOURCE_LOCATION_H_

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"

namespace stevedore::graph {

// A place in a definitions file, for messages. A value; an empty `file` is no place.
struct SourceLocation {
  std::string file;  // As the user wrote it, or as found below a folder the user named.
  int line = 0;      // From 1.
  int column = 0;    // From 1, in bytes.

  // "images/web.yaml:12:5"; only the file while `line` is 0; empty for no place.
  std::string ToString() const {
    return line == 0 ? file : absl::StrCat(file, ":", line, ":", column);
  }
  friend bool operator==(const SourceLocation& a, const SourceLocation& b) {
    return a.file == b.file && a.line == b.line && a.column == b.column;
  }
};

// How bad something is.
enum class Severity : uint8_t { kNote, kWarning, kError };

// Something that the user should know about a file. A value.
struct Diagnostic {
  SourceLocation where;
  // What was found; often "; what to do" behind it.
  std::string text;
  // Stable, of finding_codes.h: "SV101". Empty where nobody asks for it.
  std::string code = "";
  Severity severity = Severity::kWarning;

  // "stevedore.yaml:3:1: tree_path is deprecated; ...".
  std::string ToString() const {
    return where.file.empty() ? text : absl::StrCat(where.ToString(), ": ", text);
  }
};

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_SOURCE_LOCATION_H_
