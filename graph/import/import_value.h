// Foreign build files as one tree of values, whichever syntax they are in.

#ifndef STEVEDORE_GRAPH_IMPORT_IMPORT_VALUE_H_
#define STEVEDORE_GRAPH_IMPORT_IMPORT_VALUE_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace stevedore::graph {

// One value of a JSON or YAML file, with its place for messages. Numbers, true and false are their
// texts: formats that are read here mean the same by `8080` and "8080". A value.
struct ImportValue {
  enum class Kind { kNull, kText, kList, kMap };
  struct Member;

  Kind kind = Kind::kNull;
  std::string text;                // Of a text.
  std::vector<ImportValue> items;  // Of a list.
  std::vector<Member> members;     // Of a map, in the file's order, each name once.
  // "FILE#/target/app" or "FILE:3:5".
  std::string place;

  bool is_null() const { return kind == Kind::kNull; }
  bool is_text() const { return kind == Kind::kText; }
  bool is_list() const { return kind == Kind::kList; }
  bool is_map() const { return kind == Kind::kMap; }
  // The member `name`; null if there is none.
  const ImportValue* Find(absl::string_view name) const;
  ImportValue* Find(absl::string_view name);
  // "a list", "`text`", ... for messages.
  std::string Describe() const;
  // INVALID_ARGUMENT "PLACE: `what`".
  absl::Status Error(absl::string_view what) const;
};

// One entry of a map.
struct ImportValue::Member {
  std::string name;
  ImportValue value;
};

// `file` is how messages call it. INVALID_ARGUMENT, with "FILE:line:column", for text that is no
// JSON, members that are there twice, and nesting deeper than 64. Thread-safe.
absl::StatusOr<ImportValue> ParseImportJson(const std::string& file, absl::string_view text);

// The same for YAML; anchors, aliases and `<<` are resolved. RESOURCE_EXHAUSTED if aliases make
// more than a million values of it.
absl::StatusOr<ImportValue> ParseImportYaml(const std::string& file, absl::string_view text);

// Readers of values whose errors name the place and `what` was expected there. Thread-safe.
absl::StatusOr<std::string> ImportText(const ImportValue& value, absl::string_view what);
// true or false.
absl::StatusOr<bool> ImportBool(const ImportValue& value, absl::string_view what);
// A list of texts; one text is a list of one, null an empty one.
absl::StatusOr<std::vector<std::string>> ImportTexts(const ImportValue& value,
                                                     absl::string_view what);
// A map of texts, or a list of `NAME=VALUE`. Names without value come with nothing.
using ImportPairs = std::vector<std::pair<std::string, std::optional<std::string>>>;
absl::StatusOr<ImportPairs> ImportPairsOf(const ImportValue& value, absl::string_view what);
// INVALID_ARGUMENT unless it is a map.
absl::Status CheckImportMap(const ImportValue& value, absl::string_view what);

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_IMPORT_IMPORT_VALUE_H_
