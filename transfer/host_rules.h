// Which host may see a password, and where a registry may send us. The only place that decides it.

#ifndef STEVEDORE_TRANSFER_HOST_RULES_H_
#define STEVEDORE_TRANSFER_HOST_RULES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "http/url.h"

namespace stevedore::transfer {

// Whether the token service at `realm` may be asked in the name of the registry at `registry`, and
// with a password if `with_password`. PERMISSION_DENIED, with the reason and the remedy, if not:
//  - it must be https, unless the registry itself is spoken to in plain HTTP and it is the same
//    host (or both are loopback);
//  - a password goes only to the registry's own host, a subdomain of it, a host below the same
//    parent domain (registry-1.docker.io → auth.docker.io), that parent, or one of `trusted_hosts`;
//  - never to link-local or metadata addresses, and to loopback only from loopback.
absl::Status CheckTokenService(const http::Url& registry, const http::Url& realm,
                               bool with_password, const std::vector<std::string>& trusted_hosts);

// Whether a redirect or upload location `target` of a server at `from` may be used at all:
// PERMISSION_DENIED if it leads from https to http, to link-local or metadata addresses, or from
// elsewhere to loopback. Credentials go along only if the origins are equal, whatever this says.
absl::Status CheckTarget(const http::Url& from, const http::Url& target);

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_HOST_RULES_H_
