// Where a worker gets build contexts from.

#ifndef STEVEDORE_WORKER_CONTEXT_PROVIDER_H_
#define STEVEDORE_WORKER_CONTEXT_PROVIDER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "context/pack_cache.h"
#include "context/stat_cache.h"
#include "context/tree.h"
#include "oci/image/digest.h"
#include "worker/repository_provider.h"

namespace stevedore::worker {

// Where a git context is. A value.
struct GitContextSource {
  std::string url;
  std::string commit;  // 40 hex digits.
  std::string subdirectory;
  std::string credentials_id;
  std::string ssh_user;
};

// One context of a task.
struct ContextRequest {
  // As the user wrote it.
  std::string path;
  oci::Digest tree_digest;
  // Of a git context: nothing was uploaded.
  std::optional<GitContextSource> git;
  // "host:port/name"; empty when embedded.
  std::string artifact_repository;
  // Whose context it is, for messages.
  std::string owner;
  // Told bytes as they arrive. May be empty.
  std::function<void(uint64_t bytes)> progress;
  std::stop_token stop;
};

// Opens contexts by tree digest. Thread-safe.
class ContextProvider {
 public:
  virtual ~ContextProvider() = default;

  // A tree whose digest is `request.tree_digest`: verified. The tree is shared by all runs that use
  // it.
  virtual absl::StatusOr<std::shared_ptr<const context::Tree>> Open(
      const ContextRequest& request) = 0;
};

// Keeps trees that are in use open once, however many runs ask. Thread-safe.
class SharedTrees {
 public:
  using Make = absl::FunctionRef<absl::StatusOr<std::shared_ptr<const context::Tree>>()>;

  // The tree `digest` if somebody holds it, else what `make` makes; two callers that want the same:
  // one makes, the other waits, and makes its own if the first failed.
  absl::StatusOr<std::shared_ptr<const context::Tree>> Get(const oci::Digest& digest, Make make)
      ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Slot {
    std::weak_ptr<const context::Tree> tree;
    bool making = false;
  };
  base::Mutex mu_;
  base::CondVar changed_;
  absl::flat_hash_map<oci::Digest, Slot> slots_ ABSL_GUARDED_BY(mu_);
};

// Contexts that were uploaded as packs to the artifact repository.
class PackContextProvider final : public ContextProvider {
 public:
  // Neither is owned.
  PackContextProvider(RepositoryProvider* repositories, context::PackCache* cache)
      : repositories_(repositories), cache_(cache) {}

  // NOT_FOUND when the artifact is not (or no longer) there. Errors of PackTree::Fetch.
  absl::StatusOr<std::shared_ptr<const context::Tree>> Open(const ContextRequest& request) override;

 private:
  absl::StatusOr<std::shared_ptr<const context::Tree>> Fetch(const ContextRequest& request);

  RepositoryProvider* const repositories_;
  context::PackCache* const cache_;
  SharedTrees trees_;
};

// Contexts on this machine's disk, for embedded builds: `path` is read where it is.
class DiskContextProvider final : public ContextProvider {
 public:
  // `stat_cache` may be null; not owned. Relative paths are below `root`.
  DiskContextProvider(std::string root, context::StatCache* stat_cache)
      : root_(std::move(root)), stat_cache_(stat_cache) {}

  // Uses `tree` for requests of its digest instead of reading the disk again.
  void Add(std::shared_ptr<const context::Tree> tree) ABSL_LOCKS_EXCLUDED(mu_);

  // FAILED_PRECONDITION if the folder is no longer what the task says. Errors of LocalTree::Open.
  absl::StatusOr<std::shared_ptr<const context::Tree>> Open(const ContextRequest& request) override;

 private:
  const std::string root_;
  context::StatCache* const stat_cache_;
  SharedTrees trees_;
  base::Mutex mu_;
  absl::flat_hash_map<oci::Digest, std::shared_ptr<const context::Tree>> added_
      ABSL_GUARDED_BY(mu_);
};

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_CONTEXT_PROVIDER_H_
