#include "credentials/envelope.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/c_handle.h"
#include "base/hash.h"
#include "base/status.h"

namespace stevedore::credentials {
namespace {

using CipherContext = base::CHandle<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;

constexpr size_t kNonceBytes = 12;
constexpr size_t kTagBytes = 16;
constexpr size_t kSaltBytes = 16;
constexpr size_t kTextLimitBytes = 1 << 20;
// Version, key derivation and its costs: N = 2^15, r = 8, p = 1, which is 32 MiB. Other costs are a
// new version: a file must not choose how much we work.
constexpr absl::string_view kHeader = "stevedore-credential:1:scrypt:15:8:1:";
constexpr absl::string_view kPrefix = "stevedore-credential:";
constexpr uint64_t kScryptN = 1 << 15;
constexpr uint64_t kScryptR = 8;
constexpr uint64_t kScryptP = 1;
constexpr uint64_t kScryptMemoryBytes = 64 << 20;

const unsigned char* Bytes(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

unsigned char* Bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

bool IsHex(absl::string_view text) {
  return text.size() % 2 == 0 && std::all_of(text.begin(), text.end(), absl::ascii_isxdigit);
}

absl::Status CannotOpen() {
  return absl::DataLossError(
      "it does not open with the configured `credentials.encryption_key`: the key is another one, "
      "or the entry was changed");
}

absl::Status CipherFailed() { return absl::InternalError("the system's AES-256-GCM failed"); }

// nonce, ciphertext, tag.
absl::StatusOr<std::string> Encrypt(const base::Secret& key, absl::string_view nonce,
                                    absl::string_view plaintext, absl::string_view associated) {
  CipherContext context(EVP_CIPHER_CTX_new());
  std::string out(plaintext.size() + kTagBytes, '\0');
  int size = 0;
  if (context == nullptr || nonce.size() != kNonceBytes || plaintext.size() > kTextLimitBytes ||
      EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, Bytes(key.Reveal()),
                         Bytes(nonce)) != 1 ||
      (!associated.empty() && EVP_EncryptUpdate(context.get(), nullptr, &size, Bytes(associated),
                                                static_cast<int>(associated.size())) != 1) ||
      EVP_EncryptUpdate(context.get(), Bytes(out), &size, Bytes(plaintext),
                        static_cast<int>(plaintext.size())) != 1 ||
      EVP_EncryptFinal_ex(context.get(), Bytes(out) + plaintext.size(), &size) != 1 ||
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes,
                          Bytes(out) + plaintext.size()) != 1) {
    return CipherFailed();
  }
  return absl::StrCat(nonce, out);
}

absl::StatusOr<base::Secret> Decrypt(const base::Secret& key, absl::string_view sealed,
                                     absl::string_view associated) {
  if (sealed.size() < kNonceBytes + kTagBytes) {
    return absl::InvalidArgumentError("the encrypted entry is cut off; create it again");
  }
  const absl::string_view nonce = sealed.substr(0, kNonceBytes);
  std::string tag(sealed.substr(sealed.size() - kTagBytes));
  sealed.remove_prefix(kNonceBytes);
  sealed.remove_suffix(kTagBytes);
  CipherContext context(EVP_CIPHER_CTX_new());
  std::string out(sealed.size() + kTagBytes, '\0');
  int size = 0;
  if (context == nullptr ||
      EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, Bytes(key.Reveal()),
                         Bytes(nonce)) != 1 ||
      (!associated.empty() && EVP_DecryptUpdate(context.get(), nullptr, &size, Bytes(associated),
                                                static_cast<int>(associated.size())) != 1) ||
      EVP_DecryptUpdate(context.get(), Bytes(out), &size, Bytes(sealed),
                        static_cast<int>(sealed.size())) != 1 ||
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, Bytes(tag)) != 1) {
    return CipherFailed();
  }
  const bool genuine = EVP_DecryptFinal_ex(context.get(), Bytes(out) + sealed.size(), &size) == 1;
  if (!genuine) {
    base::Secret wiped(std::move(out));
    return CannotOpen();
  }
  out.resize(sealed.size());
  return base::Secret(std::move(out));
}

base::Secret GostevedoreKey(const base::Secret& passphrase) {
  return base::Secret(base::Sha256(passphrase.Reveal()));
}

absl::Status NoPassphrase() {
  return absl::FailedPreconditionError(
      "the store is encrypted; give its key as `credentials.encryption_key` or "
      "STEVEDORE_CREDENTIALS_ENCRYPTION_KEY");
}

