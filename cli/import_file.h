// The file that `import` writes.

#ifndef STEVEDORE_CLI_IMPORT_FILE_H_
#define STEVEDORE_CLI_IMPORT_FILE_H_

#include <string>

#include "graph/import/definitions_writer.h"

namespace stevedore::cli {

// `definitions` as YAML, below comments that say where it is from (`source`), how its groups are
// built, and what is lost. Thread-safe.
std::string ImportFileText(const graph::ImportedDefinitions& definitions,
                           const std::string& source);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_IMPORT_FILE_H_
