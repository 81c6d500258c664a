#include "context/local_tree.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mutex.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "context/filtered_tree.h"

namespace stevedore::context {
namespace {

constexpr size_t kWarningLimit = 20;
constexpr size_t kReadBytes = 256 << 10;

// Collects what the walk leaves out. Thread-safe.
class Leftovers {
 public:
  void Add(absl::string_view path, absl::string_view kind) ABSL_LOCKS_EXCLUDED(mu_) {
    base::MutexLock lock(&mu_);
    left_out_.emplace(path, kind);
  }

  std::vector<std::string> Warnings(const std::string& root) ABSL_LOCKS_EXCLUDED(mu_) {
    base::MutexLock lock(&mu_);
    std::vector<std::string> warnings;
    for (const auto& [path, kind] : left_out_) {
      if (warnings.size() == kWarningLimit) {
        warnings.push_back(
            absl::StrCat("and ", left_out_.size() - kWarningLimit, " more were left out"));
        break;
      }
      warnings.push_back(absl::StrCat(base::JoinPath(root, path), " is a ", kind,
                                      ", which a build context cannot hold; left out"));
    }
    return warnings;
  }

 private:
  base::Mutex mu_;
  std::map<std::string, std::string> left_out_ ABSL_GUARDED_BY(mu_);  // Path to kind.
};

absl::string_view KindOf(mode_t mode) {
  if (S_ISSOCK(mode)) return "socket";
  if (S_ISFIFO(mode)) return "fifo";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "device";
  return "";
}

// "folder /src/web (context of image web:1.0)".
std::string Describe(const std::string& path, const std::string& owner) {
  return owner.empty() ? absl::StrCat("context folder ", path)
                       : absl::StrCat("context folder ", path, " of ", owner);
}

FileIdentity IdentityOf(const oci::FileStat& stat) {
  FileIdentity file;
  file.device = stat.device;
  file.inode = stat.inode;
  file.size = stat.size;
  file.mtime_ns = stat.mtime_ns;
  file.ctime_ns = stat.ctime_ns;
  return file;
}

// Digests one file of `directory`.
absl::StatusOr<TreeEntry::Sha256> DigestFile(const oci::DirectoryTree& directory,
                                             const TreeEntry& entry, std::stop_token stop) {
  oci::LayerEntry wanted;
  wanted.path = entry.path;
  wanted.size = entry.size;
  wanted.content_id = entry.content_id;
  ASSIGN_OR_RETURN(const std::unique_ptr<base::RandomReader> reader, directory.Open(wanted));
  base::Hasher hasher;
  std::string buffer(std::min<uint64_t>(kReadBytes, std::max<uint64_t>(entry.size, 1)), '\0');
  for (uint64_t offset = 0; offset < entry.size; offset += buffer.size()) {
    if (stop.stop_requested()) return absl::CancelledError("reading a context was cancelled");
    const size_t n = std::min<uint64_t>(buffer.size(), entry.size - offset);
    const absl::Status status = reader->ReadAt(offset, buffer.data(), n);
    if (absl::IsOutOfRange(status)) {
      return absl::AbortedError("became shorter while it was read; build again");
    }
    RETURN_IF_ERROR(status);
    hasher.Update(absl::string_view(buffer.data(), n));
  }
  return ToSha256(hasher.Finish());
}

// Fills in the digests of all files, from the cache or from disk.
class Digester {
 public:
  Digester(const oci::DirectoryTree& directory, std::vector<TreeEntry>& entries,
           const LocalTreeOptions& options)
      : directory_(directory), entries_(entries), options_(options) {}

  absl::Status Run() ABSL_LOCKS_EXCLUDED(mu_) {
    FindKnown();
    const size_t threads =
        std::min<size_t>(std::max(1, options_.threads), std::max<size_t>(unknown_.size(), 1));
    if (threads == 1) {
      Work();
    } else {
      base::ThreadPool pool("digest", static_cast<int>(threads));
      for (size_t i = 0; i < threads; ++i) pool.Schedule([this] { Work(); });
    }
    base::MutexLock lock(&mu_);
    return status_;
  }

 private:
  void FindKnown() {
    for (size_t i = 0; i < entries_.size(); ++i) {
      if (entries_[i].type != TreeEntry::Type::kFile) continue;
      std::optional<TreeEntry::Sha256> known;
      if (options_.stat_cache != nullptr) {
        known = options_.stat_cache->Find(IdentityOf(directory_.stats()[entries_[i].content_id]));
      }
      if (known.has_value()) {
        entries_[i].digest = *known;
      } else {
        unknown_.push_back(i);
      }
    }
  }

  void Work() ABSL_LOCKS_EXCLUDED(mu_) {
    while (true) {
      const size_t next = next_.fetch_add(1);
      if (next >= unknown_.size() || failed_.load()) return;
      TreeEntry& entry = entries_[unknown_[next]];
      const absl::Time start = options_.clock->Now();
      absl::StatusOr<TreeEntry::Sha256> digest = DigestFile(directory_, entry, options_.stop);
      if (!digest.ok()) {
        failed_ = true;
        base::MutexLock lock(&mu_);
        if (status_.ok()) status_ = base::Annotate(digest.status(), entry.path);
        return;
      }
      entry.digest = *digest;
      if (options_.stat_cache != nullptr) {
        options_.stat_cache->Store(IdentityOf(directory_.stats()[entry.content_id]), *digest,
                                   start);
      }
    }
  }

