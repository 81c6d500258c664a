// Any bytes as YAML: an error with a place, or a tree that can be walked; never a crash.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/string_view.h"
#include "graph/yaml_document.h"

using stevedore::graph::YamlDocument;
using stevedore::graph::YamlNode;

namespace {

// Aliases may make a tree large: so much of it is walked.
void Walk(const YamlNode& node, int* steps) {
  if (--*steps < 0) return;
  (void)node.where();
  (void)node.Describe();
  for (const YamlNode* item : node.items()) Walk(*item, steps);
  for (const auto& [key, value] : node.entries()) {
    if (node.Find(key->text()) != value) abort();  // Each key once.
    Walk(*value, steps);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const auto document = YamlDocument::Parse(
      "fuzz.yaml", absl::string_view(reinterpret_cast<const char*>(bytes), size));
  int steps = 100'000;
  if (document.ok() && (*document)->root() != nullptr) Walk(*(*document)->root(), &steps);
  return 0;
}
