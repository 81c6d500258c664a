// Lists of referrers at a registry, with or without the referrers API.

#ifndef STEVEDORE_TRANSFER_REFERRERS_CLIENT_H_
#define STEVEDORE_TRANSFER_REFERRERS_CLIENT_H_

#include <functional>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"
#include "oci/image/index.h"
#include "oci/image/reference.h"
#include "transfer/referrers.h"
#include "transfer/registry_session.h"

namespace stevedore::transfer {

// Reads those lists, and keeps the index that stands in for them where a registry does not.
// Thread-safe.
class ReferrersClient {
 public:
  // `session` must outlive this.
  explicit ReferrersClient(RegistrySession* session) : session_(session) {}

  // As RegistryClient::ListReferrers.
  absl::StatusOr<std::vector<oci::Descriptor>> List(const oci::Reference& repository,
                                                    const oci::Digest& subject,
                                                    const std::string& artifact_type,
                                                    std::stop_token stop);

  // Whether the registry keeps the list for `subject` itself.
  absl::StatusOr<bool> HasApi(const oci::Reference& repository, const oci::Digest& subject,
                              std::stop_token stop);

  // Enters `referrer` into the index under ReferrersTag, or takes it out. Changes of others at the
  // same time are kept where the registry heeds If-Match; ABORTED if they do not end.
  absl::Status Enter(const oci::Reference& repository, const Referrer& referrer,
                     std::stop_token stop) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Remove(const oci::Reference& repository, const Referrer& referrer,
                      std::stop_token stop) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // The index under the fallback tag as it is.
  struct Listed {
    std::optional<oci::Index> index;
    std::string entity_tag;  // Of If-Match; may be empty though there is an index.
  };
  // Makes the new index of the old one; nullopt: nothing is to be done.
  using Change =
      std::function<absl::StatusOr<std::optional<oci::Index>>(const std::optional<oci::Index>&)>;

  absl::StatusOr<Listed> ReadFallback(const oci::Reference& repository, const oci::Digest& subject,
                                      std::stop_token stop);
  // True if it was stored, false if somebody else was faster.
  absl::StatusOr<bool> WriteFallback(const oci::Reference& repository, const oci::Digest& subject,
                                     const Listed& before, const oci::Index& after,
                                     std::stop_token stop);
  absl::Status ChangeFallback(const oci::Reference& repository, const oci::Digest& subject,
                              const Change& change, std::stop_token stop) ABSL_LOCKS_EXCLUDED(mu_);

  RegistrySession* const session_;
  base::Mutex mu_;
  base::CondVar changed_;
  // Tags that a thread of ours is changing: most registries do not heed If-Match.
  std::set<std::string> busy_ ABSL_GUARDED_BY(mu_);
};

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_REFERRERS_CLIENT_H_
