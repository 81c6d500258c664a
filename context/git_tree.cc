#include "context/git_tree.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/byte_sink.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mutex.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "context/git_cat_file.h"
#include "context/git_formats.h"

namespace stevedore::context::git {
namespace {

// Larger ones are never in memory as a whole.
constexpr uint64_t kWholeLimit = uint64_t{256} << 20;
// Smaller ones are not counted.
constexpr uint64_t kCountedBytes = 1 << 20;
constexpr uint64_t kLinkLimit = 64 << 10;
constexpr uint64_t kModulesLimit = 1 << 20;
// Against repositories made to be endless when unfolded.
constexpr size_t kEntryLimit = 10'000'000;
constexpr int kDepthLimit = 512;
constexpr int kSubmoduleDepthLimit = 16;

GitBlobTable::ObjectId TableId(const git_oid& id) {
  GitBlobTable::ObjectId out;
  std::memcpy(out.data(), id.id, out.size());
  return out;
}

// Damage is remembered, so that the mirror is made anew.
absl::Status Noted(Mirror& mirror, absl::Status status) {
  if (absl::IsDataLoss(status)) mirror.MarkDamaged();
  return status;
}

// An object that must be here, as what leads to it is.
absl::Status Required(Mirror& mirror, int rc, absl::string_view doing) {
  absl::Status status = ToStatus(rc, doing);
  if (absl::IsNotFound(status) || absl::IsInvalidArgument(status)) {
    status = absl::DataLossError(status.message());
  }
  return Noted(mirror, std::move(status));
}

// Keeps what a blob is read from.
struct WholeBlob {
  std::shared_ptr<Mirror> mirror;
  std::optional<Mirror::Handle> handle;
  base::MemoryBudget::Lease memory;
  OdbObject object;

  absl::string_view content() const {
    return absl::string_view(static_cast<const char*>(git_odb_object_data(object.get())),
                             git_odb_object_size(object.get()));
  }
};

absl::StatusOr<std::unique_ptr<WholeBlob>> ReadWhole(std::shared_ptr<Mirror> mirror,
                                                     const git_oid& id) {
  auto blob = std::make_unique<WholeBlob>();
  blob->mirror = std::move(mirror);
  ASSIGN_OR_RETURN(Mirror::Handle handle, blob->mirror->Take());
  blob->handle.emplace(std::move(handle));
  Odb odb;
  RETURN_IF_ERROR(Required(*blob->mirror, git_repository_odb(base::Out(odb), blob->handle->get()),
                           "open objects"));
  RETURN_IF_ERROR(Required(*blob->mirror, git_odb_read(base::Out(blob->object), odb.get(), &id),
                           absl::StrCat("read object ", Hex(id))));
  return blob;
}

absl::StatusOr<uint64_t> SizeOf(Mirror& mirror, git_repository* repository, const git_oid& id) {
  Odb odb;
  RETURN_IF_ERROR(Required(mirror, git_repository_odb(base::Out(odb), repository), "open objects"));
  size_t size = 0;
  git_object_t type = GIT_OBJECT_INVALID;
  RETURN_IF_ERROR(Required(mirror, git_odb_read_header(&size, &type, odb.get(), &id),
                           absl::StrCat("look up object ", Hex(id))));
  return size;
}

class BlobReader final : public base::RandomReader {
 public:
  explicit BlobReader(std::unique_ptr<WholeBlob> blob) : blob_(std::move(blob)) {}
  absl::Status ReadAt(uint64_t offset, char* buffer, size_t size) const override {
    const absl::string_view content = blob_->content();
    if (offset > content.size() || size > content.size() - offset) {
      return absl::OutOfRangeError("read past the end of a git object");
    }
    std::memcpy(buffer, content.data() + offset, size);
    return absl::OkStatus();
  }

 private:
  const std::unique_ptr<WholeBlob> blob_;
};

// Counts and hashes what goes by.
class HashSink final : public base::ByteSink {
 public:
  absl::Status Write(absl::string_view bytes) override {
    hasher_.Update(bytes);
    return absl::OkStatus();
  }
  absl::Status Close() override { return absl::OkStatus(); }
  std::string Finish() { return hasher_.Finish(); }

 private:
  base::Hasher hasher_;
};

}  // namespace

// Collects a commit's entries.
class TreeWalk {
 public:
  explicit TreeWalk(const GitTree::Options& options) : options_(options) {}

