// The files that users write as a JSON Schema, for editors.

#ifndef STEVEDORE_GRAPH_SCHEMA_H_
#define STEVEDORE_GRAPH_SCHEMA_H_

#include <cstdint>

#include "graph/key_table.h"
#include "nlohmann/json.hpp"

namespace stevedore::graph {

// Which files a schema is for.
enum class SchemaKind : uint8_t {
  kAll,  // Configuration, images and builders, in one file or several.
  kConfiguration,
  kImages,
  kBuilders,
};

// JSON Schema draft-07, made from the tables in keys.h and drivers.h. What it calls wrong, loading
// calls wrong, but for keys of other tools at the top: loading ignores them, the schema wants them
// to begin with `x-`, so that misspelt ones show. Members keep their order. Thread-safe.
nlohmann::ordered_json SchemaOf(SchemaKind kind);

// The same for one map of a program's own, without templates: `table` and what it refers to. Keys
// of type kLink and kDriverOptions do not belong there. Thread-safe.
nlohmann::ordered_json SchemaOfTable(const KeyTable& table);

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_SCHEMA_H_
