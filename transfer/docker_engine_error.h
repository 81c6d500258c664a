// What engines' complaints mean.

#ifndef STEVEDORE_TRANSFER_DOCKER_ENGINE_ERROR_H_
#define STEVEDORE_TRANSFER_DOCKER_ENGINE_ERROR_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "transfer/docker_engine_address.h"

namespace stevedore::transfer {

// What `status` of a connection to the engine means: UNAVAILABLE with the engine's address and what
// to do about it. CANCELLED, DEADLINE_EXCEEDED and OK stay as they are. Looks at the socket to say
// precisely what is wrong with it. Thread-safe, as all here.
absl::Status ExplainEngineFailure(const DockerEngineAddress& address, const absl::Status& status);

// An error that the engine itself reported, in an answer or in a stream, by its text: engines give
// no codes. RESOURCE_EXHAUSTED: no space; UNAUTHENTICATED, NOT_FOUND: about a registry;
// UNAVAILABLE: a network or engine that is going; FAILED_PRECONDITION: a command of the user's
// failed; INVALID_ARGUMENT: all else, which is the Dockerfile.
absl::Status EngineReportedError(const DockerEngineAddress& address, absl::string_view text);

// An answer with HTTP status `status`, 400 or more.
absl::Status EngineAnswerError(const DockerEngineAddress& address, int status,
                               absl::string_view text);

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_DOCKER_ENGINE_ERROR_H_
