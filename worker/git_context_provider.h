// Git contexts, read from the worker's own mirrors.

#ifndef STEVEDORE_WORKER_GIT_CONTEXT_PROVIDER_H_
#define STEVEDORE_WORKER_GIT_CONTEXT_PROVIDER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "context/git_mirrors.h"
#include "context/tree.h"
#include "credentials/record_store.h"
#include "worker/context_provider.h"

namespace stevedore::worker {

// Reads git contexts by commit and leaves all others to another provider. Thread-safe.
class GitContextProvider final : public ContextProvider {
 public:
  // `uploaded` gets what is not git. `mirrors` may be null (git contexts then fail), `records` too
  // (no credentials). Nothing is owned.
  GitContextProvider(ContextProvider* uploaded, context::GitMirrors* mirrors,
                     const credentials::RecordStore* records)
      : uploaded_(uploaded), mirrors_(mirrors), records_(records) {}

  // Errors as GitMirrors::OpenTree; what is wrong with this worker only (no such credentials, an
  // unknown host key) is UNAVAILABLE, as another worker may have them. INTERNAL if the commit's
  // files are not those that were submitted.
  absl::StatusOr<std::shared_ptr<const context::Tree>> Open(const ContextRequest& request) override;

 private:
  absl::StatusOr<std::shared_ptr<const context::Tree>> Read(const ContextRequest& request);

  ContextProvider* const uploaded_;
  context::GitMirrors* const mirrors_;
  const credentials::RecordStore* const records_;
  SharedTrees trees_;
};

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_GIT_CONTEXT_PROVIDER_H_
