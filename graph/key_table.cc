#include "graph/key_table.h"

namespace stevedore::graph {

const Key* KeyTable::Find(absl::string_view name) const {
  for (const Key& key : keys) {
    if (key.name == name) return &key;
  }
  return nullptr;
}

std::vector<absl::string_view> KeyTable::Names() const {
  std::vector<absl::string_view> names;
  for (const Key& key : keys) {
    if (key.replaced_by.empty() && key.alias_of.empty()) names.push_back(key.name);
  }
  return names;
}

}  // namespace stevedore::graph
