// The build contexts of a selection, read from disk.

#ifndef STEVEDORE_CLI_CONTEXTS_H_
#define STEVEDORE_CLI_CONTEXTS_H_

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/console.h"
#include "context/pack_upload.h"
#include "context/stat_cache.h"
#include "context/tree.h"
#include "credentials/record_store.h"
#include "graph/selection.h"
#include "graph/source_location.h"
#include "transfer/registry_client.h"

namespace stevedore::cli {

// What a git context was resolved to. Never holds a secret.
struct ResolvedGit {
  std::string url;     // Without password.
  std::string commit;  // 40 hex digits.
  // The definition has secrets in place of a credentials_id: only this machine knows them.
  bool has_inline_secrets = false;
  graph::SourceLocation where;
};

// A context that was read.
struct ContextTree {
  std::shared_ptr<const context::Tree> tree;
  std::optional<ResolvedGit> git;  // Of a git context.
  // The same for all references of one folder or repository with one set of ignore rules: see
  // ContextMemory. Trees with equal keys are equal.
  std::string memory_key;
};

// Trees by graph::ContextName; those that an image has of its own, because it has an ignore file,
// by OwnContextName. See FindContext.
using ContextTrees = std::map<std::string, ContextTree>;

// The key of a context as image `image_id` sees it.
std::string OwnContextName(const std::string& image_id, const std::string& context_name);

// The context `context_name` as image `image_id` sees it; must be in `trees`.
const ContextTree& FindContext(const ContextTrees& trees, const std::string& image_id,
                               const std::string& context_name);

// What contexts are read with. Plain data; pointers must outlive the call and may be null.
struct ContextSources {
  context::StatCache* stat_cache = nullptr;
  // Folder for mirrors of git repositories; made when the first is needed.
  std::string git_cache_directory;
  // Of the project, for git's credentials_id.
  const credentials::RecordStore* credentials = nullptr;
};

// Reads every context of `selection` once, however many images use it, several at once. Warnings
// (sockets left out, ...) are printed. References of git contexts are resolved to commits, each
// once. What ignore files leave out is not in the trees, nor read; a git context of which something
// is left out is sent as a local one. INVALID_ARGUMENT naming the definition's place, image and
// remedy for a folder that is not there or not usable; others as LocalTree::Open and GitMirrors.
absl::StatusOr<ContextTrees> ReadContexts(const graph::Selection& selection,
                                          const ContextSources& sources, Console& console,
                                          std::stop_token stop);

// INVALID_ARGUMENT, naming the place in the definition, if a context cannot be read by workers: its
// git secrets stand in the definition, and those are never sent.
absl::Status CheckSendable(const ContextTrees& trees);

// What sending contexts cost.
struct ContextUploads {
  int tree_count = 0;
  int sent_pack_count = 0;
  uint64_t sent_bytes = 0;
};

// Makes all local `trees` available in `artifact_repository` ("host:port/name"), sending only packs
// that are missing. A tag that this machine has not put for a day is put again, so that registries
// do not collect what is in use. `cache_directory` holds what is remembered about earlier uploads.
absl::StatusOr<ContextUploads> UploadContexts(const ContextTrees& trees,
                                              const std::string& artifact_repository,
                                              const std::string& cache_directory,
                                              transfer::RegistryClient* client,
                                              std::stop_token stop);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_CONTEXTS_H_
