// WWW-Authenticate, parsed.

#ifndef STEVEDORE_TRANSFER_CHALLENGE_H_
#define STEVEDORE_TRANSFER_CHALLENGE_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace stevedore::transfer {

// One way in which a server accepts identities. A value.
struct Challenge {
  std::string scheme;                             // Lower case: "basic", "bearer".
  std::string token68;                            // Where the scheme uses that form.
  std::map<std::string, std::string> parameters;  // Names in lower case, values unquoted.

  // The value of a parameter, or "".
  std::string Get(const std::string& name) const;
};

// All challenges of one header value, by the grammar of RFC 9110, 11.6.1: several in one value,
// quoted and unquoted values, escapes, empty list elements. INVALID_ARGUMENT, with the place, for
// everything else and for values above 16 KiB. Thread-safe.
absl::StatusOr<std::vector<Challenge>> ParseChallenges(absl::string_view header);

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_CHALLENGE_H_