  absl::Status AddCommit(std::shared_ptr<Mirror> mirror, const std::string& commit_id,
                         const std::string& subdirectory, const std::string& prefix, int depth) {
    if (depth > kSubmoduleDepthLimit) {
      return absl::InvalidArgumentError(
          absl::StrCat("submodules are nested more than ", kSubmoduleDepthLimit, " deep"));
    }
    Repository repository;
    RETURN_IF_ERROR(Required(
        *mirror, git_repository_open_bare(base::Out(repository), mirror->repository_path().c_str()),
        "open mirror"));
    Commit commit;
    git_oid id;
    RETURN_IF_ERROR(ToStatus(git_oid_fromstr(&id, commit_id.c_str()), "commit id"));
    RETURN_IF_ERROR(Required(*mirror, git_commit_lookup(base::Out(commit), repository.get(), &id),
                             absl::StrCat("read commit ", commit_id)));
    TreeObject root;
    RETURN_IF_ERROR(Required(*mirror, git_commit_tree(base::Out(root), commit.get()),
                             absl::StrCat("read the files of commit ", commit_id)));
    Place place = {mirror, repository.get(), static_cast<uint32_t>(mirrors_.size()),
                   depth,  root.get(),       {},
                   false};
    mirrors_.push_back(mirror);
    if (subdirectory.empty()) return AddTree(place, root.get(), "", prefix, 0);
    return AddSubdirectory(place, root.get(), subdirectory, prefix);
  }

  absl::StatusOr<std::shared_ptr<const GitTree>> Finish() {
    RETURN_IF_ERROR(Digest());
    RETURN_IF_ERROR(CheckContents());
    std::sort(entries_.begin(), entries_.end(),
              [](const TreeEntry& a, const TreeEntry& b) { return PathLess(a.path, b.path); });
    RETURN_IF_ERROR(CheckEntries(entries_));
    return std::shared_ptr<const GitTree>(
        new GitTree(std::move(entries_), std::move(blobs_), std::move(mirrors_), options_));
  }

 private:
  // The commit that is walked.
  struct Place {
    std::shared_ptr<Mirror> mirror;
    git_repository* repository;
    uint32_t index;  // Of the mirror.
    int depth;       // 0: not a submodule.
    git_tree* root;
    std::vector<GitSubmodule> submodules;
    bool submodules_read;
  };

  absl::Status AddSubdirectory(Place& place, git_tree* root, const std::string& subdirectory,
                               const std::string& prefix) {
    git_tree_entry* found = nullptr;
    const int rc = git_tree_entry_bypath(&found, root, subdirectory.c_str());
    if (rc == GIT_ENOTFOUND) {
      // The rest of the path may be in a submodule.
      return AddFromSubmodule(place, root, subdirectory, prefix);
    }
    const base::CHandle<git_tree_entry, git_tree_entry_free> entry(found);
    RETURN_IF_ERROR(Required(*place.mirror, rc, "read folder"));
    if (git_tree_entry_type(entry.get()) == GIT_OBJECT_COMMIT) {
      return AddFromSubmodule(place, root, subdirectory, prefix);
    }
    if (git_tree_entry_type(entry.get()) != GIT_OBJECT_TREE) {
      return absl::InvalidArgumentError(absl::StrCat(
          "git.path ", base::Quoted(subdirectory), " is a ",
          git_tree_entry_filemode(entry.get()) == GIT_FILEMODE_LINK ? "symbolic link" : "file",
          " in the repository; it must be a folder"));
    }
    TreeObject tree;
    RETURN_IF_ERROR(
        Required(*place.mirror,
                 git_tree_lookup(base::Out(tree), place.repository, git_tree_entry_id(entry.get())),
                 "read folder"));
    return AddTree(place, tree.get(), subdirectory, prefix, 0);
  }

