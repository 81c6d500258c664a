#include "worker/context_provider.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"
#include "context/local_tree.h"
#include "context/pack.h"
#include "context/pack_tree.h"
#include "oci/image/descriptor.h"
#include "oci/image/reference.h"
#include "transfer/image_source.h"

namespace stevedore::worker {

absl::StatusOr<std::shared_ptr<const context::Tree>> SharedTrees::Get(const oci::Digest& digest,
                                                                      Make make) {
  {
    base::MutexLock lock(&mu_);
    while (true) {
      Slot& slot = slots_[digest];
      if (std::shared_ptr<const context::Tree> tree = slot.tree.lock()) return tree;
      if (!slot.making) {
        slot.making = true;
        break;
      }
      changed_.Wait(&mu_);
    }
  }
  absl::StatusOr<std::shared_ptr<const context::Tree>> tree = make();
  base::MutexLock lock(&mu_);
  changed_.SignalAll();
  if (tree.ok()) {
    slots_[digest] = Slot{*tree, false};
  } else {
    slots_.erase(digest);
  }
  // Trees that nobody holds any more.
  for (auto it = slots_.begin(); it != slots_.end();) {
    const auto here = it++;
    if (!here->second.making && here->second.tree.expired()) slots_.erase(here);
  }
  return tree;
}

absl::StatusOr<std::shared_ptr<const context::Tree>> PackContextProvider::Open(
    const ContextRequest& request) {
  return trees_.Get(request.tree_digest, [&] { return Fetch(request); });
}

absl::StatusOr<std::shared_ptr<const context::Tree>> PackContextProvider::Fetch(
    const ContextRequest& request) {
  const std::string what = absl::StrCat("context ", request.path, " of ", request.owner);
  const std::string tag = context::ContextTag(request.tree_digest);
  ASSIGN_OR_RETURN(const oci::Reference reference,
                   oci::Reference::Parse(absl::StrCat(request.artifact_repository, ":", tag)),
                   what);
  ASSIGN_OR_RETURN(const Repository repository, repositories_->Open(reference), what);
  absl::StatusOr<transfer::RawManifest> manifest =
      repository.source->GetManifest(tag, request.stop);
  if (absl::IsNotFound(manifest.status())) {
    return absl::NotFoundError(absl::StrCat(what, " is not in ", repository.source->Describe(),
                                            " under the tag ", tag,
                                            "; submit the build again, which uploads it"));
  }
  RETURN_IF_ERROR(manifest.status(), what);
  ASSIGN_OR_RETURN(const std::vector<oci::Descriptor> packs,
                   context::ParseContextManifest(manifest->bytes), what);
  context::PackTreeOptions options;
  options.stop = request.stop;
  options.progress = request.progress;
  ASSIGN_OR_RETURN(std::shared_ptr<const context::Tree> tree,
                   context::PackTree::Fetch(
                       request.tree_digest, packs, *cache_,
                       [&](const oci::Descriptor& pack) {
                         return repository.source->OpenBlob(pack, request.stop);
                       },
                       options),
                   what);
  return tree;
}

void DiskContextProvider::Add(std::shared_ptr<const context::Tree> tree) {
  base::MutexLock lock(&mu_);
  const oci::Digest digest = tree->digest();
  added_[digest] = std::move(tree);
}

absl::StatusOr<std::shared_ptr<const context::Tree>> DiskContextProvider::Open(
    const ContextRequest& request) {
  {
    base::MutexLock lock(&mu_);
    const auto it = added_.find(request.tree_digest);
    if (it != added_.end()) return it->second;
  }
  return trees_.Get(
      request.tree_digest, [&]() -> absl::StatusOr<std::shared_ptr<const context::Tree>> {
        context::LocalTreeOptions options;
        options.owner = request.owner;
        options.stat_cache = stat_cache_;
        options.stop = request.stop;
        ASSIGN_OR_RETURN(std::shared_ptr<const context::Tree> tree,
                         context::LocalTree::Open(base::JoinPath(root_, request.path), options));
        if (tree->digest() != request.tree_digest) {
          return absl::FailedPreconditionError(
              absl::StrCat("context folder ", request.path, " of ", request.owner,
                           " changed while the build ran; build again"));
        }
        return tree;
      });
}

}  // namespace stevedore::worker
