// Any bytes as an encrypted credential: an error, never a crash. Few scrypt
// texts per run, as deriving a key takes a tenth of a second.

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "base/secret.h"
#include "credentials/envelope.h"

using stevedore::credentials::Envelope;
using stevedore::credentials::EnvelopeKind;
using stevedore::credentials::KindOf;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  // One envelope for the whole run keeps the keys of the salts that it met.
  static const Envelope& envelope = *new Envelope(stevedore::base::Secret("unit-test-key"));
  static int derivations_left = 20;
  const absl::string_view text(reinterpret_cast<const char*>(bytes), size);
  if (KindOf(text) == EnvelopeKind::kScrypt && derivations_left-- <= 0) return 0;
  (void)envelope.Open(text, "name");
  return 0;
}
