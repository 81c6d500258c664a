#include "base/spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/status.h"

namespace stevedore::base {

absl::StatusOr<std::unique_ptr<FileReader>> SpoolToFile(ByteSource& source,
                                                        const std::string& directory) {
  std::optional<TemporaryDirectory> own;
  std::string folder = directory;
  if (folder.empty()) {
    ASSIGN_OR_RETURN(TemporaryDirectory temporary, TemporaryDirectory::Create());
    own.emplace(std::move(temporary));
    folder = own->path();
  }
  RETURN_IF_ERROR(MakeDirectories(folder));
  const std::string path = JoinPath(folder, absl::StrCat("spool-", RandomHex(16)));
  ASSIGN_OR_RETURN(FileDescriptor file, OpenFile(path, O_RDWR | O_CREAT | O_EXCL, 0600));
  if (unlink(path.c_str()) != 0) return ErrnoStatus(errno, absl::StrCat("unlink ", path));
  const int fd = file.get();
  auto reader = std::make_unique<FileReader>(std::move(file), "temporary file");
  std::string buffer(256 << 10, '\0');
  while (true) {
    ASSIGN_OR_RETURN(const size_t count, source.Read(buffer.data(), buffer.size()));
    if (count == 0) return reader;
    RETURN_IF_ERROR(WriteFully(fd, absl::string_view(buffer.data(), count), path));
  }
}

}  // namespace stevedore::base
