#include "base/program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "base/status.h"

extern char** environ;

namespace stevedore::base {
namespace {

constexpr size_t kPieceBytes = 64 << 10;
// How often stops, time limits and the end of a program whose children hold its pipes are seen.
constexpr absl::Duration kLook = absl::Milliseconds(50);

// NAME=VALUE entries of this process with `added` over them.
std::vector<std::string> Environment(const std::map<std::string, std::string>& added) {
  std::vector<std::string> entries;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (added.count(text.substr(0, text.find('='))) == 0) entries.push_back(text);
  }
  for (const auto& [name, value] : added) entries.push_back(absl::StrCat(name, "=", value));
  return entries;
}

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// One running program. Killed and waited for when this object goes.
class Running {
 public:
  explicit Running(const ProgramOptions& options) : options_(options) {}
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() {
    if (pid_ <= 0) return;
    Kill();
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  absl::Status Start() {
    FileDescriptor child_in, child_out, child_err;
    RETURN_IF_ERROR(Pipes(child_in, child_out, child_err));
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, child_in.get(), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, child_out.get(), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, child_err.get(), STDERR_FILENO);
    if (!options_.working_directory.empty()) {
      posix_spawn_file_actions_addchdir_np(&actions, options_.working_directory.c_str());
    }
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    // Our programs ignore SIGPIPE; others count on its default.
    sigset_t defaults, mask;
    sigemptyset(&mask);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setsigmask(&attributes, &mask);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    const std::vector<std::string> environment = Environment(options_.environment);
    const int error = ::posix_spawnp(&pid_, options_.argv[0].c_str(), &actions, &attributes,
                                     Pointers(options_.argv).data(), Pointers(environment).data());
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
      pid_ = 0;
      return ErrnoStatus(error, absl::StrCat("start ", options_.argv[0]));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<ProgramResult> Await() {
    const absl::Time deadline = absl::Now() + options_.time_limit;
    ProgramResult result;
    while (out_.valid() || err_.valid()) {
      ASSIGN_OR_RETURN(const bool quiet, Exchange(result));
      RETURN_IF_ERROR(Stopping(CheckLimits(result, deadline), result));
      // Its end counts, even if a child that it left behind holds the pipes.
      if (quiet && Reap(result)) return result;
    }
    while (!Reap(result)) {
      RETURN_IF_ERROR(Stopping(CheckLimits(result, deadline), result));
      absl::SleepFor(absl::Milliseconds(1));
    }
    return result;
  }

 private:
  absl::Status Pipes(FileDescriptor& child_in, FileDescriptor& child_out,
                     FileDescriptor& child_err) {
    int pair[2];
    // A socket: writing to a program that does not read must not raise a signal here.
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
      return ErrnoStatus(errno, absl::StrCat("socket to ", options_.argv[0]));
    }
    in_ = FileDescriptor(pair[0]);
    child_in = FileDescriptor(pair[1]);
    ::shutdown(pair[0], SHUT_RD);
    if (options_.on_output) {
      if (::pipe2(pair, O_CLOEXEC) != 0) {
        return ErrnoStatus(errno, absl::StrCat("pipe from ", options_.argv[0]));
      }
      out_ = FileDescriptor(pair[0]);
      child_out = FileDescriptor(pair[1]);
      child_err = FileDescriptor(::fcntl(pair[1], F_DUPFD_CLOEXEC, 0));
      return absl::OkStatus();
    }
    for (const auto& [ours, theirs] :
         {std::pair<FileDescriptor*, FileDescriptor*>{&out_, &child_out},
          std::pair<FileDescriptor*, FileDescriptor*>{&err_, &child_err}}) {
      if (::pipe2(pair, O_CLOEXEC) != 0) {
        return ErrnoStatus(errno, absl::StrCat("pipe from ", options_.argv[0]));
      }
      *ours = FileDescriptor(pair[0]);
      *theirs = FileDescriptor(pair[1]);
    }
    return absl::OkStatus();
  }

