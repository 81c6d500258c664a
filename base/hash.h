// SHA-256 and SHA-512 over streams, by OpenSSL (which uses the CPU's SHA instructions).

#ifndef STEVEDORE_BASE_HASH_H_
#define STEVEDORE_BASE_HASH_H_

#include <memory>
#include <string>

#include "absl/strings/string_view.h"

namespace stevedore::base {

// The hash functions that content digests use.
enum class HashAlgorithm { kSha256, kSha512 };

// One running hash. Hashing cannot fail but by lack of memory or of the provider: it aborts then,
// so that hashing code has no error paths. Movable; a moved-from hasher may only be destroyed. Not
// thread-safe.
class Hasher {
 public:
  explicit Hasher(HashAlgorithm algorithm = HashAlgorithm::kSha256);
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  ~Hasher();

  void Update(absl::string_view bytes);

  // The raw hash (32 or 64 bytes) of everything so far; the hasher then starts anew.
  std::string Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The raw 32-byte SHA-256 of `bytes`. Thread-safe.
std::string Sha256(absl::string_view bytes);

// SHA-256 as 64 lower-case hex digits. Thread-safe.
std::string Sha256Hex(absl::string_view bytes);

// The raw 20-byte HMAC-SHA-1 of `text`: what ssh's known_hosts files hide host names with. Proves
// nothing about anything else. Thread-safe.
std::string HmacSha1(absl::string_view key, absl::string_view text);

// `size` bytes from the system's cryptographic random source. Aborts if there is none. Thread-safe.
std::string RandomBytes(size_t size);

// `size` random bytes as lower-case hex: for ids that nobody may guess or meet twice.
std::string RandomHex(size_t size);

}  // namespace stevedore::base

#endif  // STEVEDORE_BASE_HASH_H_
