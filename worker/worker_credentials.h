// Who a worker is.

#ifndef STEVEDORE_WORKER_WORKER_CREDENTIALS_H_
#define STEVEDORE_WORKER_WORKER_CREDENTIALS_H_

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "credentials/login_chain.h"
#include "credentials/sealing.h"
#include "http/client.h"
#include "worker/worker_flags.h"

namespace stevedore::worker {

// The chain that `flags` describe: the store of credentials, if one is named, then Docker's
// configuration. INVALID_ARGUMENT, naming flag and file, for a folder or file that is not there, a
// store without its folder or key, and a kind of store that there is not. `http` must outlive the
// result. Thread-safe.
absl::StatusOr<std::unique_ptr<credentials::LoginChain>> OpenWorkerCredentials(
    const WorkerFlags& flags, http::Client* http,
    const std::map<std::string, std::string>& environment);

// The private keys that credentials are sealed to; a file that others may read is logged as a
// warning. Errors as SealingKeyring::Load. Thread-safe.
absl::StatusOr<credentials::SealingKeyring> LoadSealingKeys(const WorkerFlags& flags);

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_WORKER_CREDENTIALS_H_
