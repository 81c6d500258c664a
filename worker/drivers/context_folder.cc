#include "worker/drivers/context_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/byte_source.h"
#include "base/file.h"
#include "base/status.h"

namespace stevedore::worker {
namespace {

constexpr size_t kPieceBytes = 256 << 10;

absl::Status WriteContent(const context::Tree& tree, const context::TreeEntry& entry,
                          const std::string& path, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(base::FileDescriptor file,
                   base::OpenFile(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  ASSIGN_OR_RETURN(const std::unique_ptr<base::RandomReader> reader,
                   tree.OpenContent(entry.content_id));
  std::string piece(std::min<uint64_t>(kPieceBytes, std::max<uint64_t>(entry.size, 1)), '\0');
  for (uint64_t at = 0; at < entry.size; at += piece.size()) {
    if (stop.stop_requested()) return absl::CancelledError("the build was cancelled");
    const size_t count = std::min<uint64_t>(piece.size(), entry.size - at);
    RETURN_IF_ERROR(reader->ReadAt(at, piece.data(), count));
    RETURN_IF_ERROR(base::WriteFully(file.get(), absl::string_view(piece.data(), count), path));
  }
  if (::fchmod(file.get(), entry.mode) != 0) {
    return base::ErrnoStatus(errno, absl::StrCat("set the mode of ", path));
  }
  return file.Close();
}

}  // namespace

absl::Status WriteContextFolder(const context::Tree& tree, const std::string& directory,
                                std::stop_token stop) {
  for (const context::TreeEntry& entry : tree.entries()) {
    const std::string path = base::JoinPath(directory, entry.path);
    switch (entry.type) {
      case context::TreeEntry::Type::kDirectory:
        if (::mkdir(path.c_str(), 0755) != 0) {
          return base::ErrnoStatus(errno, absl::StrCat("make the folder ", path));
        }
        break;
      case context::TreeEntry::Type::kSymlink:
        if (::symlink(entry.link_target.c_str(), path.c_str()) != 0) {
          return base::ErrnoStatus(errno, absl::StrCat("make the link ", path));
        }
        break;
      case context::TreeEntry::Type::kFile:
        RETURN_IF_ERROR(WriteContent(tree, entry, path, stop), entry.path);
        break;
    }
  }
  return absl::OkStatus();
}

}  // namespace stevedore::worker
