// A build's view as JSON: for `--progress json`, `--output json` and `--metadata-file`.

#ifndef STEVEDORE_CLI_BUILD_JSON_H_
#define STEVEDORE_CLI_BUILD_JSON_H_

#include <string>

#include "cli/build_view.h"

namespace stevedore::cli {

// One task as a compact JSON object with "type":"task". Unknown values are left out. Invalid UTF-8
// is replaced.
std::string TaskJson(const BuildView& build, const TaskView& task);

// The build without its tasks as a compact JSON object with "type":"build".
std::string BuildJson(const BuildView& build);

// {"type":"note","text":...}.
std::string NoteJson(absl::string_view text);

// The whole build with its tasks and tags, indented: the content of `--metadata-file`.
std::string MetadataJson(const BuildView& build);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_BUILD_JSON_H_
