#include "context/pack_cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <tuple>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/status.h"
#include "oci/layer/decompress.h"

namespace stevedore::context {
namespace {

// Files are "<hex>.tar"; what is being written has this prefix.
constexpr absl::string_view kTemporaryPrefix = "tmp-";
constexpr absl::string_view kSuffix = ".tar";

struct DirectoryClose {
  void operator()(DIR* directory) const { closedir(directory); }
};

}  // namespace

absl::StatusOr<std::unique_ptr<PackCache>> PackCache::Open(const std::string& directory,
                                                           uint64_t limit_bytes) {
  RETURN_IF_ERROR(base::MakeDirectories(directory, 0700), "pack cache");
  std::unique_ptr<PackCache> cache(new PackCache(directory, limit_bytes));
  RETURN_IF_ERROR(cache->TakeFiles(), "pack cache ", directory);
  return cache;
}

absl::Status PackCache::TakeFiles() {
  const std::unique_ptr<DIR, DirectoryClose> open(opendir(directory_.c_str()));
  if (open == nullptr) return base::ErrnoStatus(errno, "open");
  // Last use as the disk remembers it, name and size.
  std::vector<std::tuple<int64_t, std::string, uint64_t>> files;
  while (const dirent* const item = readdir(open.get())) {
    const std::string name = item->d_name;
    const std::string path = base::JoinPath(directory_, name);
    if (absl::StartsWith(name, kTemporaryPrefix)) {
      unlink(path.c_str());
      continue;
    }
    struct stat status = {};
    if (!absl::EndsWith(name, kSuffix) || lstat(path.c_str(), &status) != 0 ||
        !S_ISREG(status.st_mode)) {
      continue;
    }
    files.emplace_back(status.st_mtim.tv_sec, name, static_cast<uint64_t>(status.st_size));
  }
  std::sort(files.begin(), files.end());
  base::MutexLock lock(&mu_);
  for (const auto& [time, name, size] : files) {
    Record& record = records_[name];
    record.size = size;
    record.used = ++uses_;
    used_bytes_ += size;
  }
  Shrink();
  return absl::OkStatus();
}

std::shared_ptr<const PackSegment> PackCache::Use(const std::string& name, Record& record) {
  record.used = ++uses_;
  std::shared_ptr<const PackSegment> segment = record.segment.lock();
  if (segment == nullptr) {
    segment = std::make_shared<PackSegment>(base::JoinPath(directory_, name));
    record.segment = segment;
  }
  return segment;
}

absl::StatusOr<std::shared_ptr<const PackSegment>> PackCache::Get(const oci::Descriptor& pack,
                                                                  const Fetch& fetch) {
  const std::string name = absl::StrCat(pack.digest.hex(), kSuffix);
  {
    base::MutexLock lock(&mu_);
    while (true) {
      const auto it = records_.find(name);
      if (it != records_.end()) return Use(name, it->second);
      if (fetching_.insert(name).second) break;
      changed_.Wait(&mu_);
    }
  }
  const absl::StatusOr<uint64_t> size = Unpack(pack, base::JoinPath(directory_, name), fetch);
  base::MutexLock lock(&mu_);
  fetching_.erase(name);
  changed_.SignalAll();
  if (!size.ok()) return size.status();
  Record& record = records_[name];
  record.size = *size;
  used_bytes_ += *size;
  std::shared_ptr<const PackSegment> segment = Use(name, record);
  Shrink();
  return segment;
}

absl::StatusOr<uint64_t> PackCache::Unpack(const oci::Descriptor& pack, const std::string& path,
                                           const Fetch& fetch) {
  ASSIGN_OR_RETURN(std::unique_ptr<base::ByteSource> compressed, fetch(pack), "fetch pack ",
                   pack.digest.Short());
  oci::DecompressOptions options;
  options.max_output_bytes = limit_bytes_;
  ASSIGN_OR_RETURN(const oci::Decompressed plain,
                   oci::OpenDecompressed(std::move(compressed), options), "pack ",
                   pack.digest.Short());
  const std::string temporary =
      base::JoinPath(directory_, absl::StrCat(kTemporaryPrefix, base::RandomHex(8)));
  ASSIGN_OR_RETURN(base::FileDescriptor file,
                   base::OpenFile(temporary, O_WRONLY | O_CREAT | O_EXCL, 0600));
  base::FileSink sink(std::move(file), temporary);
  // Not synced: what a crash leaves is removed or, cut short, found out by its tree's digest.
  const absl::StatusOr<uint64_t> size = base::CopyAll(*plain.source, sink);
  absl::Status status = size.ok() ? sink.Close() : size.status();
  if (status.ok() && rename(temporary.c_str(), path.c_str()) != 0) {
    status = base::ErrnoStatus(errno, absl::StrCat("rename to ", path));
  }
  if (!status.ok()) {
    unlink(temporary.c_str());
    return base::Annotate(status, absl::StrCat("unpack pack ", pack.digest.Short()));
  }
  return *size;
}

void PackCache::Shrink() {
  if (used_bytes_ <= limit_bytes_) return;
  std::vector<std::pair<uint64_t, std::string>> idle;  // Use and name.
  for (const auto& [name, record] : records_) {
    if (record.segment.expired()) idle.emplace_back(record.used, name);
  }
  std::sort(idle.begin(), idle.end());
  for (const auto& [used, name] : idle) {
    if (used_bytes_ <= limit_bytes_) return;
    unlink(base::JoinPath(directory_, name).c_str());
    used_bytes_ -= records_[name].size;
    records_.erase(name);
  }
}

uint64_t PackCache::used_bytes() const {
  base::MutexLock lock(&mu_);
  return used_bytes_;
}

}  // namespace stevedore::context
