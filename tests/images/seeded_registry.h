// Small images in a registry, for tests of what moves them.

#ifndef STEVEDORE_TESTS_IMAGES_SEEDED_REGISTRY_H_
#define STEVEDORE_TESTS_IMAGES_SEEDED_REGISTRY_H_

#include <memory>
#include <string>
#include <vector>

#include "credentials/credential_store.h"
#include "http/client.h"
#include "oci/image/digest.h"
#include "transfer/registry_client.h"

namespace stevedore::testing {

// Reads and writes a registry ("127.0.0.1:5000") beside the program under test. Calls fail the
// test if they cannot be done. Not thread-safe.
class RegistryHand {
 public:
  RegistryHand();

  // Puts a linux/amd64 image with one layer, one file of which says `content`, at `reference`
  // ("127.0.0.1:5000/shop/web:1.0"). Its digest.
  oci::Digest PutImage(const std::string& reference, const std::string& content);
  // The digest of the layer that PutImage makes for `content`.
  static oci::Digest LayerOf(const std::string& content);

  // The digest at `reference`, or "" if there is none.
  std::string DigestOf(const std::string& reference);
  // Sorted; empty if there is no such repository.
  std::vector<std::string> Tags(const std::string& repository);

  transfer::RegistryClient* client() { return &client_; }

 private:
  http::Client http_;
  credentials::MemoryCredentialStore nobody_;
  transfer::RegistryClient client_;
};

}  // namespace stevedore::testing

#endif  // STEVEDORE_TESTS_IMAGES_SEEDED_REGISTRY_H_
