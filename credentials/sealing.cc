#include "credentials/sealing.h"

#include <openssl/evp.h>
#include <openssl/kdf.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/c_handle.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/status.h"

namespace stevedore::credentials {
namespace {

using Key = base::CHandle<EVP_PKEY, EVP_PKEY_free>;
using KeyContext = base::CHandle<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using CipherContext = base::CHandle<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;

constexpr size_t kKeyBytes = 32;
constexpr size_t kNonceBytes = 12;
constexpr size_t kTagBytes = 16;
constexpr size_t kIdDigits = 16;
constexpr size_t kPlaintextLimitBytes = 100 << 10;
constexpr uint64_t kFileLimitBytes = 4096;
constexpr absl::string_view kPublicPrefix = "stevedore-sealing-public:1:x25519:";
constexpr absl::string_view kPrivatePrefix = "stevedore-sealing-private:1:x25519:";
constexpr absl::string_view kAnyPrivate = "stevedore-sealing-private:";
constexpr absl::string_view kSealedPrefix = "stevedore-sealed:1:";
constexpr absl::string_view kAnySealed = "stevedore-sealed:";

const unsigned char* Bytes(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

unsigned char* Bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

bool IsHex(absl::string_view text) {
  return text.size() % 2 == 0 && std::all_of(text.begin(), text.end(), absl::ascii_isxdigit);
}

absl::Status CryptographyFailed() {
  return absl::InternalError("the system's X25519, HKDF or AES-256-GCM failed");
}

absl::Status CannotOpen() {
  return absl::DataLossError(
      "the sealed credentials do not open: they were changed on their way, or belong to another "
      "build; submit the build again");
}

// The 32 bytes of a public key that belong to private ones.
absl::StatusOr<std::string> RawPublic(const Key& key) {
  std::string raw(kKeyBytes, '\0');
  size_t size = raw.size();
  if (key == nullptr || EVP_PKEY_get_raw_public_key(key.get(), Bytes(raw), &size) != 1 ||
      size != kKeyBytes) {
    return CryptographyFailed();
  }
  return raw;
}

// The secret that `own` and the owner of the public key `other` share. INVALID_ARGUMENT for a
// public key that makes it known to everybody.
absl::StatusOr<base::Secret> Agree(const Key& own, absl::string_view other) {
  const Key peer(EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, Bytes(other), other.size()));
  KeyContext context(EVP_PKEY_CTX_new(own.get(), nullptr));
  std::string shared(kKeyBytes, '\0');
  size_t size = shared.size();
  if (peer == nullptr || context == nullptr || EVP_PKEY_derive_init(context.get()) != 1 ||
      EVP_PKEY_derive_set_peer(context.get(), peer.get()) != 1) {
    return CryptographyFailed();
  }
  // OpenSSL refuses a shared secret of zeros, which comes of keys of low order only.
  if (EVP_PKEY_derive(context.get(), Bytes(shared), &size) != 1 || size != kKeyBytes) {
    return absl::InvalidArgumentError("the public key is a weak one");
  }
  return base::Secret(std::move(shared));
}

// Key and nonce: each shared secret is used once, so both come out of it.
absl::StatusOr<base::Secret> DeriveKey(const base::Secret& shared, absl::string_view ephemeral,
                                       absl::string_view recipient) {
  const std::string info = absl::StrCat("stevedore sealing 1", ephemeral, recipient);
  KeyContext context(EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, nullptr));
  std::string out(kKeyBytes + kNonceBytes, '\0');
  size_t size = out.size();
  if (context == nullptr || EVP_PKEY_derive_init(context.get()) != 1 ||
      EVP_PKEY_CTX_set_hkdf_md(context.get(), EVP_sha256()) != 1 ||
      EVP_PKEY_CTX_set1_hkdf_key(context.get(), Bytes(shared.Reveal()),
                                 static_cast<int>(shared.Reveal().size())) != 1 ||
      EVP_PKEY_CTX_add1_hkdf_info(context.get(), Bytes(info), static_cast<int>(info.size())) != 1 ||
      EVP_PKEY_derive(context.get(), Bytes(out), &size) != 1 || size != out.size()) {
    return CryptographyFailed();
  }
  return base::Secret(std::move(out));
}

// Ciphertext and tag.
absl::StatusOr<std::string> Encrypt(const base::Secret& key, absl::string_view plaintext,
                                    absl::string_view associated) {
  const absl::string_view nonce = absl::string_view(key.Reveal()).substr(kKeyBytes);
  CipherContext context(EVP_CIPHER_CTX_new());
  std::string out(plaintext.size() + kTagBytes, '\0');
  int size = 0;
  if (context == nullptr ||
      EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, Bytes(key.Reveal()),
                         Bytes(nonce)) != 1 ||
      EVP_EncryptUpdate(context.get(), nullptr, &size, Bytes(associated),
                        static_cast<int>(associated.size())) != 1 ||
      EVP_EncryptUpdate(context.get(), Bytes(out), &size, Bytes(plaintext),
                        static_cast<int>(plaintext.size())) != 1 ||
      EVP_EncryptFinal_ex(context.get(), Bytes(out) + plaintext.size(), &size) != 1 ||
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes,
                          Bytes(out) + plaintext.size()) != 1) {
    return CryptographyFailed();
  }
  return out;
}

