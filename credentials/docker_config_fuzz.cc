// Any bytes as Docker's config.json: an error, or a document that can be asked, changed and written
// so that it parses again; never a crash.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "credentials/docker_config.h"

using stevedore::credentials::Credential;
using stevedore::credentials::DockerConfig;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(bytes), size);
  auto config = DockerConfig::Parse(text, "config.json");
  (void)stevedore::credentials::ParseLoginServer(text.substr(0, 200));
  if (!config.ok()) return 0;
  (void)config->Find("reg");
  (void)config->HelperOf("reg");
  Credential credential;
  credential.username = "alice";
  if (!config->Set("reg", credential).ok()) abort();
  const auto again = DockerConfig::Parse(config->ToText(), "config.json");
  if (!again.ok() || !again->Find("reg").ok()) abort();
  config->Remove("reg");
  return 0;
}
