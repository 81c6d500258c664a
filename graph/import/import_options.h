// What bake and compose write alike: caches, secrets, arguments, limits.

#ifndef STEVEDORE_GRAPH_IMPORT_IMPORT_OPTIONS_H_
#define STEVEDORE_GRAPH_IMPORT_IMPORT_OPTIONS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "graph/import/import_value.h"
#include "graph/import/imported_image.h"

namespace stevedore::graph {

// Every function reads one member of a target and puts it into `image`, or a note on what is lost
// into `notes`. INVALID_ARGUMENT with the place for values of the wrong shape. Thread-safe.

// Build arguments; those without a value come from the environment of whoever builds.
absl::Status ReadImportArguments(const ImportValue& value, ImportedImage* image,
                                 std::vector<ImportNote>* notes);
absl::Status ReadImportLabels(const ImportValue& value, ImportedImage* image,
                              std::vector<ImportNote>* notes);
// `key` is "cache_from" or "cache_to". "user/app:cache", "type=registry,ref=...", or a map.
absl::Status ReadImportCaches(const ImportValue& value, const char* key, ImportedImage* image,
                              std::vector<ImportNote>* notes);
// {host: ip}, ["host:ip"] or ["host=ip"].
absl::Status ReadImportHosts(const ImportValue& value, ImportedImage* image);
// ["nofile=1024:4096"], {nofile: 1024} or {nofile: {soft: 1024, hard: 4096}}.
absl::Status ReadImportUlimits(const ImportValue& value, ImportedImage* image);
// "default", "id=path" or {id, paths}.
absl::Status ReadImportSsh(const ImportValue& value, ImportedImage* image);

// "type=registry,ref=x" as a map of texts: as a value of `value`'s place.
absl::StatusOr<ImportValue> SplitImportFields(const ImportValue& value, absl::string_view what);

// True for what BuildKit fetches by itself instead of reading a folder. Thread-safe.
bool IsRemoteContext(absl::string_view context);

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_IMPORT_IMPORT_OPTIONS_H_
