// The command line as the parser wants it.

#ifndef STEVEDORE_CLI_ARGUMENTS_H_
#define STEVEDORE_CLI_ARGUMENTS_H_

#include <string>
#include <vector>

namespace stevedore::cli {

// The arguments without the program's name. `--flag=` becomes `--flag` and an empty argument: an
// empty value means "none", which the parser would take for a missing one. `help build` becomes
// `build --help`. Thread-safe.
std::vector<std::string> ReadArguments(int argc, const char* const* argv);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_ARGUMENTS_H_