  // Moves what can be moved now; true if nothing happened for a while.
  absl::StatusOr<bool> Exchange(ProgramResult& result) {
    if (in_.valid() && written_ == options_.input.size()) in_ = FileDescriptor();
    pollfd polls[3] = {{in_.get(), POLLOUT, 0}, {out_.get(), POLLIN, 0}, {err_.get(), POLLIN, 0}};
    const int ready = ::poll(polls, 3, static_cast<int>(absl::ToInt64Milliseconds(kLook)));
    if (ready < 0 && errno != EINTR) {
      return ErrnoStatus(errno, absl::StrCat("wait for ", options_.argv[0]));
    }
    if (ready <= 0) return true;
    if (polls[0].revents != 0) Feed();
    if (polls[1].revents != 0) Read(out_, result.out);
    if (polls[2].revents != 0) Read(err_, result.err);
    return false;
  }

  void Feed() {
    const ssize_t count = ::send(in_.get(), options_.input.data() + written_,
                                 std::min(kPieceBytes, options_.input.size() - written_),
                                 MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count > 0) written_ += static_cast<size_t>(count);
    // Who closes its input does not want the rest.
    if (count < 0 && errno != EAGAIN && errno != EINTR) in_ = FileDescriptor();
  }

  void Read(FileDescriptor& pipe, std::string& text) const {
    char piece[kPieceBytes];
    const ssize_t count = ::read(pipe.get(), piece, sizeof(piece));
    if (count > 0 && options_.on_output) {
      options_.on_output(absl::string_view(piece, static_cast<size_t>(count)));
    } else if (count > 0) {
      text.append(piece, static_cast<size_t>(count));
    }
    if (count == 0 || (count < 0 && errno != EINTR)) pipe = FileDescriptor();
  }

  absl::Status CheckLimits(const ProgramResult& result, absl::Time deadline) const {
    const std::string& name = options_.argv[0];
    if (std::max(result.out.size(), result.err.size()) > options_.output_limit_bytes) {
      return absl::ResourceExhaustedError(absl::StrCat(
          name, " wrote more than the ", options_.output_limit_bytes, " bytes expected of it"));
    }
    if (options_.stop.stop_requested()) {
      return absl::CancelledError(absl::StrCat(name, " was stopped"));
    }
    if (absl::Now() > deadline) {
      return absl::DeadlineExceededError(
          absl::StrCat(name, " did not end within ", absl::FormatDuration(options_.time_limit)));
    }
    return absl::OkStatus();
  }

  // Passes `limit` on; if it is an error, after the process group had its time to end by itself.
  absl::Status Stopping(absl::Status limit, ProgramResult& result) {
    if (limit.ok() || options_.grace <= absl::ZeroDuration()) return limit;
    ::kill(-pid_, SIGTERM);
    const absl::Time deadline = absl::Now() + options_.grace;
    // Children may outlive the program that started them: the pipes tell when all are gone.
    while (absl::Now() < deadline && (out_.valid() || err_.valid())) {
      if (!Exchange(result).ok()) break;
    }
    while (absl::Now() < deadline && !HasEnded()) absl::SleepFor(absl::Milliseconds(1));
    return limit;  // The rest is killed with this object.
  }

  // Whether the program has ended. It stays to be reaped, so that its group's number stays its own.
  bool HasEnded() const {
    siginfo_t info = {};
    return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == pid_;
  }

  // True, with the exit code, once the program has ended.
  bool Reap(ProgramResult& result) {
    if (options_.grace > absl::ZeroDuration()) {
      if (!HasEnded()) return false;
      Kill();
    }
    int status = 0;
    const pid_t ended = ::waitpid(pid_, &status, WNOHANG);
    if (ended != pid_) return false;
    pid_ = 0;
    result.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return true;
  }

  void Kill() const { ::kill(-pid_, SIGKILL); }

  const ProgramOptions& options_;
  pid_t pid_ = 0;
  FileDescriptor in_, out_, err_;
  size_t written_ = 0;
};

}  // namespace

absl::StatusOr<ProgramResult> RunProgram(const ProgramOptions& options) {
  if (options.argv.empty() || options.argv[0].empty()) {
    return absl::InvalidArgumentError("no program was named");
  }
  Running running(options);
  RETURN_IF_ERROR(running.Start());
  return running.Await();
}

}  // namespace stevedore::base
