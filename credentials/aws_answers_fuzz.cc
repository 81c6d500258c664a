// Any bytes as an answer of AWS: an error or keys, never a crash.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "credentials/aws_answers.h"

namespace credentials = stevedore::credentials;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(bytes), size);
  const auto token = credentials::ParseEcrAnswer(text);
  if (token.ok() && (token->username.empty() || token->password.empty())) abort();
  const auto keys = credentials::ParseStsAnswer(text);
  if (keys.ok() && (keys->access_key_id.empty() || keys->session_token.empty())) abort();
  const auto other = credentials::ParseKeysAnswer(text);
  if (other.ok() && other->secret_access_key.empty()) abort();
  (void)credentials::ParseAwsError(text, "");
  return 0;
}
