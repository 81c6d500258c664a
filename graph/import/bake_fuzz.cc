// Any bytes as what bake prints: an error, or definitions; never a crash.

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "graph/import/bake.h"
#include "graph/import/definitions_writer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  auto file = stevedore::graph::ReadBake("fuzz.json",
                                         std::string(reinterpret_cast<const char*>(bytes), size));
  if (!file.ok()) return 0;
  const auto definitions = stevedore::graph::ToDefinitions(*std::move(file));
  if (!definitions.ok()) return 0;
  const std::string text =
      definitions->document.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  (void)stevedore::graph::CheckImportedText("fuzz.yaml", text);
  return 0;
}
