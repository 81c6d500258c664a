#include "context/ssh_private_key.h"

#include <cstdint>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "context/ssh_known_hosts.h"

namespace stevedore::context {
namespace {

constexpr absl::string_view kBegin = "-----BEGIN ";
constexpr absl::string_view kMagic("openssh-key-v1\0", 15);

// A length and that many bytes, from the front of `bytes`.
std::optional<absl::string_view> TakeString(absl::string_view* bytes) {
  if (bytes->size() < 4) return std::nullopt;
  uint32_t size = 0;
  for (size_t i = 0; i < 4; ++i) size = size << 8 | static_cast<unsigned char>((*bytes)[i]);
  bytes->remove_prefix(4);
  if (size > bytes->size()) return std::nullopt;
  const absl::string_view text = bytes->substr(0, size);
  bytes->remove_prefix(size);
  return text;
}

// OpenSSH's own form: cipher, key derivation and the public half stand in front.
void LookAtOpenSsh(absl::string_view body, SshPrivateKey* key) {
  std::string base64;
  for (const char c : body) {
    if (!absl::ascii_isspace(c)) base64.push_back(c);
  }
  std::string decoded;
  if (!absl::Base64Unescape(base64, &decoded)) return;
  absl::string_view bytes = decoded;
  if (!absl::ConsumePrefix(&bytes, kMagic)) return;
  const auto cipher = TakeString(&bytes);
  const auto derivation = TakeString(&bytes);
  const auto options = TakeString(&bytes);
  if (!cipher.has_value() || !derivation.has_value() || !options.has_value()) return;
  if (bytes.size() < 4) return;
  bytes.remove_prefix(4);  // How many keys; there is one.
  const auto public_key = TakeString(&bytes);
  if (!public_key.has_value()) return;
  key->is_key = true;
  key->encrypted = *cipher != "none";
  key->rsa = SshKeyType(*public_key) == "ssh-rsa";
}

}  // namespace

SshPrivateKey LookAtPrivateKey(absl::string_view text) {
  SshPrivateKey key;
  const size_t begin = text.find(kBegin);
  if (begin == absl::string_view::npos) return key;
  text.remove_prefix(begin + kBegin.size());
  const size_t dashes = text.find("-----");
  if (dashes == absl::string_view::npos) return key;
  const absl::string_view kind = text.substr(0, dashes);
  text.remove_prefix(dashes + 5);
  const absl::string_view body = text.substr(0, text.find("-----END"));
  if (kind == "OPENSSH PRIVATE KEY") {
    LookAtOpenSsh(body, &key);
  } else if (absl::EndsWith(kind, "PRIVATE KEY")) {
    key.is_key = true;
    key.encrypted =
        absl::StrContains(kind, "ENCRYPTED") || absl::StrContains(body, "Proc-Type: 4,ENCRYPTED");
    key.rsa = absl::StartsWith(kind, "RSA");
  }
  return key;
}

}  // namespace stevedore::context
