// What a registry's refusal means to us.

#ifndef STEVEDORE_TRANSFER_REGISTRY_ERROR_H_
#define STEVEDORE_TRANSFER_REGISTRY_ERROR_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "credentials/credential.h"
#include "http/headers.h"

namespace stevedore::transfer {

// What was tried, for the message. A value.
struct ErrorContext {
  std::string doing;        // "PUT http://localhost:5000/v2/shop/web/manifests/1.0"
  std::string registry;     // "localhost:5000"
  std::string access = "";  // "push to shop/web"; empty if nothing in particular.
  // Who asked.
  std::optional<credentials::Credential> credential = std::nullopt;
  // The token service accepted who asked, and the registry still says no.
  bool identity_accepted = false;
};

// The status for an answer that is not a success: code by HTTP status and by the registry's own
// error codes in `body`; the message says endpoint, cause and remedy. 401 → UNAUTHENTICATED (or
// PERMISSION_DENIED if the identity was accepted), 403 → PERMISSION_DENIED, 404 → NOT_FOUND,
// DIGEST_INVALID → DATA_LOSS, 429 and 5xx → UNAVAILABLE, 413 and 507 → RESOURCE_EXHAUSTED, 405 →
// UNIMPLEMENTED, other 4xx → INVALID_ARGUMENT, anything else → INTERNAL. Thread-safe.
absl::Status StatusFromAnswer(const ErrorContext& context, int http_status, absl::string_view body);

// Whether an answer with this status may be different next time: 408, 429, 500, 502, 503, 504.
bool IsPassing(int http_status);

// How long the server asks to wait: Retry-After as seconds or as a date seen from `now`; nullopt if
// it does not say or says nonsense.
std::optional<absl::Duration> RetryAfter(const http::Headers& headers, absl::Time now);

// "Basic …" for a credential. Never log the result.
std::string BasicAuthorization(const credentials::Credential& credential);

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_REGISTRY_ERROR_H_
