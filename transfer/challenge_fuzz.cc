#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/string_view.h"
#include "transfer/challenge.h"

// Any header value is parsed or refused; what was parsed has schemes.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto challenges = stevedore::transfer::ParseChallenges(
      absl::string_view(reinterpret_cast<const char*>(data), size));
  if (!challenges.ok()) return 0;
  for (const auto& challenge : *challenges) {
    if (challenge.scheme.empty()) abort();
  }
  return 0;
}
