// What `skopeo sync --src yaml` reads, as jobs. Private to sync_file.

#ifndef STEVEDORE_CLI_IMAGES_SKOPEO_SYNC_FILE_H_
#define STEVEDORE_CLI_IMAGES_SKOPEO_SYNC_FILE_H_

#include "cli/images/sync_file.h"
#include "graph/findings.h"
#include "graph/yaml_document.h"
#include "transfer/sync_job.h"

namespace stevedore::cli {

// Whether the keys of `root` are registries. Thread-safe.
bool IsSkopeoSyncFile(const graph::YamlNode& root);

// The jobs of such a file; one for each repository. What is wrong goes to `findings`. Thread-safe.
transfer::SyncSettings ReadSkopeoSyncFile(const graph::YamlNode& root,
                                          const SyncFileOptions& options,
                                          graph::Findings* findings);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_IMAGES_SKOPEO_SYNC_FILE_H_