  absl::Status AddFromSubmodule(Place& place, git_tree* root, const std::string& subdirectory,
                                const std::string& prefix) {
    for (size_t slash = 0; slash != std::string::npos;) {
      slash = subdirectory.find('/', slash + 1);
      const std::string front = subdirectory.substr(0, slash);
      git_tree_entry* found = nullptr;
      if (git_tree_entry_bypath(&found, root, front.c_str()) < 0) break;
      const base::CHandle<git_tree_entry, git_tree_entry_free> entry(found);
      if (git_tree_entry_type(entry.get()) != GIT_OBJECT_COMMIT) continue;
      ASSIGN_OR_RETURN(std::shared_ptr<Mirror> module,
                       OpenSubmodule(place, front, *git_tree_entry_id(entry.get())));
      return AddCommit(std::move(module), Hex(*git_tree_entry_id(entry.get())),
                       slash == std::string::npos ? "" : subdirectory.substr(slash + 1), prefix,
                       place.depth + 1);
    }
    return absl::NotFoundError(absl::StrCat("git.path ", base::Quoted(subdirectory),
                                            " is not in the repository at this commit"));
  }

  // `where` is the folder's path in the repository, `prefix` in the context.
  absl::Status AddTree(Place& place, git_tree* tree, const std::string& where,
                       const std::string& prefix, int depth) {
    if (depth > kDepthLimit) return absl::InvalidArgumentError("folders are nested too deep");
    if (options_.stop.stop_requested()) return absl::CancelledError("cancelled");
    const size_t count = git_tree_entrycount(tree);
    for (size_t i = 0; i < count; ++i) {
      const git_tree_entry* const item = git_tree_entry_byindex(tree, i);
      RETURN_IF_ERROR(AddItem(place, item, where, prefix, depth));
      if (entries_.size() > kEntryLimit) {
        return absl::ResourceExhaustedError(
            absl::StrCat("the repository has more than ", kEntryLimit, " files"));
      }
    }
    return absl::OkStatus();
  }

  absl::Status AddItem(Place& place, const git_tree_entry* item, const std::string& where,
                       const std::string& prefix, int depth) {
    const absl::string_view name = git_tree_entry_name(item);
    TreeEntry entry;
    entry.path = prefix.empty() ? std::string(name) : absl::StrCat(prefix, "/", name);
    const std::string path = where.empty() ? std::string(name) : absl::StrCat(where, "/", name);
    const git_oid& id = *git_tree_entry_id(item);
    switch (git_tree_entry_filemode(item)) {
      case GIT_FILEMODE_TREE: {
        entry.type = TreeEntry::Type::kDirectory;
        entry.mode = NormalizedMode(entry.type, 0755);
        entries_.push_back(entry);
        TreeObject below;
        RETURN_IF_ERROR(Required(*place.mirror,
                                 git_tree_lookup(base::Out(below), place.repository, &id),
                                 absl::StrCat("read folder ", path)));
        return AddTree(place, below.get(), path, entry.path, depth + 1);
      }
      case GIT_FILEMODE_COMMIT: {
        entry.type = TreeEntry::Type::kDirectory;
        entry.mode = NormalizedMode(entry.type, 0755);
        entries_.push_back(entry);
        ASSIGN_OR_RETURN(std::shared_ptr<Mirror> module, OpenSubmodule(place, path, id));
        return base::Annotate(
            AddCommit(std::move(module), Hex(id), "", entry.path, place.depth + 1),
            absl::StrCat("submodule ", path));
      }
      case GIT_FILEMODE_LINK:
        entry.type = TreeEntry::Type::kSymlink;
        entry.mode = NormalizedMode(entry.type, 0777);
        RETURN_IF_ERROR(ReadLink(place, id, &entry));
        break;
      case GIT_FILEMODE_BLOB_EXECUTABLE:
        entry.mode = NormalizedMode(entry.type, 0755);
        break;
      default:
        entry.mode = NormalizedMode(entry.type, 0644);
    }
    entry.content_id = blobs_.size();
    blobs_.push_back(GitTree::Blob{place.index, id});
    entries_.push_back(std::move(entry));
    return absl::OkStatus();
  }

