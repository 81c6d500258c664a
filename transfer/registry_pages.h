// Lists that registries give page by page.

#ifndef STEVEDORE_TRANSFER_REGISTRY_PAGES_H_
#define STEVEDORE_TRANSFER_REGISTRY_PAGES_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "http/headers.h"
#include "transfer/registry_session.h"

namespace stevedore::transfer {

// Performs `call` and then what `Link: <url>; rel="next"` says, at the same host only, and hands
// the body of each page to `take`. `doing` begins messages. NOT_FOUND if the registry says so;
// RESOURCE_EXHAUSTED for more pages or bytes than the session's options allow, or pages that lead
// in a circle; INTERNAL for a page that is not JSON; PERMISSION_DENIED for a page elsewhere. What
// `take` returns ends it too.
absl::Status ReadPages(
    RegistrySession* session, Call call, const std::string& doing,
    const std::function<absl::Status(const http::Headers& headers, const std::string& body)>& take);

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_REGISTRY_PAGES_H_
