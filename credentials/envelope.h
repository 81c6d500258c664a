// Encrypted credentials as text.

#ifndef STEVEDORE_CREDENTIALS_ENVELOPE_H_
#define STEVEDORE_CREDENTIALS_ENVELOPE_H_

#include <map>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "base/secret.h"

namespace stevedore::credentials {

// How a stored text is protected; told by its first bytes.
enum class EnvelopeKind {
  kPlain,
  // gostevedore's: hex of nonce, AES-256-GCM ciphertext and tag; the key is the SHA-256 of the
  // passphrase, so a weak passphrase is found fast.
  kGostevedore,
  // Ours: "stevedore-credential:1:scrypt:15:8:1:SALT:HEX". The header is authenticated.
  kScrypt,
};

// What `text` is. Thread-safe.
EnvelopeKind KindOf(absl::string_view text);

// gostevedore's envelope with a `nonce` of 12 bytes; a nonce must never be used twice.
std::string SealGostevedore(const base::Secret& passphrase, absl::string_view plaintext,
                            absl::string_view nonce);

// Opens and seals envelopes with one passphrase. Deriving a key costs 32 MiB and a tenth of a
// second, so keys are kept per salt. Thread-safe.
class Envelope {
 public:
  // An empty `passphrase` opens and seals nothing but errors.
  explicit Envelope(base::Secret passphrase) : passphrase_(std::move(passphrase)) {}

  bool has_passphrase() const { return !passphrase_.empty(); }

  // The content of an encrypted text of either kind; `name` is what it was sealed under (scrypt
  // only: an entry that was moved to another name does not open). FAILED_PRECONDITION without a
  // passphrase, DATA_LOSS if the passphrase is another one or the text was changed,
  // INVALID_ARGUMENT if it is no envelope or asks for more work than we ever do.
  absl::StatusOr<base::Secret> Open(absl::string_view text, absl::string_view name) const
      ABSL_LOCKS_EXCLUDED(mu_);

  // A new text of `kind` (not kPlain). For kScrypt, `salt_from` is another text of that kind whose
  // salt is used again, so that a store needs one key; empty: a new salt. FAILED_PRECONDITION
  // without a passphrase.
  absl::StatusOr<std::string> Seal(EnvelopeKind kind, absl::string_view plaintext,
                                   absl::string_view name, absl::string_view salt_from = "") const
      ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // The key for a salt; derived once.
  absl::StatusOr<base::Secret> Key(const std::string& salt) const ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<base::Secret> OpenScrypt(absl::string_view text, absl::string_view name) const;

  const base::Secret passphrase_;
  mutable base::Mutex mu_;
  mutable std::map<std::string, base::Secret> keys_ ABSL_GUARDED_BY(mu_);
};

}  // namespace stevedore::credentials

#endif  // STEVEDORE_CREDENTIALS_ENVELOPE_H_
