// Any bytes as a compose file, and as the .env file beside it: an error, or definitions; never a
// crash.

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "graph/import/compose.h"
#include "graph/import/compose_values.h"
#include "graph/import/definitions_writer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string text(reinterpret_cast<const char*>(bytes), size);
  stevedore::graph::ComposeSources sources;
  if (auto variables = stevedore::graph::ParseEnvFile(".env", text); variables.ok()) {
    sources.variables = *std::move(variables);
  }
  sources.read_file = [&](const std::string& path) -> absl::StatusOr<std::string> {
    if (path == "other.yaml") return text;
    return absl::NotFoundError(path);
  };
  auto file = stevedore::graph::ReadCompose("compose.yaml", text, sources);
  if (!file.ok()) return 0;
  const auto definitions = stevedore::graph::ToDefinitions(*std::move(file));
  if (!definitions.ok()) return 0;
  const std::string written =
      definitions->document.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  (void)stevedore::graph::CheckImportedText("fuzz.yaml", written);
  return 0;
}
