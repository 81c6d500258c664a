#include "context/git_mirrors.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/memory_budget.h"
#include "base/mutex.h"
#include "base/status.h"
#include "context/git_formats.h"
#include "context/git_mirror.h"
#include "context/git_tree.h"

namespace stevedore::context {
namespace {

// One mirror on disk.
struct Kept {
  std::string directory;
  uint64_t bytes = 0;
  int64_t used_seconds = 0;
};

uint64_t BytesBelow(const std::string& directory) {
  uint64_t bytes = 0;
  std::error_code error;
  std::filesystem::recursive_directory_iterator entry(directory, error);
  for (; !error && entry != std::filesystem::recursive_directory_iterator();
       entry.increment(error)) {
    std::error_code none;
    const uint64_t size = entry->is_regular_file(none) ? entry->file_size(none) : 0;
    if (!none) bytes += size;
  }
  return bytes;
}

std::vector<Kept> ListKept(const std::string& directory) {
  std::vector<Kept> all;
  std::error_code error;
  std::filesystem::directory_iterator entry(directory, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    Kept kept;
    kept.directory = entry->path().string();
    struct stat used = {};
    if (::stat((kept.directory + "/used").c_str(), &used) != 0) continue;
    kept.used_seconds = used.st_mtim.tv_sec;
    kept.bytes = BytesBelow(kept.directory);
    all.push_back(std::move(kept));
  }
  std::sort(all.begin(), all.end(),
            [](const Kept& a, const Kept& b) { return a.used_seconds < b.used_seconds; });
  return all;
}

}  // namespace

// Shared by the cache and its trees.
class GitMirrors::Body : public std::enable_shared_from_this<GitMirrors::Body> {
 public:
  explicit Body(GitMirrorsOptions options)
      : options_(std::move(options)),
        memory_(std::make_shared<base::MemoryBudget>(options_.memory_bytes)) {}

  absl::StatusOr<std::string> Resolve(const GitPlace& place, absl::string_view reference,
                                      const std::stop_token& stop) {
    return OnceMore(place, stop,
                    [&](git::Mirror& mirror) { return mirror.Resolve(reference, stop); });
  }

  absl::StatusOr<std::shared_ptr<const Tree>> OpenTree(const GitPlace& place,
                                                       const std::string& commit,
                                                       const std::string& subdirectory,
                                                       const std::stop_token& stop) {
    git::GitTree::Options options;
    options.threads = options_.threads;
    options.memory = memory_;
    options.spool_directory = options_.directory;
    options.stop = stop;
    options.open_submodule = [this, &stop](const GitPlace& parent, const std::string& url,
                                           const std::string& id) {
      return OpenSubmodule(parent, url, id, stop);
    };
    const auto read = [&]() -> absl::StatusOr<std::shared_ptr<const Tree>> {
      ASSIGN_OR_RETURN(const std::shared_ptr<git::Mirror> mirror, MirrorWith(place, commit, stop));
      ASSIGN_OR_RETURN(std::shared_ptr<const git::GitTree> tree,
                       git::GitTree::Open(mirror, commit, subdirectory, options), "git repository ",
                       place.url.ToString());
      return tree;
    };
    absl::StatusOr<std::shared_ptr<const Tree>> tree = read();
    if (absl::IsDataLoss(tree.status())) tree = read();  // From a mirror that is made anew.
    return tree;
  }

 private:
  // The mirror of `place`, opened once per process.
  absl::StatusOr<std::shared_ptr<git::Mirror>> Open(const GitPlace& place,
                                                    const std::stop_token& stop)
      ABSL_LOCKS_EXCLUDED(mu_) {
    const std::string name = git::Mirror::NameOf(place);
    {
      base::MutexLock lock(&mu_);
      const auto it = open_.find(name);
      if (it != open_.end()) {
        std::shared_ptr<git::Mirror> mirror = it->second.lock();
        if (mirror != nullptr && !mirror->damaged()) return mirror;
      }
    }
    ASSIGN_OR_RETURN(std::shared_ptr<git::Mirror> mirror, git::Mirror::Open(options_, place, stop));
    base::MutexLock lock(&mu_);
    open_[name] = mirror;
    return mirror;
  }

