// Any bytes as sealed credentials, as keys, and as what was sealed: an error, never a crash.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/string_view.h"
#include "base/secret.h"
#include "credentials/bundle.h"
#include "credentials/sealing.h"

using stevedore::base::Secret;
using stevedore::credentials::FormatBundle;
using stevedore::credentials::ParseBundle;
using stevedore::credentials::SealingKeyring;
using stevedore::credentials::SealingPrivateKey;
using stevedore::credentials::SealingPublicKey;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  static const SealingKeyring& keyring = *new SealingKeyring(
      {*SealingPrivateKey::Parse(Secret("stevedore-sealing-private:1:x25519:5dab087e624a8a4b79e17f8"
                                        "b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"))});
  const absl::string_view text(reinterpret_cast<const char*>(bytes), size);
  (void)keyring.Open(text, "request");
  if (const auto key = SealingPublicKey::Parse(text); key.ok()) {
    (void)key->Seal(Secret("s"), "request");
  }
  (void)SealingPrivateKey::Parse(Secret(std::string(text)));
  const auto bundle = ParseBundle(Secret(std::string(text)));
  // What was read can be written and read again.
  if (bundle.ok() && !ParseBundle(*FormatBundle(*bundle)).ok()) abort();
  return 0;
}
