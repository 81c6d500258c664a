// The distribution protocol, client side.

#ifndef STEVEDORE_TRANSFER_REGISTRY_CLIENT_H_
#define STEVEDORE_TRANSFER_REGISTRY_CLIENT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/byte_source.h"
#include "credentials/credential_store.h"
#include "http/client.h"
#include "http/headers.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"
#include "oci/image/reference.h"
#include "transfer/blob_download.h"
#include "transfer/image_sink.h"
#include "transfer/image_source.h"
#include "transfer/registry_options.h"

namespace stevedore::transfer {

class ReferrersClient;
class RegistrySession;

// Speaks to registries: tokens, retries, resumed transfers. One object serves all registries and
// keeps their tokens and connections. Manifests and blobs are looked for at a registry's mirrors
// first, and verified; everything else goes to the registry itself. `Reference` arguments name
// registry and repository; methods on manifests also use digest, else tag. Thread-safe. Codes are
// those of ImageSource; messages say the endpoint, the cause and the remedy.
class RegistryClient {
 public:
  // `http` and `credentials` must outlive the client.
  RegistryClient(http::Client* http, const credentials::CredentialStore* credentials,
                 RegistryClientOptions options = {});
  RegistryClient(const RegistryClient&) = delete;
  RegistryClient& operator=(const RegistryClient&) = delete;
  ~RegistryClient();

  // Whether the registry ("localhost:5000") answers and accepts the credentials.
  absl::Status Ping(const std::string& registry, std::stop_token stop = {});

  // nullopt if there is no such manifest. The digest is the registry's word; GetManifest verifies.
  // Mirrors are asked only if the registry cannot be reached.
  absl::StatusOr<std::optional<oci::Descriptor>> HeadManifest(const oci::Reference& image,
                                                              std::stop_token stop = {});
  // NOT_FOUND if there is no such manifest.
  absl::StatusOr<RawManifest> GetManifest(const oci::Reference& image, std::stop_token stop = {});
  // Returns the digest. A manifest that is attached to another one (`subject`) is entered into the
  // list of referrers, if the registry does not do that. INVALID_ARGUMENT if `image` has a digest
  // that is not that of `bytes`, or the registry refuses the document.
  absl::StatusOr<oci::Digest> PutManifest(const oci::Reference& image, absl::string_view bytes,
                                          const std::string& media_type, std::stop_token stop = {});

  // Deletes a tag, or, if `image` has a digest, the manifest with all tags that lead to it, and its
  // entry in the list of referrers. NOT_FOUND if it is not there, UNIMPLEMENTED (says what to do)
  // if the registry does not delete.
  absl::Status DeleteManifest(const oci::Reference& image, std::stop_token stop = {});

  // What is attached to `subject`, by the referrers API or, only where that is not there, by the
  // tag that stands in for it. Empty `artifact_type`: all. A subject that is not there has none.
  absl::StatusOr<std::vector<oci::Descriptor>> ListReferrers(const oci::Reference& repository,
                                                             const oci::Digest& subject,
                                                             const std::string& artifact_type = "",
                                                             std::stop_token stop = {});

  // The blob's size, or nullopt if it is not there.
  absl::StatusOr<std::optional<uint64_t>> HeadBlob(const oci::Reference& repository,
                                                   const oci::Digest& digest,
                                                   std::stop_token stop = {});
  // Streams a blob; a broken connection is resumed with a range request, and the whole is verified.
  // NOT_FOUND if it is not there. A size of kUnknownBlobSize is not checked. The stream must not
  // outlive the client.
  absl::StatusOr<std::unique_ptr<base::ByteSource>> GetBlob(const oci::Reference& repository,
                                                            const oci::Descriptor& blob,
                                                            std::stop_token stop = {});
  // Sends a blob in one piece; after a failure it asks the registry how much arrived and sends the
  // rest.
  absl::Status PutBlob(const oci::Reference& repository, const oci::Descriptor& blob,
                       const BlobOpener& opener, std::stop_token stop = {});
  // Sends a blob of unknown digest piece by piece. The upload must not outlive the client.
  absl::StatusOr<std::unique_ptr<BlobUpload>> StartBlob(const oci::Reference& repository,
                                                        std::stop_token stop = {});
  // False if the registry would not mount; the session it then opened is cancelled.
  absl::StatusOr<bool> MountBlob(const oci::Reference& repository, const oci::Digest& digest,
                                 const std::string& from_repository, std::stop_token stop = {});

  // All tags, in the registry's order. NOT_FOUND if there is no such repository.
  absl::StatusOr<std::vector<std::string>> ListTags(const oci::Reference& repository,
                                                    std::stop_token stop = {});
  // All repositories of "localhost:5000" that the user may see, in the registry's order.
  // UNIMPLEMENTED if it does not list them: many do not.
  absl::StatusOr<std::vector<std::string>> ListRepositories(const std::string& registry,
                                                            std::stop_token stop = {});

 private:
  absl::StatusOr<RawManifest> GetManifestHere(const oci::Reference& place, bool patient,
                                              std::stop_token stop);
  absl::StatusOr<std::optional<oci::Descriptor>> HeadManifestHere(const oci::Reference& place,
                                                                  bool patient,
                                                                  std::stop_token stop);
  // The error of a registry that answered `http_status` to the deletion of a tag.
  absl::Status CannotDeleteTag(const oci::Reference& image, int http_status, std::stop_token stop);
  absl::Status EnterReferrer(const oci::Reference& image, absl::string_view bytes,
                             const std::string& media_type, const http::Headers& answer,
                             std::stop_token stop);

  const std::unique_ptr<RegistrySession> session_;
  const std::unique_ptr<ReferrersClient> referrers_;
};

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_REGISTRY_CLIENT_H_
