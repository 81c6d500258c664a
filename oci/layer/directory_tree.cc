#include "oci/layer/directory_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <malloc.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/c_handle.h"
#include "base/mutex.h"
#include "base/status.h"

namespace stevedore::oci {
namespace {

using Type = LayerEntry::Type;
using Xattrs = std::vector<std::pair<std::string, std::string>>;
using Directory = base::CHandle<DIR, closedir>;

constexpr size_t kMaxLinkBytes = 1 << 16;
constexpr int kOpenFlags = O_CLOEXEC | O_NOFOLLOW;

// openat that follows no symbolic link anywhere on `path`, which is relative and has no "..":
// component by component, for kernels and sandboxes without openat2.
int OpenStepwise(int root, const std::string& path, int flags) {
  base::FileDescriptor held;
  int directory = root;
  const std::vector<std::string> parts = absl::StrSplit(path, '/');
  for (size_t i = 0; i + 1 < parts.size(); ++i) {
    const int next = openat(directory, parts[i].c_str(), O_PATH | O_DIRECTORY | kOpenFlags);
    if (next < 0) return -1;
    held = base::FileDescriptor(next);
    directory = next;
  }
  return openat(directory, parts.back().c_str(), flags | kOpenFlags);
}

int OpenBeneath(int root, const std::string& path, int flags) {
  open_how how = {};
  how.flags = static_cast<uint64_t>(flags | kOpenFlags);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const long fd = syscall(SYS_openat2, root, path.c_str(), &how, sizeof(how));
  // EPERM: what old seccomp profiles answer for system calls that they do not know.
  if (fd < 0 && (errno == ENOSYS || errno == EPERM)) return OpenStepwise(root, path, flags);
  return static_cast<int>(fd);
}

int64_t Nanoseconds(const timespec& time) { return time.tv_sec * 1'000'000'000 + time.tv_nsec; }

FileStat ToFileStat(const struct stat& st) {
  return FileStat{.device = st.st_dev,
                  .inode = st.st_ino,
                  .mtime_ns = Nanoseconds(st.st_mtim),
                  .ctime_ns = Nanoseconds(st.st_ctim),
                  .size = static_cast<uint64_t>(st.st_size)};
}

// One entry as a directory lists it; `below` if it is a directory itself.
struct Listing;
struct Item {
  LayerEntry entry;
  FileStat stat;
  bool shared = false;  // Has further names.
  std::unique_ptr<Listing> below;
};
struct Listing {
  std::string path;  // Empty: the root.
  std::vector<Item> items;
};

// Lists directories with several threads; each listing is filled and sorted by one of them.
class Walker {
 public:
  Walker(const std::string& root, int directory, const WalkOptions& options)
      : root_(root), directory_(directory), options_(options) {}

  absl::Status Run(Listing* top) {
    queue_.push_back(top);
    open_ = 1;
    const int wanted = options_.threads > 0
                           ? options_.threads
                           : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    {
      std::vector<std::jthread> helpers;
      for (int i = 1; i < wanted; ++i) {
        try {
          helpers.emplace_back([this] { Work(); });
        } catch (const std::system_error&) {
          break;  // Fewer threads do it too.
        }
      }
      Work();
    }
    base::MutexLock lock(&mu_);
    return failure_;
  }

  // How many entries there are in all, after Run.
  size_t entries() const ABSL_LOCKS_EXCLUDED(mu_) {
    base::MutexLock lock(&mu_);
    return entries_;
  }

 private:
  void Work() ABSL_LOCKS_EXCLUDED(mu_) {
    while (Listing* const listing = Take()) {
      const absl::Status status = List(*listing);
      base::MutexLock lock(&mu_);
      if (status.ok()) {
        entries_ += listing->items.size();
        for (Item& item : listing->items) {
          if (item.below == nullptr) continue;
          queue_.push_back(item.below.get());
          ++open_;
        }
      } else if (failure_.ok()) {
        failure_ = status;
      }
      --open_;
      changed_.SignalAll();
    }
  }

  // The next directory; nullptr when all are done or one failed.
  Listing* Take() ABSL_LOCKS_EXCLUDED(mu_) {
    base::MutexLock lock(&mu_);
    if (options_.stop.stop_requested() && failure_.ok()) {
      failure_ = absl::CancelledError(absl::StrCat("cancelled while listing ", root_));
      changed_.SignalAll();
    }
    while (queue_.empty() && open_ > 0 && failure_.ok()) changed_.Wait(&mu_);
    if (queue_.empty() || !failure_.ok()) return nullptr;
    // The last one first: the queue stays as short as the tree is deep and wide in one place.
    Listing* const listing = queue_.back();
    queue_.pop_back();
    return listing;
  }

  absl::Status List(Listing& listing) {
    const int fd = listing.path.empty()
                       ? openat(directory_, ".", O_RDONLY | O_DIRECTORY | kOpenFlags)
                       : OpenBeneath(directory_, listing.path, O_RDONLY | O_DIRECTORY);
    if (fd < 0) {
      // Gone, or replaced by something else, since its parent was listed.
      if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) return absl::OkStatus();
      return Failed("open directory", listing.path);
    }
    base::FileDescriptor owned(fd);
    const Directory directory(fdopendir(fd));
    if (directory == nullptr) return Failed("list directory", listing.path);
    owned.Release();  // `directory` closes it.
    while (true) {
      errno = 0;
      const dirent* const found = readdir(directory.get());
      if (found == nullptr) break;
      const absl::string_view name = found->d_name;
      if (name == "." || name == "..") continue;
      RETURN_IF_ERROR(Add(fd, found->d_name, listing));
    }
    if (errno != 0) return Failed("list directory", listing.path);
    // Entries of one directory: comparing paths compares names.
    std::sort(listing.items.begin(), listing.items.end(),
              [](const Item& a, const Item& b) { return a.entry.path < b.entry.path; });
    return absl::OkStatus();
  }

  absl::Status Add(int directory, const char* name, Listing& listing) {
    Item item;
    item.entry.path = listing.path.empty() ? name : absl::StrCat(listing.path, "/", name);
    struct stat st;
    if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
      return errno == ENOENT ? absl::OkStatus() : Failed("stat", item.entry.path);
    }
    if (options_.filter != nullptr && !options_.filter(item.entry.path, S_ISDIR(st.st_mode))) {
      return absl::OkStatus();
    }
    item.stat = ToFileStat(st);
    item.shared = S_ISREG(st.st_mode) && st.st_nlink > 1;
    RETURN_IF_ERROR(SetEntry(st, item.entry));
    if (item.entry.type == Type::kSymlink) {
      absl::StatusOr<std::string> target = ReadLink(directory, name, item.entry.path);
      if (absl::IsNotFound(target.status())) return absl::OkStatus();
      if (!target.ok()) return target.status();
      item.entry.link_target = *std::move(target);
    }
    if (options_.xattrs && item.entry.type != Type::kSymlink) {
      RETURN_IF_ERROR(ReadXattrs(directory, name, item.entry));
    }
    if (item.entry.type == Type::kDirectory) {
      item.below = std::make_unique<Listing>(Listing{item.entry.path, {}});
    }
    listing.items.push_back(std::move(item));
    return absl::OkStatus();
  }

