// The bare copy of one repository in the cache. Included by this room's git_*.cc files only.

#ifndef STEVEDORE_CONTEXT_GIT_MIRROR_H_
#define STEVEDORE_CONTEXT_GIT_MIRROR_H_

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/file.h"
#include "base/memory_budget.h"
#include "base/mutex.h"
#include "context/git_blob_table.h"
#include "context/git_library.h"
#include "context/git_mirrors.h"
#include "context/git_remote.h"

namespace stevedore::context::git {

// Waits for flock(2) on `path` (made if missing), shared or exclusive, in slices that `stop`
// interrupts: CANCELLED. With `wait` false: ABORTED if somebody else has it.
absl::StatusOr<base::FileDescriptor> LockFile(const std::string& path, bool exclusive, bool wait,
                                              const std::stop_token& stop);

// A mirror in use: it is not evicted while this lives. Several processes use the same folder.
// Thread-safe.
class Mirror {
 public:
  // One handle of the repository, for one thread; goes back to the mirror.
  class Handle {
   public:
    Handle(Mirror* mirror, Repository repository)
        : mirror_(mirror), repository_(std::move(repository)) {}
    Handle(Handle&& other) noexcept = default;
    ~Handle();
    git_repository* get() const { return repository_.get(); }

   private:
    Mirror* mirror_;
    Repository repository_;
  };

  // Opens or makes the mirror of `place`. One that was found damaged is made anew.
  static absl::StatusOr<std::shared_ptr<Mirror>> Open(const GitMirrorsOptions& options,
                                                      const GitPlace& place, std::stop_token stop);
  ~Mirror();

  // Name of the folder for `place`.
  static std::string NameOf(const GitPlace& place);

  absl::StatusOr<Handle> Take();

  // The commit that `reference` means at the server now; fetched. See GitMirrors::Resolve.
  absl::StatusOr<std::string> Resolve(absl::string_view reference, std::stop_token stop);
  // Fetches the commit `id` (40 hex digits, or of a tag object) unless it is here. Its id.
  absl::StatusOr<std::string> Ensure(const std::string& id, std::stop_token stop);

  // To be made anew by whoever opens it next.
  void MarkDamaged();
  bool damaged() const ABSL_LOCKS_EXCLUDED(mu_);

  // Digests that were computed are kept.
  absl::Status SaveTable();
  GitBlobTable& table() { return *table_; }

  const GitPlace& place() const { return place_; }
  // The bare repository.
  std::string repository_path() const { return directory_ + "/repository"; }
  // Whether something was fetched by this object.
  bool fetched() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  Mirror(const GitMirrorsOptions& options, GitPlace place, std::string directory);

  absl::Status Prepare(const std::stop_token& stop);
  absl::Status Make() const;
  void RemoveLeftovers() const;
  absl::StatusOr<std::unique_ptr<Connection>> Connect(git_repository* repository,
                                                      const std::stop_token& stop) const;
  // The commit here that `id` is or, as a tag, names; empty if it is not here.
  absl::StatusOr<std::string> Local(git_repository* repository, const std::string& id) const;
  // DATA_LOSS if a reference of the mirror leads to nothing.
  absl::Status CheckReferences(git_repository* repository) const;
  // Fetches the references `names` over `connection` (or a new one), unless `here` says meanwhile
  // that nothing is missing.
  absl::Status Fetch(git_repository* repository, std::unique_ptr<Connection> connection,
                     const std::vector<std::string>& names, const std::function<bool()>& here,
                     const std::stop_token& stop);
  absl::StatusOr<std::string> FromAbbreviation(git_repository* repository,
                                               std::unique_ptr<Connection> connection,
                                               absl::string_view reference,
                                               const std::stop_token& stop);
  absl::Status NoSuchReference(const Connection& connection, absl::string_view reference) const;

  const GitMirrorsOptions options_;
  const GitPlace place_;
  const std::string directory_;
  base::FileDescriptor use_;  // The shared lock.
  std::unique_ptr<GitBlobTable> table_;
  mutable base::Mutex mu_;
  std::vector<Repository> idle_ ABSL_GUARDED_BY(mu_);
  bool damaged_ ABSL_GUARDED_BY(mu_) = false;
  bool fetched_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace stevedore::context::git

#endif  // STEVEDORE_CONTEXT_GIT_MIRROR_H_