  // Runs `work` on the mirror, and again on a new one if it turns out to be damaged.
  template <typename Work>
  absl::StatusOr<std::string> OnceMore(const GitPlace& place, const std::stop_token& stop,
                                       Work work) {
    absl::StatusOr<std::string> result = "";
    for (int attempt = 0; attempt < 2; ++attempt) {
      ASSIGN_OR_RETURN(const std::shared_ptr<git::Mirror> mirror, Open(place, stop));
      result = work(*mirror);
      if (!absl::IsDataLoss(result.status())) {
        if (mirror->fetched()) Evict();
        return result;
      }
      mirror->MarkDamaged();
    }
    return result;
  }

  absl::StatusOr<std::shared_ptr<git::Mirror>> MirrorWith(const GitPlace& place,
                                                          const std::string& commit,
                                                          const std::stop_token& stop) {
    RETURN_IF_ERROR(OnceMore(place, stop, [&](git::Mirror& mirror) {
                      return mirror.Ensure(commit, stop);
                    }).status());
    return Open(place, stop);
  }

  absl::StatusOr<std::shared_ptr<git::Mirror>> OpenSubmodule(const GitPlace& parent,
                                                             const std::string& url,
                                                             const std::string& commit,
                                                             const std::stop_token& stop) {
    GitPlace place;
    ASSIGN_OR_RETURN(place.url, parent.url.Resolve(url));
    if (parent.url.SharesCredentialsWith(place.url)) {
      place.credential = parent.credential;
      if (place.url.password.empty()) {
        place.url.password = parent.url.password;
        if (!parent.url.password.empty()) place.url.user = parent.url.user;
      }
    }
    return MirrorWith(place, commit, stop);
  }

  // Removes the longest unused mirrors until the rest fits.
  void Evict() {
    std::vector<Kept> all = ListKept(options_.directory);
    uint64_t bytes = 0;
    for (const Kept& kept : all) bytes += kept.bytes;
    for (const Kept& kept : all) {
      if (bytes <= options_.size_limit_bytes) return;
      // Who uses a mirror has a shared lock on it.
      const absl::StatusOr<base::FileDescriptor> unused =
          git::LockFile(kept.directory + ".lock", /*exclusive=*/true, /*wait=*/false, {});
      if (!unused.ok()) continue;
      if (base::RemoveTree(kept.directory).ok()) bytes -= kept.bytes;
    }
  }

  const GitMirrorsOptions options_;
  const std::shared_ptr<base::MemoryBudget> memory_;
  base::Mutex mu_;
  std::map<std::string, std::weak_ptr<git::Mirror>> open_ ABSL_GUARDED_BY(mu_);
};

absl::StatusOr<std::unique_ptr<GitMirrors>> GitMirrors::Open(GitMirrorsOptions options) {
  RETURN_IF_ERROR(base::MakeDirectories(options.directory, 0700), "git cache");
  return std::unique_ptr<GitMirrors>(new GitMirrors(std::make_shared<Body>(std::move(options))));
}

GitMirrors::~GitMirrors() = default;

absl::StatusOr<std::string> GitMirrors::Resolve(const GitPlace& place, absl::string_view reference,
                                                std::stop_token stop) {
  return body_->Resolve(place, reference, stop);
}

absl::StatusOr<std::shared_ptr<const Tree>> GitMirrors::OpenTree(const GitPlace& place,
                                                                 const std::string& commit,
                                                                 absl::string_view subdirectory,
                                                                 std::stop_token stop) {
  if (!IsObjectId(commit, /*full=*/true)) {
    return absl::InvalidArgumentError(absl::StrCat(base::Quoted(commit), " is no full commit id"));
  }
  ASSIGN_OR_RETURN(const std::string clean, CleanSubdirectory(subdirectory));
  return body_->OpenTree(place, commit, clean, stop);
}

}  // namespace stevedore::context
