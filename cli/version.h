// Which Stevedore this is.

#ifndef STEVEDORE_CLI_VERSION_H_
#define STEVEDORE_CLI_VERSION_H_

#include <string>

namespace stevedore::cli {

// Semantic version of the release; CHANGELOG.md says what is in it.
inline constexpr char kVersion[] = "0.1.0";

// One line: name, version, platform, compiler. Thread-safe.
std::string VersionLine();

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_VERSION_H_