// The salt (hex) of a scrypt text, and what follows it.
absl::StatusOr<std::pair<std::string, absl::string_view>> SplitScrypt(absl::string_view text) {
  if (!absl::StartsWith(text, kHeader)) {
    return absl::InvalidArgumentError(
        "the entry was encrypted by another version of Stevedore; use that version, or create the "
        "entry again");
  }
  text.remove_prefix(kHeader.size());
  const size_t colon = text.find(':');
  if (colon != 2 * kSaltBytes || !IsHex(text.substr(0, colon)) || !IsHex(text.substr(colon + 1))) {
    return absl::InvalidArgumentError("the encrypted entry is damaged; create it again");
  }
  return std::make_pair(std::string(text.substr(0, colon)), text.substr(colon + 1));
}

// What is authenticated besides the content.
std::string Associated(const std::string& salt, absl::string_view name) {
  return absl::StrCat(kHeader, salt, ":", name);
}

}  // namespace

EnvelopeKind KindOf(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  if (absl::StartsWith(text, kPrefix)) return EnvelopeKind::kScrypt;
  return !text.empty() && IsHex(text) ? EnvelopeKind::kGostevedore : EnvelopeKind::kPlain;
}

std::string SealGostevedore(const base::Secret& passphrase, absl::string_view plaintext,
                            absl::string_view nonce) {
  const auto sealed = Encrypt(GostevedoreKey(passphrase), nonce, plaintext, "");
  return sealed.ok() ? absl::BytesToHexString(*sealed) : "";
}

absl::StatusOr<base::Secret> Envelope::Key(const std::string& salt) const {
  base::MutexLock lock(&mu_);
  if (const auto it = keys_.find(salt); it != keys_.end()) return it->second;
  const std::string raw_salt = absl::HexStringToBytes(salt);
  std::string key(32, '\0');
  if (EVP_PBE_scrypt(passphrase_.Reveal().data(), passphrase_.Reveal().size(), Bytes(raw_salt),
                     raw_salt.size(), kScryptN, kScryptR, kScryptP, kScryptMemoryBytes, Bytes(key),
                     key.size()) != 1) {
    return absl::ResourceExhaustedError(
        "the key of the credential store could not be derived; it needs 32 MiB of memory");
  }
  return keys_.emplace(salt, base::Secret(std::move(key))).first->second;
}

absl::StatusOr<base::Secret> Envelope::OpenScrypt(absl::string_view text,
                                                  absl::string_view name) const {
  ASSIGN_OR_RETURN(const auto parts, SplitScrypt(text));
  const auto& [salt, sealed] = parts;
  ASSIGN_OR_RETURN(const base::Secret key, Key(salt));
  return Decrypt(key, absl::HexStringToBytes(sealed), Associated(salt, name));
}

absl::StatusOr<base::Secret> Envelope::Open(absl::string_view text, absl::string_view name) const {
  text = absl::StripAsciiWhitespace(text);
  if (text.size() > kTextLimitBytes) {
    return absl::InvalidArgumentError("the entry is larger than 1 MiB; it is no credential");
  }
  if (!has_passphrase()) return NoPassphrase();
  switch (KindOf(text)) {
    case EnvelopeKind::kScrypt:
      return OpenScrypt(text, name);
    case EnvelopeKind::kGostevedore:
      return Decrypt(GostevedoreKey(passphrase_), absl::HexStringToBytes(text), "");
    case EnvelopeKind::kPlain:
      break;
  }
  return absl::InvalidArgumentError(
      "the entry is not encrypted although `credentials.encryption_key` is set; run "
      "`stevedore-cli migrate credentials`, or remove the key");
}

absl::StatusOr<std::string> Envelope::Seal(EnvelopeKind kind, absl::string_view plaintext,
                                           absl::string_view name,
                                           absl::string_view salt_from) const {
  if (!has_passphrase()) return NoPassphrase();
  if (kind == EnvelopeKind::kGostevedore) {
    return SealGostevedore(passphrase_, plaintext, base::RandomBytes(kNonceBytes));
  }
  std::string salt = base::RandomHex(kSaltBytes);
  if (!salt_from.empty()) {
    if (const auto other = SplitScrypt(absl::StripAsciiWhitespace(salt_from)); other.ok()) {
      salt = other->first;
    }
  }
  ASSIGN_OR_RETURN(const base::Secret key, Key(salt));
  ASSIGN_OR_RETURN(const std::string sealed,
                   Encrypt(key, base::RandomBytes(kNonceBytes), plaintext, Associated(salt, name)));
  return absl::StrCat(kHeader, salt, ":", absl::BytesToHexString(sealed));
}

}  // namespace stevedore::credentials
