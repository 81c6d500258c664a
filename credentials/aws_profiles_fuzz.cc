// Any bytes as a shared file of AWS: an error or profiles, never a crash.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "credentials/aws_profiles.h"

using stevedore::credentials::AwsProfiles;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(bytes), size);
  (void)stevedore::credentials::SplitCommandLine(text);
  AwsProfiles profiles;
  (void)profiles.Add(text, "config", AwsProfiles::Kind::kConfig);
  (void)profiles.Add(text, "credentials", AwsProfiles::Kind::kCredentials);
  for (const std::string& name : profiles.Names()) {
    if (profiles.Find(name) == nullptr) abort();
    (void)profiles.Find(name)->Get("aws_access_key_id");
  }
  return 0;
}
