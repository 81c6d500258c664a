#include "worker/drivers/spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/status.h"

namespace stevedore::worker {

absl::StatusOr<std::unique_ptr<base::FileReader>> SpoolToFile(base::ByteSource& source,
                                                              const std::string& directory) {
  std::optional<base::TemporaryDirectory> own;
  std::string folder = directory;
  if (folder.empty()) {
    ASSIGN_OR_RETURN(base::TemporaryDirectory temporary, base::TemporaryDirectory::Create());
    own.emplace(std::move(temporary));
    folder = own->path();
  }
  RETURN_IF_ERROR(base::MakeDirectories(folder));
  const std::string path = base::JoinPath(folder, absl::StrCat("spool-", base::RandomHex(16)));
  ASSIGN_OR_RETURN(base::FileDescriptor file,
                   base::OpenFile(path, O_RDWR | O_CREAT | O_EXCL, 0600));
  if (unlink(path.c_str()) != 0) return base::ErrnoStatus(errno, absl::StrCat("unlink ", path));
  const int fd = file.get();
  auto reader = std::make_unique<base::FileReader>(std::move(file), "unpacked tar");
  std::string buffer(256 << 10, '\0');
  while (true) {
    ASSIGN_OR_RETURN(const size_t count, source.Read(buffer.data(), buffer.size()));
    if (count == 0) return reader;
    RETURN_IF_ERROR(base::WriteFully(fd, absl::string_view(buffer.data(), count), path));
  }
}

}  // namespace stevedore::worker
