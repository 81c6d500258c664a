#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/byte_sink.h"
#include "base/file.h"
#include "base/status.h"
#include "cli/images/image_access.h"
#include "cli/images/image_commands.h"
#include "cli/images/image_flags.h"
#include "transfer/image_export.h"

namespace stevedore::cli {
namespace {

constexpr size_t kNamesInMessage = 5;
constexpr size_t kBufferBytes = 1 << 20;

// What the command line says.
struct ExportFlags {
  ImageFlags images;
  std::string image;
  std::string file = "-";
};

// Few large writes instead of one per block. Does not close what is below.
class BufferedOutput final : public base::ByteSink {
 public:
  BufferedOutput(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}

  absl::Status Write(absl::string_view bytes) override {
    if (buffer_.size() + bytes.size() > kBufferBytes) RETURN_IF_ERROR(Flush());
    if (bytes.size() >= kBufferBytes) return base::WriteFully(fd_, bytes, name_);
    buffer_.append(bytes.data(), bytes.size());
    return absl::OkStatus();
  }
  absl::Status Close() override { return Flush(); }

 private:
  absl::Status Flush() {
    RETURN_IF_ERROR(base::WriteFully(fd_, buffer_, name_));
    buffer_.clear();
    return absl::OkStatus();
  }

  const int fd_;
  const std::string name_;
  std::string buffer_;
};

// Calls `write` with the file that is to be `path`. It appears when it is complete; what is there
// and no regular file (a pipe, /dev/null) is written to as it is.
template <typename WriteTo>
absl::Status WriteOutput(const std::string& path, const WriteTo& write) {
  struct stat status;
  const bool special = stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode);
  const std::string unfinished = special ? path : absl::StrCat(path, ".", getpid(), ".unfinished");
  ASSIGN_OR_RETURN(base::FileDescriptor file,
                   base::OpenFile(unfinished, O_WRONLY | O_CREAT | (special ? 0 : O_TRUNC)));
  absl::Status written = write(file.get());
  if (written.ok()) written = file.Close();
  if (special) return written;
  if (written.ok() && rename(unfinished.c_str(), path.c_str()) != 0) {
    written = base::ErrnoStatus(errno, absl::StrCat("rename ", unfinished, " to ", path));
  }
  if (!written.ok()) unlink(unfinished.c_str());
  return written;
}

void Warn(const CommandContext& context, const transfer::ImageExport& exported) {
  if (exported.dropped.empty()) return;
  std::vector<std::string> names;
  for (size_t i = 0; i < std::min(exported.dropped.size(), kNamesInMessage); ++i) {
    names.push_back(base::Quoted(exported.dropped[i]));
  }
  const size_t more = exported.dropped.size() - names.size();
  PrintWarning(*context.console,
               absl::StrCat("left out symbolic links that lead out of the root: ",
                            absl::StrJoin(names, ", "),
                            more > 0 ? absl::StrCat(" and ", more, " more") : ""));
}

absl::StatusOr<ExitCode> Export(CommandContext& context, const ExportFlags& flags) {
  if (flags.file == "-" && isatty(STDOUT_FILENO) == 1) {
    return absl::InvalidArgumentError(
        "export writes a tar, which is nothing for a terminal: name a FILE, or pipe it on");
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<ImageAccess> access,
                   ImageAccess::Open(context, flags.images));
  ASSIGN_OR_RETURN(const transfer::Endpoint place,
                   transfer::ParseEndpoint(flags.image == "-" ? "docker-archive:-" : flags.image));
  ASSIGN_OR_RETURN(const transfer::OpenedSource source,
                   access->endpoints()->OpenSource(place, access->stop()));
  ASSIGN_OR_RETURN(const base::TemporaryDirectory scratch, base::TemporaryDirectory::Create());
  transfer::ImageExportOptions options;
  options.platform = access->platform();
  options.stop = access->stop();
  // Others are on this machine.
  if (place.kind == transfer::EndpointKind::kRegistry) options.spool_directory = scratch.path();
  transfer::ImageExport exported;
  const auto write = [&](int fd) -> absl::Status {
    BufferedOutput sink(fd, flags.file == "-" ? "standard output" : flags.file);
    ASSIGN_OR_RETURN(exported,
                     transfer::ExportImage(*source.images, source.tag_or_digest, options, &sink));
    return sink.Close();
  };
  if (flags.file == "-") {
    RETURN_IF_ERROR(write(STDOUT_FILENO));
  } else {
    RETURN_IF_ERROR(WriteOutput(flags.file, write));
  }
  Warn(context, exported);
  return ExitCode::kOk;
}

}  // namespace

void AddExportCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "export", "Write the file system of an image, all layers as one, as a tar");
  const auto flags = std::make_shared<ExportFlags>();
  command->add_option("IMAGE", flags->image, "The image; - is an archive from standard input")
      ->required();
  command->add_option("FILE", flags->file, "Where to; - is standard output")->capture_default_str();
  AddImageFlags(*command, &flags->images);
  command->callback([&context, flags] {
    context.action = [&context, flags] { return Export(context, *flags); };
  });
}

}  // namespace stevedore::cli
