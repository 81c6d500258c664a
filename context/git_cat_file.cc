#include "context/git_cat_file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"
#include "context/git_formats.h"

namespace stevedore::context {
namespace {

constexpr size_t kBlock = 256 << 10;
constexpr size_t kHeaderLimit = 256;
constexpr int kSliceMs = 100;

// git with its input and output in our hands; killed when this goes.
class Program {
 public:
  absl::Status Start(const std::string& directory) {
    int in[2], out[2];
    if (::pipe2(in, O_CLOEXEC) != 0) return base::ErrnoStatus(errno, "pipe");
    const base::FileDescriptor child_in(in[0]);
    in_ = base::FileDescriptor(in[1]);
    if (::pipe2(out, O_CLOEXEC) != 0) return base::ErrnoStatus(errno, "pipe");
    out_ = base::FileDescriptor(out[0]);
    const base::FileDescriptor child_out(out[1]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, child_in.get(), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, child_out.get(), STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    sigset_t defaults;
    sigemptyset(&defaults);
    for (const int signal : {SIGPIPE, SIGINT, SIGTERM}) sigaddset(&defaults, signal);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    // A group of its own: Ctrl-C at the terminal is ours to handle.
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    std::vector<std::string> arguments = {"git", "--git-dir", directory, "cat-file", "--batch"};
    const char* const path = std::getenv("PATH");
    // None of the user's git configuration, as for everything else that reads mirrors.
    std::vector<std::string> environment = {
        absl::StrCat("PATH=", path == nullptr ? "/usr/bin:/bin" : path), "GIT_CONFIG_NOSYSTEM=1",
        "GIT_CONFIG_GLOBAL=/dev/null", "LC_ALL=C"};
    const std::vector<char*> argv = Pointers(arguments);
    const std::vector<char*> envp = Pointers(environment);
    const int failed =
        ::posix_spawnp(&pid_, "git", &actions, &attributes, argv.data(), envp.data());
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (failed != 0) {
      pid_ = -1;
      return absl::FailedPreconditionError(
          absl::StrCat("files above 256 MiB are read with the program git, which cannot be "
                       "started: ",
                       base::ErrnoStatus(failed, "git").message(), "; install it"));
    }
    return absl::OkStatus();
  }

  ~Program() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  absl::Status Ask(const std::string& oid) {
    const absl::Status asked = base::WriteFully(in_.get(), oid + "\n", "git");
    in_ = base::FileDescriptor();  // No more questions: git ends after the answer.
    return asked;
  }

  // As read(2), in slices that `stop` interrupts. 0 at the end.
  absl::StatusOr<size_t> Read(char* buffer, size_t size, const std::stop_token& stop) {
    while (true) {
      if (stop.stop_requested()) return absl::CancelledError("cancelled");
      pollfd entry = {out_.get(), POLLIN, 0};
      const int ready = ::poll(&entry, 1, kSliceMs);
      if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
      if (ready < 0) return base::ErrnoStatus(errno, "poll");
      const ssize_t n = ::read(out_.get(), buffer, size);
      if (n >= 0) return static_cast<size_t>(n);
      if (errno != EINTR) return base::ErrnoStatus(errno, "read from git");
    }
  }

 private:
  static std::vector<char*> Pointers(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    for (std::string& text : texts) pointers.push_back(text.data());
    pointers.push_back(nullptr);
    return pointers;
  }

  pid_t pid_ = -1;
  base::FileDescriptor in_, out_;
};

}  // namespace

absl::Status CatFile(const std::string& directory, const std::string& oid, base::ByteSink& sink,
                     std::stop_token stop) {
  Program git;
  RETURN_IF_ERROR(git.Start(directory));
  RETURN_IF_ERROR(git.Ask(oid));
  std::string line;
  while (line.empty() || line.back() != '\n') {
    char c = 0;
    ASSIGN_OR_RETURN(const size_t n, git.Read(&c, 1, stop));
    if (n == 0 || line.size() > kHeaderLimit) {
      return absl::DataLossError(absl::StrCat("git cannot read object ", oid, " in ", directory));
    }
    line.push_back(c);
  }
  line.pop_back();
  ASSIGN_OR_RETURN(const CatFileHeader header, ParseCatFileHeader(line, oid));
  if (header.type != "blob") {
    return absl::NotFoundError(absl::StrCat("object ", oid, " is a ", header.type, ", no file"));
  }
  std::string buffer(kBlock, '\0');
  for (uint64_t left = header.size; left > 0;) {
    ASSIGN_OR_RETURN(const size_t n,
                     git.Read(buffer.data(), std::min<uint64_t>(left, kBlock), stop));
    if (n == 0) {
      return absl::DataLossError(
          absl::StrCat("git ended in the middle of object ", oid, " in ", directory));
    }
    RETURN_IF_ERROR(sink.Write(absl::string_view(buffer.data(), n)));
    left -= n;
  }
  return absl::OkStatus();
}

}  // namespace stevedore::context
