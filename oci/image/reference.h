// Image references: registry, repository, tag, digest.

#ifndef STEVEDORE_OCI_IMAGE_REFERENCE_H_
#define STEVEDORE_OCI_IMAGE_REFERENCE_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "oci/image/digest.h"

namespace stevedore::oci {

// Docker Hub as names spell it; its API answers elsewhere (Reference::ApiHost).
inline constexpr char kDockerHub[] = "docker.io";

// What a reference leaves out.
struct ReferenceDefaults {
  std::string registry = kDockerHub;
  // Used when there is neither tag nor digest; empty: the reference then has neither.
  std::string tag = "latest";
};

// The name of an image, normalised as Docker does: `debian` is docker.io/library/debian:latest. A
// value; valid whenever it was parsed, so its parts are safe in URLs.
class Reference {
 public:
  Reference() = default;

  // Grammar and normalisation of distribution/reference: `[registry/]repository[:tag][@digest]`.
  // The first path segment is a registry if it has a dot, a colon or an upper-case letter or is
  // `localhost`. INVALID_ARGUMENT, naming the part that is wrong, for everything else.
  static absl::StatusOr<Reference> Parse(absl::string_view text,
                                         const ReferenceDefaults& defaults = {});

  // "docker.io", "localhost:5000", "[::1]:5000".
  const std::string& registry() const { return registry_; }
  // Where the registry's HTTP API is: the registry, but registry-1.docker.io for Docker Hub.
  std::string ApiHost() const;
  // "library/debian".
  const std::string& repository() const { return repository_; }
  // Empty if there is none.
  const std::string& tag() const { return tag_; }
  // Empty if there is none.
  const Digest& digest() const { return digest_; }

  // "registry/repository".
  std::string Name() const;
  // "registry/repository[:tag][@digest]"; parses to an equal value.
  std::string Canonical() const;
  // As Canonical, but the way people write Docker Hub's images: `debian:12`, `user/app:1`.
  std::string Familiar() const;

  // This repository with another tag (and no digest). INVALID_ARGUMENT if `tag` is not
  // `[\w][\w.-]{0,127}`.
  absl::StatusOr<Reference> WithTag(absl::string_view tag) const;
  // This repository at `digest`, without a tag.
  Reference WithDigest(Digest digest) const;

  friend bool operator==(const Reference& a, const Reference& b) {
    return a.registry_ == b.registry_ && a.repository_ == b.repository_ && a.tag_ == b.tag_ &&
           a.digest_ == b.digest_;
  }
  template <typename H>
  friend H AbslHashValue(H h, const Reference& r) {
    return H::combine(std::move(h), r.registry_, r.repository_, r.tag_, r.digest_);
  }

 private:
  std::string registry_;
  std::string repository_;
  std::string tag_;
  Digest digest_;
};

// INVALID_ARGUMENT, with the rule, if `tag` is not a tag. Thread-safe, as all below.
absl::Status CheckTag(absl::string_view tag);
// INVALID_ARGUMENT, with the rule, if `repository` is not `component/component...` of at most 255
// bytes.
absl::Status CheckRepository(absl::string_view repository);
// INVALID_ARGUMENT, with the rule, if `registry` is not `host[:port]` or `[ipv6][:port]`.
absl::Status CheckRegistry(absl::string_view registry);

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_IMAGE_REFERENCE_H_