  absl::Status SetEntry(const struct stat& st, LayerEntry& entry) const {
    switch (st.st_mode & S_IFMT) {
      case S_IFREG:
        entry.type = Type::kFile;
        entry.size = static_cast<uint64_t>(st.st_size);
        break;
      case S_IFDIR:
        entry.type = Type::kDirectory;
        break;
      case S_IFLNK:
        entry.type = Type::kSymlink;
        break;
      case S_IFIFO:
        entry.type = Type::kFifo;
        break;
      case S_IFCHR:
      case S_IFBLK:
        entry.type = S_ISCHR(st.st_mode) ? Type::kCharacterDevice : Type::kBlockDevice;
        entry.device_major = major(st.st_rdev);
        entry.device_minor = minor(st.st_rdev);
        break;
      default:
        return absl::InvalidArgumentError(
            absl::StrCat(base::JoinPath(root_, entry.path), " is a socket (or something unknown), ",
                         "which no layer can hold: remove it or have it ignored"));
    }
    entry.mode = st.st_mode & 07777;
    entry.uid = st.st_uid;
    entry.gid = st.st_gid;
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> ReadLink(int directory, const char* name, const std::string& path) {
    std::string target(256, '\0');
    while (true) {
      const ssize_t size = readlinkat(directory, name, target.data(), target.size());
      if (size < 0) return Failed("read link", path);
      if (static_cast<size_t>(size) < target.size()) {
        target.resize(size);
        return target;
      }
      if (target.size() >= kMaxLinkBytes) {
        return absl::InvalidArgumentError(absl::StrCat(
            base::JoinPath(root_, path), ": link target is above ", kMaxLinkBytes, " bytes"));
      }
      target.resize(2 * target.size());
    }
  }

  // Through /proc, because there is no openat form: the directory is named by its descriptor, the
  // name in it not followed.
  absl::Status ReadXattrs(int directory, const char* name, LayerEntry& entry) const {
    const std::string path = absl::StrCat("/proc/self/fd/", directory, "/", name);
    const ssize_t size = llistxattr(path.c_str(), nullptr, 0);
    if (size <= 0) {
      const bool none = size == 0 || errno == ENOTSUP || errno == ENOENT;
      return none ? absl::OkStatus() : Failed("list extended attributes of", entry.path);
    }
    std::string names(size, '\0');
    const ssize_t got = llistxattr(path.c_str(), names.data(), names.size());
    if (got < 0) return Failed("list extended attributes of", entry.path);
    names.resize(got);
    Xattrs xattrs;
    for (const std::string& key :
         std::vector<std::string>(absl::StrSplit(names, '\0', absl::SkipEmpty()))) {
      if (!absl::StartsWith(key, "user.") && key != "security.capability") continue;
      const ssize_t value_size = lgetxattr(path.c_str(), key.c_str(), nullptr, 0);
      if (value_size < 0) return Failed("read extended attributes of", entry.path);
      std::string value(value_size, '\0');
      const ssize_t read = lgetxattr(path.c_str(), key.c_str(), value.data(), value.size());
      if (read < 0) return Failed("read extended attributes of", entry.path);
      value.resize(read);
      xattrs.emplace_back(key, std::move(value));
    }
    if (xattrs.empty()) return absl::OkStatus();
    std::sort(xattrs.begin(), xattrs.end());
    entry.xattrs = std::make_shared<const Xattrs>(std::move(xattrs));
    return absl::OkStatus();
  }

  absl::Status Failed(absl::string_view doing, absl::string_view path) const {
    return base::ErrnoStatus(errno, absl::StrCat(doing, " ", base::JoinPath(root_, path)));
  }

  const std::string& root_;
  const int directory_;
  const WalkOptions& options_;
  mutable base::Mutex mu_;
  base::CondVar changed_;
  std::vector<Listing*> queue_ ABSL_GUARDED_BY(mu_);
  size_t entries_ ABSL_GUARDED_BY(mu_) = 0;
  size_t open_ ABSL_GUARDED_BY(mu_) = 0;  // Queued or being listed.
  absl::Status failure_ ABSL_GUARDED_BY(mu_);
};

// Moves a listing and all below it to the end of the two vectors, depth first. A loop and not a
// recursion: trees are as deep as somebody made them.
void Flatten(Listing top, std::vector<LayerEntry>& entries, std::vector<FileStat>& stats,
             std::vector<bool>& shared) {
  struct Level {
    Listing listing;
    size_t next = 0;
  };
  std::vector<Level> levels;
  levels.push_back({std::move(top), 0});
  while (!levels.empty()) {
    Level& level = levels.back();
    if (level.next == level.listing.items.size()) {
      levels.pop_back();
      continue;
    }
    Item& item = level.listing.items[level.next++];
    entries.push_back(std::move(item.entry));
    stats.push_back(item.stat);
    shared.push_back(item.shared);
    // Freed when its level ends; `level` is invalid after this.
    if (item.below != nullptr) levels.push_back({std::move(*item.below), 0});
  }
}

void LinkSharedFiles(std::vector<LayerEntry>& entries, const std::vector<FileStat>& stats,
                     const std::vector<bool>& shared) {
  absl::flat_hash_map<std::pair<uint64_t, uint64_t>, size_t> first_name;
  for (size_t i = 0; i < entries.size(); ++i) {
    if (!shared[i]) continue;
    const auto inserted = first_name.emplace(std::make_pair(stats[i].device, stats[i].inode), i);
    if (inserted.second) continue;
    entries[i].type = Type::kHardLink;
    entries[i].size = 0;
    entries[i].link_target = entries[inserted.first->second].path;
  }
}

}  // namespace

DirectoryTree::DirectoryTree(std::string root, base::FileDescriptor directory)
    : root_(std::move(root)), directory_(std::move(directory)) {}
DirectoryTree::DirectoryTree(DirectoryTree&&) noexcept = default;
DirectoryTree& DirectoryTree::operator=(DirectoryTree&&) noexcept = default;
DirectoryTree::~DirectoryTree() = default;

absl::StatusOr<DirectoryTree> DirectoryTree::Walk(const std::string& root, WalkOptions options) {
  absl::StatusOr<base::FileDescriptor> directory =
      base::OpenFile(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (!directory.ok()) {
    if (errno == ENOTDIR) {
      return absl::InvalidArgumentError(absl::StrCat(root, " is not a directory"));
    }
    return directory.status();
  }
  DirectoryTree tree(root, *std::move(directory));
  Listing top;
  Walker walker(tree.root_, tree.directory_.get(), options);
  RETURN_IF_ERROR(walker.Run(&top));
  // Exactly: growing by doubling would hold most entries twice for a moment.
  tree.entries_.reserve(walker.entries());
  tree.stats_.reserve(walker.entries());
  std::vector<bool> shared;
  Flatten(std::move(top), tree.entries_, tree.stats_, shared);
  if (options.hard_links) LinkSharedFiles(tree.entries_, tree.stats_, shared);
  size_t path_bytes = 0;
  for (const LayerEntry& entry : tree.entries_) path_bytes += entry.path.size();
  tree.paths_.reserve(path_bytes);
  tree.path_ends_.reserve(tree.entries_.size());
  for (size_t i = 0; i < tree.entries_.size(); ++i) {
    tree.entries_[i].content_id = i;
    tree.paths_ += tree.entries_[i].path;
    tree.path_ends_.push_back(tree.paths_.size());
  }
  // The listings are gone, but the allocator keeps their pages in every thread's arena: at 100,000
  // entries half of what the process holds, just before the buffers of a layer are wanted.
  malloc_trim(0);
  return tree;
}

absl::string_view DirectoryTree::Path(uint64_t index) const {
  const uint64_t begin = index == 0 ? 0 : path_ends_[index - 1];
  return absl::string_view(paths_).substr(begin, path_ends_[index] - begin);
}

absl::StatusOr<std::unique_ptr<base::RandomReader>> DirectoryTree::Open(
    const LayerEntry& entry) const {
  if (entry.content_id >= path_ends_.size()) {
    return absl::InternalError(absl::StrCat("content ", entry.content_id, " of ",
                                            base::Quoted(entry.path), " is not of the tree ",
                                            root_));
  }
  const std::string path(Path(entry.content_id));
  // Not blocking, should a fifo stand there now.
  base::FileDescriptor file(OpenBeneath(directory_.get(), path, O_RDONLY | O_NONBLOCK));
  const auto changed = [this, &path](absl::string_view how) {
    return absl::AbortedError(
        absl::StrCat(base::JoinPath(root_, path), " ", how, " since the directory was listed"));
  };
  if (!file.valid()) {
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) return changed("was removed");
    return base::ErrnoStatus(errno, absl::StrCat("open ", base::JoinPath(root_, path)));
  }
  struct stat st;
  if (fstat(file.get(), &st) != 0) {
    return base::ErrnoStatus(errno, absl::StrCat("stat ", base::JoinPath(root_, path)));
  }
  const FileStat now = ToFileStat(st);
  const FileStat& then = stats_[entry.content_id];
  if (!S_ISREG(st.st_mode) || now.inode != then.inode || now.device != then.device) {
    return changed("was replaced");
  }
  if (now.size != then.size) {
    return changed(absl::StrCat("changed its size from ", then.size, " to ", now.size, " bytes"));
  }
  if (now.mtime_ns != then.mtime_ns) return changed("was written to");
  return std::make_unique<base::FileReader>(std::move(file), path);
}

}  // namespace stevedore::oci