  absl::Status ReadLink(Place& place, const git_oid& id, TreeEntry* entry) {
    ASSIGN_OR_RETURN(const uint64_t size, SizeOf(*place.mirror, place.repository, id), entry->path);
    if (size > kLinkLimit) {
      return absl::InvalidArgumentError(
          absl::StrCat("the target of link ", entry->path, " has ", size, " bytes"));
    }
    ASSIGN_OR_RETURN(const std::unique_ptr<WholeBlob> blob, ReadWhole(place.mirror, id),
                     entry->path);
    entry->link_target = std::string(blob->content());
    entry->digest = ToSha256(base::Sha256(entry->link_target));
    if (LinkLeadsOut(entry->path, entry->link_target)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the link ", entry->path, " leads out of the context, to ",
          base::Quoted(entry->link_target),
          "; copy what it names into the folder, or make the link absolute if it is meant inside "
          "the image"));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::shared_ptr<Mirror>> OpenSubmodule(Place& place, const std::string& path,
                                                        const git_oid& id) {
    RETURN_IF_ERROR(ReadSubmodules(place));
    for (const GitSubmodule& module : place.submodules) {
      if (module.path != path) continue;
      return options_.open_submodule(place.mirror->place(), module.url, Hex(id));
    }
    return absl::InvalidArgumentError(
        absl::StrCat("submodule ", path,
                     " has no entry with a URL in .gitmodules; add it with git submodule "
                     "add, or remove ",
                     path, " from the repository"));
  }

  absl::Status ReadSubmodules(Place& place) {
    if (place.submodules_read) return absl::OkStatus();
    place.submodules_read = true;
    const git_tree_entry* const file = git_tree_entry_byname(place.root, ".gitmodules");
    if (file == nullptr || git_tree_entry_type(file) != GIT_OBJECT_BLOB) return absl::OkStatus();
    const git_oid& id = *git_tree_entry_id(file);
    ASSIGN_OR_RETURN(const uint64_t size, SizeOf(*place.mirror, place.repository, id));
    if (size > kModulesLimit) return absl::InvalidArgumentError(".gitmodules is above 1 MiB");
    ASSIGN_OR_RETURN(const std::unique_ptr<WholeBlob> blob, ReadWhole(place.mirror, id));
    ASSIGN_OR_RETURN(place.submodules, ParseGitModules(blob->content()));
    return absl::OkStatus();
  }

  // Sizes and digests of all files, from the tables or from the blobs.
  absl::Status Digest() ABSL_LOCKS_EXCLUDED(mu_) {
    for (size_t i = 0; i < entries_.size(); ++i) {
      TreeEntry& entry = entries_[i];
      if (entry.type != TreeEntry::Type::kFile) continue;
      const GitTree::Blob& blob = blobs_[entry.content_id];
      const auto known = mirrors_[blob.mirror]->table().Find(TableId(blob.id));
      if (known.has_value()) {
        Apply(*known, &entry);
      } else {
        unknown_.push_back(i);
      }
    }
    if (unknown_.empty()) return absl::OkStatus();
    {
      const size_t threads = std::min<size_t>(std::max(1, options_.threads), unknown_.size());
      base::ThreadPool pool("git digest", static_cast<int>(threads));
      for (size_t i = 0; i < threads; ++i) pool.Schedule([this] { Work(); });
    }
    for (const std::shared_ptr<Mirror>& mirror : mirrors_) {
      (void)mirror->SaveTable();  // A cache: losing it costs time.
    }
    base::MutexLock lock(&mu_);
    return status_;
  }

  void Work() ABSL_LOCKS_EXCLUDED(mu_) {
    while (true) {
      const size_t next = next_.fetch_add(1);
      if (next >= unknown_.size() || failed_.load()) return;
      TreeEntry& entry = entries_[unknown_[next]];
      const absl::Status status = DigestFile(&entry);
      if (status.ok()) continue;
      failed_ = true;
      base::MutexLock lock(&mu_);
      if (status_.ok()) status_ = base::Annotate(status, entry.path);
      return;
    }
  }

  static void Apply(const GitBlobTable::Blob& blob, TreeEntry* entry) {
    entry->size = blob.size;
    entry->digest = blob.digest;
    // Reported when all are known, so that the first by name is named.
    if (blob.is_lfs_pointer) entry->link_target = "lfs";
  }

  absl::Status DigestFile(TreeEntry* entry) {
    if (options_.stop.stop_requested()) return absl::CancelledError("cancelled");
    const GitTree::Blob& place = blobs_[entry->content_id];
    const std::shared_ptr<Mirror>& mirror = mirrors_[place.mirror];
    GitBlobTable::Blob blob;
    {
      ASSIGN_OR_RETURN(const Mirror::Handle handle, mirror->Take());
      ASSIGN_OR_RETURN(blob.size, SizeOf(*mirror, handle.get(), place.id));
    }
    if (blob.size > std::min(kWholeLimit, options_.memory->limit_bytes())) {
      HashSink sink;
      RETURN_IF_ERROR(
          Noted(*mirror, CatFile(mirror->repository_path(), Hex(place.id), sink, options_.stop)));
      blob.digest = ToSha256(sink.Finish());
    } else {
      ASSIGN_OR_RETURN(const base::MemoryBudget::Lease memory,
                       options_.memory->Take(blob.size, options_.stop));
      ASSIGN_OR_RETURN(const std::unique_ptr<WholeBlob> whole, ReadWhole(mirror, place.id));
      blob.digest = ToSha256(base::Sha256(whole->content()));
      blob.is_lfs_pointer = IsLfsPointer(whole->content());
    }
    mirror->table().Store(TableId(place.id), blob);
    Apply(blob, entry);
    return absl::OkStatus();
  }