absl::StatusOr<base::Secret> Decrypt(const base::Secret& key, absl::string_view sealed,
                                     absl::string_view associated) {
  const absl::string_view nonce = absl::string_view(key.Reveal()).substr(kKeyBytes);
  std::string tag(sealed.substr(sealed.size() - kTagBytes));
  sealed.remove_suffix(kTagBytes);
  CipherContext context(EVP_CIPHER_CTX_new());
  std::string out(sealed.size() + kTagBytes, '\0');
  int size = 0;
  if (context == nullptr ||
      EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, Bytes(key.Reveal()),
                         Bytes(nonce)) != 1 ||
      EVP_DecryptUpdate(context.get(), nullptr, &size, Bytes(associated),
                        static_cast<int>(associated.size())) != 1 ||
      EVP_DecryptUpdate(context.get(), Bytes(out), &size, Bytes(sealed),
                        static_cast<int>(sealed.size())) != 1 ||
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, Bytes(tag)) != 1) {
    return CryptographyFailed();
  }
  const bool genuine = EVP_DecryptFinal_ex(context.get(), Bytes(out) + sealed.size(), &size) == 1;
  if (genuine) out.resize(sealed.size());
  base::Secret content(std::move(out));
  if (!genuine) return CannotOpen();
  return content;
}

std::string Associated(absl::string_view header, absl::string_view context) {
  return absl::StrCat(header, context);
}

}  // namespace

absl::StatusOr<SealingPublicKey> SealingPublicKey::Parse(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  if (absl::StartsWith(text, kAnyPrivate)) {
    return absl::InvalidArgumentError(
        "this is the private half of a sealing key, which belongs to workers only; give the public "
        "half, which `stevedore-cli get sealing-key FILE` prints");
  }
  if (!absl::ConsumePrefix(&text, kPublicPrefix) || text.size() != 2 * kKeyBytes || !IsHex(text)) {
    return absl::InvalidArgumentError(
        absl::StrCat("this is no public sealing key: want `", kPublicPrefix,
                     "` and 64 hex digits, as `stevedore-cli create sealing-key` prints it"));
  }
  return SealingPublicKey(absl::HexStringToBytes(text));
}

std::string SealingPublicKey::ToString() const {
  return absl::StrCat(kPublicPrefix, absl::BytesToHexString(raw_));
}

std::string SealingPublicKey::id() const { return base::Sha256Hex(raw_).substr(0, kIdDigits); }

absl::StatusOr<std::string> SealingPublicKey::Seal(const base::Secret& plaintext,
                                                   absl::string_view context) const {
  if (plaintext.Reveal().size() > kPlaintextLimitBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("the credentials are ", plaintext.Reveal().size(),
                     " bytes long; at most 100 KiB can be sealed, so submit fewer images at once"));
  }
  const Key ephemeral(EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519"));
  ASSIGN_OR_RETURN(const std::string ephemeral_public, RawPublic(ephemeral));
  ASSIGN_OR_RETURN(const base::Secret shared, Agree(ephemeral, raw_));
  ASSIGN_OR_RETURN(const base::Secret key, DeriveKey(shared, ephemeral_public, raw_));
  const std::string header = absl::StrCat(kSealedPrefix, id(), ":");
  ASSIGN_OR_RETURN(const std::string sealed,
                   Encrypt(key, plaintext.Reveal(), Associated(header, context)));
  return absl::StrCat(header, absl::BytesToHexString(ephemeral_public),
                      absl::BytesToHexString(sealed));
}

absl::StatusOr<SealingPrivateKey> SealingPrivateKey::Generate() {
  const Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519"));
  ASSIGN_OR_RETURN(std::string raw_public, RawPublic(key));
  std::string raw(kKeyBytes, '\0');
  size_t size = raw.size();
  if (EVP_PKEY_get_raw_private_key(key.get(), Bytes(raw), &size) != 1 || size != kKeyBytes) {
    return CryptographyFailed();
  }
  return SealingPrivateKey(base::Secret(std::move(raw)), SealingPublicKey(std::move(raw_public)));
}

