// URLs as far as HTTP clients need them.

#ifndef STEVEDORE_HTTP_URL_H_
#define STEVEDORE_HTTP_URL_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace stevedore::http {

// An absolute http or https URL in parts. A value.
struct Url {
  std::string scheme;  // "http" or "https".
  std::string host;    // Lower case, without port; IPv6 in brackets.
  int port = 0;        // The scheme's own if the text had none.
  std::string target;  // Path and query, from "/" on; no fragment.

  // INVALID_ARGUMENT, saying what is wrong, for other schemes, user names, blanks, bad ports.
  static absl::StatusOr<Url> Parse(absl::string_view text);

  // "https://host:port", without the port if it is the scheme's own: what must be equal for
  // credentials to be sent again.
  std::string Origin() const;
  std::string ToString() const { return Origin() + target; }
  // For messages: without the query, which may hold secrets.
  std::string WithoutQuery() const;

  // `reference` (absolute, or with or without scheme, host or leading slash) as seen from here.
  absl::StatusOr<Url> Resolve(absl::string_view reference) const;
};

// `text` with everything but unreserved characters percent-encoded: for one query value.
std::string EncodeQueryValue(absl::string_view text);

// `url` with "name=value" added to its query; `value` is encoded.
std::string AddQuery(absl::string_view url, absl::string_view name, absl::string_view value);

}  // namespace stevedore::http

#endif  // STEVEDORE_HTTP_URL_H_
