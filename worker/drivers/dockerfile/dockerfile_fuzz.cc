// Any bytes as a Dockerfile: parsed, and its references listed.

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "worker/drivers/dockerfile/dockerfile.h"
#include "worker/drivers/dockerfile/references.h"
#include "worker/drivers/dockerfile/variables.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stevedore::worker::dockerfile;  // NOLINT: one function.
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<Dockerfile> file = Dockerfile::Parse(text, "Dockerfile");
  if (!file.ok()) return 0;
  const BuildArguments arguments;
  const absl::StatusOr<GlobalVariables> global = GlobalVariables::Create(*file, arguments);
  if (!global.ok()) return 0;
  (void)ExternalImages(*file, file->stages().size() - 1, *global);
  StageVariables variables;
  for (const Instruction& in : file->stages().back().instructions) {
    if (in.kind == Instruction::Kind::kArg) (void)variables.Declare(in, *global, '\\');
    for (const std::string& word : in.words) (void)variables.Expand(word, '\\');
  }
  return 0;
}