absl::StatusOr<SealingPrivateKey> SealingPrivateKey::Parse(const base::Secret& secret) {
  absl::string_view text = absl::StripAsciiWhitespace(secret.Reveal());
  if (absl::StartsWith(text, kPublicPrefix)) {
    return absl::InvalidArgumentError(
        "this is the public half of a sealing key; workers need the private half");
  }
  if (!absl::ConsumePrefix(&text, kPrivatePrefix) || text.size() != 2 * kKeyBytes || !IsHex(text)) {
    return absl::InvalidArgumentError(
        absl::StrCat("this is no private sealing key: want `", kPrivatePrefix,
                     "` and 64 hex digits, as `stevedore-cli create sealing-key` writes it"));
  }
  base::Secret raw(absl::HexStringToBytes(text));
  const Key key(EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, Bytes(raw.Reveal()),
                                             raw.Reveal().size()));
  ASSIGN_OR_RETURN(std::string raw_public, RawPublic(key));
  return SealingPrivateKey(std::move(raw), SealingPublicKey(std::move(raw_public)));
}

base::Secret SealingPrivateKey::ToString() const {
  return base::Secret(absl::StrCat(kPrivatePrefix, absl::BytesToHexString(raw_.Reveal())));
}

absl::StatusOr<base::Secret> SealingPrivateKey::Open(absl::string_view header,
                                                     absl::string_view sealed,
                                                     absl::string_view context) const {
  const Key own(EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, Bytes(raw_.Reveal()),
                                             raw_.Reveal().size()));
  if (own == nullptr) return CryptographyFailed();
  const absl::string_view ephemeral = sealed.substr(0, kKeyBytes);
  ASSIGN_OR_RETURN(const base::Secret shared, Agree(own, ephemeral));
  ASSIGN_OR_RETURN(const base::Secret key, DeriveKey(shared, ephemeral, public_key_.raw_));
  return Decrypt(key, sealed.substr(kKeyBytes), Associated(header, context));
}

absl::StatusOr<SealingKeyring> SealingKeyring::Load(const std::vector<std::string>& files) {
  std::vector<SealingPrivateKey> keys;
  for (const std::string& file : files) {
    const std::string where = absl::StrCat("sealing key ", file);
    ASSIGN_OR_RETURN(std::string text, base::ReadFile(file, kFileLimitBytes), where);
    ASSIGN_OR_RETURN(SealingPrivateKey key, SealingPrivateKey::Parse(base::Secret(std::move(text))),
                     where);
    keys.push_back(std::move(key));
  }
  return SealingKeyring(std::move(keys));
}

std::vector<std::string> SealingKeyring::ids() const {
  std::vector<std::string> ids;
  for (const SealingPrivateKey& key : keys_) ids.push_back(key.public_key().id());
  return ids;
}

absl::StatusOr<base::Secret> SealingKeyring::Open(absl::string_view text,
                                                  absl::string_view context) const {
  if (text.size() > kSealedTextLimitBytes) {
    return absl::InvalidArgumentError("the sealed credentials are longer than 256 KiB");
  }
  if (absl::StartsWith(text, kAnySealed) && !absl::StartsWith(text, kSealedPrefix)) {
    return absl::InvalidArgumentError(
        "the credentials were sealed by another version of Stevedore; bring client and workers to "
        "one version");
  }
  const size_t header_size = kSealedPrefix.size() + kIdDigits + 1;
  const absl::string_view header = text.substr(0, header_size);
  const absl::string_view hex = text.size() < header_size ? "" : text.substr(header_size);
  if (!absl::StartsWith(header, kSealedPrefix) || !absl::EndsWith(header, ":") || !IsHex(hex) ||
      hex.size() < 2 * (kKeyBytes + kTagBytes)) {
    return absl::InvalidArgumentError("the sealed credentials are damaged; submit the build again");
  }
  const absl::string_view id = header.substr(kSealedPrefix.size(), kIdDigits);
  for (const SealingPrivateKey& key : keys_) {
    if (key.public_key().id() == id) return key.Open(header, absl::HexStringToBytes(hex), context);
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "the build's credentials are sealed to key ", absl::CHexEscape(id), ", which is not here (",
      keys_.empty() ? "there is none" : absl::StrCat("there are: ", absl::StrJoin(ids(), ", ")),
      "); start the worker with --sealing-key FILE of that key"));
}

}  // namespace stevedore::credentials