  absl::Status CheckContents() {
    const TreeEntry* first = nullptr;
    size_t count = 0;
    for (const TreeEntry& entry : entries_) {
      if (entry.type != TreeEntry::Type::kFile || entry.link_target.empty()) continue;
      ++count;
      if (first == nullptr || PathLess(entry.path, first->path)) first = &entry;
    }
    if (count == 0) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(
        first->path, count > 1 ? absl::StrCat(" and ", count - 1, " more files are") : " is",
        " in Git LFS: git has only a pointer, which would end up in the image. Use a checkout made "
        "with `git lfs pull` as `path`, or a `git.path` without such files"));
  }

  const GitTree::Options& options_;
  std::vector<TreeEntry> entries_;
  std::vector<GitTree::Blob> blobs_;
  std::vector<std::shared_ptr<Mirror>> mirrors_;
  std::vector<size_t> unknown_;  // Constant while threads run.
  std::atomic<size_t> next_ = 0;
  std::atomic<bool> failed_ = false;
  base::Mutex mu_;
  absl::Status status_ ABSL_GUARDED_BY(mu_);
};

GitTree::GitTree(std::vector<TreeEntry> entries, std::vector<Blob> blobs,
                 std::vector<std::shared_ptr<Mirror>> mirrors, Options options)
    : Tree(std::move(entries)),
      blobs_(std::move(blobs)),
      mirrors_(std::move(mirrors)),
      memory_(std::move(options.memory)),
      spool_directory_(std::move(options.spool_directory)) {}

absl::StatusOr<std::shared_ptr<const GitTree>> GitTree::Open(std::shared_ptr<Mirror> mirror,
                                                             const std::string& commit,
                                                             const std::string& subdirectory,
                                                             const Options& options) {
  TreeWalk walk(options);
  RETURN_IF_ERROR(walk.AddCommit(std::move(mirror), commit, subdirectory, "", 0));
  return walk.Finish();
}

absl::StatusOr<std::unique_ptr<base::RandomReader>> GitTree::OpenContent(
    uint64_t content_id) const {
  if (content_id >= blobs_.size()) {
    return absl::InternalError(absl::StrCat("no content ", content_id, " in this tree"));
  }
  const Blob& place = blobs_[content_id];
  const std::shared_ptr<Mirror>& mirror = mirrors_[place.mirror];
  const auto known = mirror->table().Find(TableId(place.id));
  const uint64_t size = known.has_value() ? known->size : 0;
  std::optional<base::MemoryBudget::Lease> memory;
  if (size <= kWholeLimit) {
    // Never waits: who holds a reader may be waiting for something else.
    memory = memory_->TryTake(size < kCountedBytes ? 0 : size);
  }
  if (memory.has_value()) {
    ASSIGN_OR_RETURN(std::unique_ptr<WholeBlob> blob, ReadWhole(mirror, place.id));
    blob->memory = *std::move(memory);
    return std::make_unique<BlobReader>(std::move(blob));
  }
  ASSIGN_OR_RETURN(base::FileDescriptor file,
                   base::OpenFile(spool_directory_, O_TMPFILE | O_RDWR, 0600));
  const int fd = ::fcntl(file.get(), F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return base::ErrnoStatus(errno, "spool file");
  // Trees are shared by runs: one that is cancelled must not end the reading of another.
  base::FileSink sink(base::FileDescriptor(fd), "spool file");
  RETURN_IF_ERROR(Noted(*mirror, CatFile(mirror->repository_path(), Hex(place.id), sink, {})));
  RETURN_IF_ERROR(sink.Close());
  return std::make_unique<base::FileReader>(std::move(file), "spool file");
}

}  // namespace stevedore::context::git
