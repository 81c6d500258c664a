#include "base/hash.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <cstdio>
#include <cstdlib>

#include "absl/strings/escaping.h"
#include "base/c_handle.h"

namespace stevedore::base {
namespace {

void Require(bool ok, const char* what) {
  if (ok) return;
  std::fprintf(stderr, "stevedore: OpenSSL cannot %s; is the default provider disabled?\n", what);
  std::abort();
}

}  // namespace

struct Hasher::State {
  const EVP_MD* algorithm;
  CHandle<EVP_MD_CTX, EVP_MD_CTX_free> context{EVP_MD_CTX_new()};

  void Start() {
    Require(context != nullptr && EVP_DigestInit_ex(context.get(), algorithm, nullptr) == 1,
            "start a hash");
  }
};

Hasher::Hasher(HashAlgorithm algorithm)
    : state_(new State{algorithm == HashAlgorithm::kSha256 ? EVP_sha256() : EVP_sha512()}) {
  state_->Start();
}

Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;
Hasher::~Hasher() = default;

void Hasher::Update(absl::string_view bytes) {
  Require(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()) == 1, "hash");
}

std::string Hasher::Finish() {
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  Require(EVP_DigestFinal_ex(state_->context.get(), hash, &size) == 1, "finish a hash");
  state_->Start();
  return std::string(reinterpret_cast<const char*>(hash), size);
}

std::string Sha256(absl::string_view bytes) {
  Hasher hasher;
  hasher.Update(bytes);
  return hasher.Finish();
}

std::string Sha256Hex(absl::string_view bytes) { return absl::BytesToHexString(Sha256(bytes)); }

std::string HmacSha1(absl::string_view key, absl::string_view text) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (HMAC(EVP_sha1(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(), out,
           &size) == nullptr) {
    std::abort();  // Lack of memory or of the provider, as for hashes.
  }
  return std::string(reinterpret_cast<const char*>(out), size);
}

std::string RandomBytes(size_t size) {
  std::string bytes(size, '\0');
  Require(RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(size)) == 1,
          "produce random bytes");
  return bytes;
}

std::string RandomHex(size_t size) { return absl::BytesToHexString(RandomBytes(size)); }

}  // namespace stevedore::base
