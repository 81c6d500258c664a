// Descriptions of the maps that users write: which keys there are, what they take and mean. Readers
// check against them, and `schema` and documentation are made from them.

#ifndef STEVEDORE_GRAPH_KEY_TABLE_H_
#define STEVEDORE_GRAPH_KEY_TABLE_H_

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace stevedore::graph {

// What the value of a key may be. Nothing (an empty value) is always allowed.
enum class KeyType : uint8_t {
  kText,          // A scalar.
  kBool,          // true or false.
  kCount,         // A whole number from 1 on.
  kNumber,        // Any number.
  kTexts,         // A list of scalars; a single scalar is a list of one.
  kTextList,      // A list of scalars, nothing else.
  kTextMap,       // Names to scalars.
  kTextsOrMap,    // As kTexts or kTextMap.
  kAny,           // Whatever its reader takes.
  kMap,           // A map with `members`.
  kMapList,       // A list of maps with `members`.
  kMapOrList,     // One such map, or a list of them.
  kTextOrMap,     // A scalar, or a map with `members`.
  kLink,          // One image: "name:version" or {name: version}.
  kLinks,         // Images: names to one version or a list of them.
  kNamedMaps,     // Names of the user's choice to maps with `members`.
  kImages,        // Names to versions to maps with `members`.
  kDriverOptions  // A map that the builder's `driver` describes: see drivers.h.
};

struct KeyTable;

// One key of a map. A constant; views must live for ever. Written with designated initialisers:
// {.name = "target", .description = "stage of the Dockerfile to build"}.
struct Key {
  absl::string_view name;
  KeyType type = KeyType::kText;
  // One line for people, without a full stop at its end.
  absl::string_view description;
  // As a user would write it; empty: none, or not the same for everybody.
  absl::string_view default_value;
  // "json|yaml": the only texts that are allowed. Empty: all.
  absl::string_view values;
  // Of kMap, kMapList, kMapOrList, kTextOrMap, kNamedMaps, kImages.
  const KeyTable* members = nullptr;
  bool required = false;
  // Whoever knows the value can log in somewhere.
  bool secret = false;
  // Deprecated in favour of this key or flag, as a user would write it.
  absl::string_view replaced_by;
  // Another spelling of this key in the same map, read as that one.
  absl::string_view alias_of;
};

// All keys of one kind of map; keys that begin with `x-` are the user's. A constant.
struct KeyTable {
  // With its article: "a git context".
  absl::string_view what;
  absl::Span<const Key> keys;
  // "path|git": one of these keys must be there. Empty: no such rule.
  absl::string_view one_of;

  // Null if there is none of this name.
  const Key* Find(absl::string_view name) const;
  // What it is good to suggest: all but deprecated keys and aliases, in the order of the table.
  std::vector<absl::string_view> Names() const;
};

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_KEY_TABLE_H_
