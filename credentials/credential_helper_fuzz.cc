// Any bytes as the answer of a credential helper: an error or a credential, never a crash.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "credentials/credential_helper.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const auto answer = stevedore::credentials::ParseHelperAnswer(
      absl::string_view(reinterpret_cast<const char*>(bytes), size));
  if (answer.ok() && answer->password.empty() && answer->identity_token.empty()) abort();
  return 0;
}