  const oci::DirectoryTree& directory_;
  std::vector<TreeEntry>& entries_;  // Each file's digest is written by one thread.
  const LocalTreeOptions& options_;
  std::vector<size_t> unknown_;  // Constant while threads run.
  std::atomic<size_t> next_ = 0;
  std::atomic<bool> failed_ = false;
  base::Mutex mu_;
  absl::Status status_ ABSL_GUARDED_BY(mu_);
};

// Entries of the tree from what was walked, digests of files not yet filled in.
absl::StatusOr<std::vector<TreeEntry>> Convert(const oci::DirectoryTree& directory) {
  std::vector<TreeEntry> entries;
  entries.reserve(directory.entries().size());
  std::map<absl::string_view, size_t> linked;  // Where hard links lead, filled when first needed.
  for (size_t i = 0; i < directory.entries().size(); ++i) {
    const oci::LayerEntry& walked = directory.entries()[i];
    TreeEntry entry;
    entry.path = walked.path;
    entry.content_id = i;
    switch (walked.type) {
      case oci::LayerEntry::Type::kDirectory:
        entry.type = TreeEntry::Type::kDirectory;
        break;
      case oci::LayerEntry::Type::kSymlink:
        if (LinkLeadsOut(walked.path, walked.link_target)) {
          return absl::InvalidArgumentError(absl::StrCat(
              "the link ", walked.path, " leads out of the context, to ",
              base::Quoted(walked.link_target),
              "; copy what it names into the context, or make the link absolute if it is meant "
              "inside the image"));
        }
        entry.type = TreeEntry::Type::kSymlink;
        entry.link_target = walked.link_target;
        entry.digest = ToSha256(base::Sha256(walked.link_target));
        break;
      case oci::LayerEntry::Type::kHardLink:
        // A second file with the same content.
        if (linked.empty()) {
          for (size_t k = 0; k < directory.entries().size(); ++k) {
            linked.emplace(directory.entries()[k].path, k);
          }
        }
        if (const auto it = linked.find(walked.link_target); it != linked.end()) {
          entry.content_id = it->second;
        }
        [[fallthrough]];
      default:
        entry.type = TreeEntry::Type::kFile;
        entry.size = directory.stats()[i].size;
    }
    entry.mode = NormalizedMode(entry.type, walked.mode);
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace

absl::StatusOr<std::unique_ptr<LocalTree>> LocalTree::Open(const std::string& path,
                                                           const LocalTreeOptions& options) {
  const std::string what = Describe(path, options.owner);
  const absl::StatusOr<base::FileDescriptor> root = base::OpenFile(path, O_RDONLY | O_DIRECTORY);
  if (absl::IsNotFound(root.status())) {
    return absl::NotFoundError(absl::StrCat(
        what, " is not there; create it, or correct `context` in the image's definition"));
  }
  struct stat status = {};
  if (!root.ok() && stat(path.c_str(), &status) == 0 && !S_ISDIR(status.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, " is no folder; `context` in the image's definition must name one"));
  }
  RETURN_IF_ERROR(root.status(), what);
  Leftovers leftovers;
  oci::WalkOptions walk;
  walk.threads = std::max(1, options.threads);
  walk.stop = options.stop;
  walk.filter = [&leftovers, ignore = options.ignore, fd = root->get()](absl::string_view entry,
                                                                        bool is_directory) {
    if (ignore != nullptr && ignore->Ignores(entry)) {
      return is_directory && ignore->MayKeepBelow(entry);
    }
    if (is_directory) return true;
    struct stat file = {};
    if (fstatat(fd, std::string(entry).c_str(), &file, AT_SYMLINK_NOFOLLOW) != 0) return true;
    const absl::string_view kind = KindOf(file.st_mode);
    if (!kind.empty()) leftovers.Add(entry, kind);
    return kind.empty();
  };
  ASSIGN_OR_RETURN(oci::DirectoryTree directory, oci::DirectoryTree::Walk(path, std::move(walk)),
                   what);
  ASSIGN_OR_RETURN(std::vector<TreeEntry> entries, Convert(directory), what);
  // Ignored folders that were entered for something that is not there.
  if (options.ignore != nullptr) entries = FilterEntries(std::move(entries), *options.ignore);
  RETURN_IF_ERROR(Digester(directory, entries, options).Run(), what);
  RETURN_IF_ERROR(CheckEntries(entries), what);
  return std::unique_ptr<LocalTree>(
      new LocalTree(std::move(entries), path, std::move(directory), leftovers.Warnings(path)));
}

absl::StatusOr<std::unique_ptr<base::RandomReader>> LocalTree::OpenContent(
    uint64_t content_id) const {
  if (content_id >= directory_.stats().size()) {
    return absl::InternalError(absl::StrCat("no content ", content_id, " in ", root_));
  }
  oci::LayerEntry entry;
  entry.path = directory_.entries()[content_id].path;
  entry.size = directory_.stats()[content_id].size;
  entry.content_id = content_id;
  return directory_.Open(entry);
}

}  // namespace stevedore::context
