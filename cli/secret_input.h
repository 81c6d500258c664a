// Secrets that come in without standing on the command line.

#ifndef STEVEDORE_CLI_SECRET_INPUT_H_
#define STEVEDORE_CLI_SECRET_INPUT_H_

#include <unistd.h>

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/secret.h"
#include "cli/console.h"

namespace stevedore::cli {

// Where a secret is read from. Neither: asked for at the terminal.
struct SecretSource {
  bool standard_input = false;
  std::string environment_variable;
};

// Reads the secret called `what` ("password for alice"). At a terminal it is asked for without
// echo; one line feed at the end of standard input does not belong to it. `input` is the descriptor
// of standard input. INVALID_ARGUMENT if there is no secret or no terminal (says which flags help),
// CANCELLED for Ctrl-C and Ctrl-D.
absl::StatusOr<base::Secret> ReadSecret(Console& console, absl::string_view what,
                                        const SecretSource& source, int input = STDIN_FILENO);

// Reads one line called `what` ("user name") that is no secret, at a terminal. Errors as
// ReadSecret.
absl::StatusOr<std::string> ReadLine(Console& console, absl::string_view what,
                                     int input = STDIN_FILENO);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_SECRET_INPUT_H_
