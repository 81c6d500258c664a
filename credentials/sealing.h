// Credentials that travel through hands that must not read them.

#ifndef STEVEDORE_CREDENTIALS_SEALING_H_
#define STEVEDORE_CREDENTIALS_SEALING_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/secret.h"

namespace stevedore::credentials {

// Longest sealed text that is opened, in bytes.
inline constexpr size_t kSealedTextLimitBytes = 256 << 10;

// The half of a queue's key that everybody may know: who has it can seal, not open. A value.
class SealingPublicKey {
 public:
  // Reads what ToString wrote, with or without white space around it. INVALID_ARGUMENT if it is no
  // such key; a private key in its place is told as such. Thread-safe.
  static absl::StatusOr<SealingPublicKey> Parse(absl::string_view text);

  // "stevedore-sealing-public:1:x25519:64 hex digits".
  std::string ToString() const;
  // 16 hex digits that name the pair: the beginning of the SHA-256 of the public half.
  std::string id() const;

  // Seals `plaintext` (at most 100 KiB): only the private half opens it, and only together with an
  // equal `context` (the request id of the build that it belongs to). Each call uses a key pair of
  // its own (X25519), HKDF-SHA-256 over both public keys and AES-256-GCM; the text is
  // "stevedore-sealed:1:KEY ID:HEX of ephemeral key, ciphertext and tag". INVALID_ARGUMENT above
  // the limit, INTERNAL if the system's cryptography fails. Thread-safe.
  absl::StatusOr<std::string> Seal(const base::Secret& plaintext, absl::string_view context) const;

 private:
  friend class SealingPrivateKey;
  explicit SealingPublicKey(std::string raw) : raw_(std::move(raw)) {}

  std::string raw_;  // 32 bytes.
};

// The half of a queue's key that workers alone have. A value.
class SealingPrivateKey {
 public:
  // A new pair. INTERNAL if the system's cryptography fails. Thread-safe.
  static absl::StatusOr<SealingPrivateKey> Generate();

  // Reads what ToString wrote, with or without white space around it. INVALID_ARGUMENT if it is no
  // such key; no message quotes it. Thread-safe.
  static absl::StatusOr<SealingPrivateKey> Parse(const base::Secret& text);

  // "stevedore-sealing-private:1:x25519:64 hex digits".
  base::Secret ToString() const;
  const SealingPublicKey& public_key() const { return public_key_; }

 private:
  friend class SealingKeyring;
  SealingPrivateKey(base::Secret raw, SealingPublicKey public_key)
      : raw_(std::move(raw)), public_key_(std::move(public_key)) {}

  // Opens what stands behind the key id; `header` is what stands before it.
  absl::StatusOr<base::Secret> Open(absl::string_view header, absl::string_view sealed,
                                    absl::string_view context) const;

  base::Secret raw_;  // 32 bytes.
  SealingPublicKey public_key_;
};

// The private keys of a worker: several while a queue changes its key. Thread-safe, as nothing
// changes after construction.
class SealingKeyring {
 public:
  SealingKeyring() = default;
  explicit SealingKeyring(std::vector<SealingPrivateKey> keys) : keys_(std::move(keys)) {}

  // Reads one key per file. INVALID_ARGUMENT or the system's error, naming the file.
  static absl::StatusOr<SealingKeyring> Load(const std::vector<std::string>& files);

  bool empty() const { return keys_.empty(); }
  // Ids of the keys, in order.
  std::vector<std::string> ids() const;

  // What was sealed. FAILED_PRECONDITION if it was sealed to a key that is not here (names both),
  // INVALID_ARGUMENT if `text` is no sealed text, DATA_LOSS if it was changed or belongs to another
  // context.
  absl::StatusOr<base::Secret> Open(absl::string_view text, absl::string_view context) const;

 private:
  std::vector<SealingPrivateKey> keys_;
};

}  // namespace stevedore::credentials

#endif  // STEVEDORE_CREDENTIALS_SEALING_H_
