// Content digests: the names of bytes.

#ifndef STEVEDORE_OCI_IMAGE_DIGEST_H_
#define STEVEDORE_OCI_IMAGE_DIGEST_H_

#include <ostream>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/hash.h"

namespace stevedore::oci {

// The name of some bytes: "sha256:" and 64, or "sha512:" and 128 lower-case hex digits. Other
// algorithms are refused; see image-spec, descriptor.md, "Digests". A default-constructed digest is
// empty and names nothing. A value.
class Digest {
 public:
  Digest() = default;

  // INVALID_ARGUMENT if `text` is not exactly of that form. Upper-case hex is refused, as the spec
  // does: two spellings of one digest would split the blob store. A digest that parsed is safe as a
  // file name.
  static absl::StatusOr<Digest> Parse(absl::string_view text);

  // The digest of `bytes`. Aborts only as base::Hasher does.
  static Digest Of(absl::string_view bytes,
                   base::HashAlgorithm algorithm = base::HashAlgorithm::kSha256);

  // From a raw hash as base::Hasher::Finish returns it: `raw` must be 32 (SHA-256) or 64 (SHA-512)
  // bytes.
  static Digest FromRaw(base::HashAlgorithm algorithm, absl::string_view raw);
  static Digest FromSha256(absl::string_view raw32) {
    return FromRaw(base::HashAlgorithm::kSha256, raw32);
  }

  bool empty() const { return text_.empty(); }
  // "sha256" or "sha512"; empty if the digest is.
  absl::string_view algorithm() const;
  // What a base::Hasher needs to verify content. The digest must not be empty.
  base::HashAlgorithm hash_algorithm() const;
  // The hex digits; empty if the digest is.
  absl::string_view hex() const;
  // "sha256:2cf2…", the form of documents and URLs; empty if the digest is.
  const std::string& ToString() const { return text_; }
  // "sha256:2cf24dba5fb0…": 12 digits, for people.
  std::string Short() const;
  // "sha256/2cf2…": its place below `blobs/` of an image layout.
  std::string Path() const;

  // DATA_LOSS, naming both digests, if `bytes` are not what this digest names.
  absl::Status Verify(absl::string_view bytes) const;

  friend bool operator==(const Digest& a, const Digest& b) { return a.text_ == b.text_; }
  friend bool operator!=(const Digest& a, const Digest& b) { return a.text_ != b.text_; }
  friend bool operator<(const Digest& a, const Digest& b) { return a.text_ < b.text_; }
  template <typename H>
  friend H AbslHashValue(H h, const Digest& digest) {
    return H::combine(std::move(h), digest.text_);
  }
  friend std::ostream& operator<<(std::ostream& out, const Digest& digest) {
    return out << digest.text_;
  }

 private:
  explicit Digest(std::string text) : text_(std::move(text)) {}

  std::string text_;
};

// True if `text` has the shape that the image spec gives digests of any algorithm, supported here
// or not: enough to list a document that names such content, never to read or store it.
bool HasDigestShape(absl::string_view text);

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_IMAGE_DIGEST_H_
