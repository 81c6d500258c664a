// Any bytes as a configuration file: errors with places, and settings that can be worked with.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/file.h"
#include "graph/configuration.h"

using stevedore::base::JoinPath;
using stevedore::base::TemporaryDirectory;
using stevedore::graph::Configuration;
using stevedore::graph::ConfigurationSources;
using stevedore::graph::Diagnostic;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  static const auto& directory = *new TemporaryDirectory(*TemporaryDirectory::Create());
  ConfigurationSources sources;
  sources.file = JoinPath(directory.path(), "stevedore.yaml");
  sources.lenient = size % 2 == 0;
  const std::string text(reinterpret_cast<const char*>(bytes), size);
  if (!stevedore::base::WriteFileAtomically(sources.file, text).ok()) abort();
  std::vector<Diagnostic> errors;
  const Configuration configuration = Configuration::Inspect(sources, &errors);
  if (configuration.concurrency < 1) abort();
  // Both ways to read agree on whether something is wrong.
  if (Configuration::Load(sources).ok() != errors.empty()) abort();
  return 0;
}
