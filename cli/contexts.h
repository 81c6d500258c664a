// The build contexts of a selection, read from disk.

#ifndef STEVEDORE_CLI_CONTEXTS_H_
#define STEVEDORE_CLI_CONTEXTS_H_

#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/console.h"
#include "context/local_tree.h"
#include "context/pack_upload.h"
#include "context/stat_cache.h"
#include "graph/selection.h"
#include "transfer/registry_client.h"

namespace stevedore::cli {

// Trees by the path to open (ContextSpec::resolved_path).
using ContextTrees = std::map<std::string, std::shared_ptr<const context::LocalTree>>;

// Reads every context of `selection` once, however many images use it, several at once. Warnings
// (sockets left out, ...) are printed. INVALID_ARGUMENT naming the definition's place, image and
// remedy for a folder that is not there or not usable; others as LocalTree::Open.
absl::StatusOr<ContextTrees> ReadContexts(const graph::Selection& selection,
                                          context::StatCache* stat_cache, Console& console,
                                          std::stop_token stop);

// What sending contexts cost.
struct ContextUploads {
  int tree_count = 0;
  int sent_pack_count = 0;
  uint64_t sent_bytes = 0;
};

// Makes all `trees` available in `artifact_repository` ("host:port/name"), sending only packs that
// are missing. A tag that this machine has not put for a day is put again, so that registries do
// not collect what is in use. `cache_directory` holds what is remembered about earlier uploads.
absl::StatusOr<ContextUploads> UploadContexts(const ContextTrees& trees,
                                              const std::string& artifact_repository,
                                              const std::string& cache_directory,
                                              transfer::RegistryClient* client,
                                              std::stop_token stop);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_CONTEXTS_H_
