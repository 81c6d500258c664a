#include "tests/harness/process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <future>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "base/thread_pool.h"

extern char** environ;

namespace stevedore::testing {
namespace {

// The parent's ends of a pipe pair.
struct Pipe {
  base::FileDescriptor read, write;
};

absl::StatusOr<Pipe> MakePipe() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return base::ErrnoStatus(errno, "pipe");
  return Pipe{base::FileDescriptor(fds[0]), base::FileDescriptor(fds[1])};
}

// The file that execvp would take, found before the fork, where allocating is allowed.
std::string FindProgram(const std::string& name) {
  if (absl::StrContains(name, '/')) return name;
  const char* path = getenv("PATH");
  std::string rest = path == nullptr ? "" : path;
  rest += ":/usr/sbin:/sbin:/usr/bin:/bin";
  while (!rest.empty()) {
    const size_t colon = rest.find(':');
    const std::string candidate = base::JoinPath(rest.substr(0, colon), name);
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
    rest = colon == std::string::npos ? "" : rest.substr(colon + 1);
  }
  return name;
}

std::vector<std::string> Environment(const std::map<std::string, std::string>& additions) {
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!additions.contains(text.substr(0, text.find('=')))) result.push_back(text);
  }
  for (const auto& [name, value] : additions) result.push_back(absl::StrCat(name, "=", value));
  return result;
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (std::string& text : strings) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

// Everything the child needs, made before the fork.
struct ChildPlan {
  std::string program;
  std::vector<std::string> argv, environment;
  std::string directory;
  int in = -1, out = -1, err = -1, report = -1;
};

// Runs in the child: only async-signal-safe calls. Reports errno through the pipe and ends.
[[noreturn]] void RunChild(const ChildPlan& plan, char* const* argv, char* const* envp,
                           pid_t parent) {
  setpgid(0, 0);
  // The parent may have died before the request took effect; then nobody would ever kill us.
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    signal(SIGPIPE, SIG_DFL);
    if (dup2(plan.in, 0) >= 0 && dup2(plan.out, 1) >= 0 && dup2(plan.err, 2) >= 0 &&
        (plan.directory.empty() || chdir(plan.directory.c_str()) == 0)) {
      execve(plan.program.c_str(), argv, envp);
    }
  }
  const int error = errno;
  (void)!write(plan.report, &error, sizeof error);
  _exit(127);
}

// Forks on a thread that lives as long as the test: the kernel's "parent died" signal is tied to
// the thread that forked, not to the process.
pid_t ForkOnLastingThread(ChildPlan& plan) {
  static auto* const spawner = new base::ThreadPool("spawner", 1);
  std::promise<pid_t> forked;
  spawner->Schedule([&] {
    const std::vector<char*> argv = Pointers(plan.argv);
    const std::vector<char*> envp = Pointers(plan.environment);
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid == 0) RunChild(plan, argv.data(), envp.data(), parent);
    forked.set_value(pid);
  });
  return forked.get_future().get();
}

void WriteInput(const base::FileDescriptor& pipe, const std::string& input) {
  // Children may leave without reading; that is their business.
  (void)base::WriteFully(pipe.get(), input, "standard input of the child");
}

}  // namespace

struct Process::Pipes {
  base::FileDescriptor in, out, err, stop;
};

absl::StatusOr<std::unique_ptr<Process>> Process::Start(ProcessOptions options) {
  static const bool ignored = [] { return signal(SIGPIPE, SIG_IGN) != SIG_ERR; }();
  (void)ignored;
  if (options.argv.empty()) return absl::InvalidArgumentError("no program given");
  ASSIGN_OR_RETURN(Pipe in, MakePipe());
  ASSIGN_OR_RETURN(Pipe out, MakePipe());
  ASSIGN_OR_RETURN(Pipe err, MakePipe());
  ASSIGN_OR_RETURN(Pipe report, MakePipe());
  ChildPlan plan{FindProgram(options.argv[0]),
                 options.argv,
                 Environment(options.environment),
                 options.working_directory,
                 in.read.get(),
                 out.write.get(),
                 err.write.get(),
                 report.write.get()};
  const pid_t pid = ForkOnLastingThread(plan);
  if (pid < 0) return base::ErrnoStatus(errno, "fork");
  (void)in.read.Close();
  (void)out.write.Close();
  (void)err.write.Close();
  (void)report.write.Close();
  int error = 0;
  if (read(report.read.get(), &error, sizeof error) == sizeof error) {
    waitpid(pid, nullptr, 0);
    return base::ErrnoStatus(error, absl::StrCat("start ", plan.program));
  }
  base::FileDescriptor stop(eventfd(0, EFD_CLOEXEC));
  return std::unique_ptr<Process>(new Process(
      pid, Pipes{std::move(in.write), std::move(out.read), std::move(err.read), std::move(stop)},
      std::move(options.input)));
}

Process::Process(pid_t pid, Pipes pipes, std::string input)
    : pid_(pid),
      out_pipe_(std::move(pipes.out)),
      err_pipe_(std::move(pipes.err)),
      stop_reading_(std::move(pipes.stop)) {
  feeder_ = std::jthread([in = std::move(pipes.in), text = std::move(input)]() mutable {
    WriteInput(in, text);
    (void)in.Close();
  });
  reader_ = std::jthread([this] { ReadPipes(); });
  reaper_ = std::jthread([this] { Reap(); });
}

Process::~Process() {
  kill(-pid_, SIGKILL);
  Signal(SIGKILL);
  reaper_.join();
  // A grandchild that left the group may hold the pipes open.
  const uint64_t one = 1;
  (void)!write(stop_reading_.get(), &one, sizeof one);
  reader_.join();
}

void Process::Append(int pipe, absl::string_view bytes) {
  base::MutexLock lock(&mu_);
  std::string& stream = pipe == 0 ? out_ : err_;
  stream.append(bytes.data(), bytes.size());
  both_.append(bytes.data(), bytes.size());
  changed_.SignalAll();
}

void Process::ReadPipes() {
  pollfd fds[3] = {
      {out_pipe_.get(), POLLIN, 0}, {err_pipe_.get(), POLLIN, 0}, {stop_reading_.get(), POLLIN, 0}};
  std::string buffer(64 << 10, '\0');
  while (fds[0].fd >= 0 || fds[1].fd >= 0) {
    if (poll(fds, 3, -1) < 0 && errno != EINTR) break;
    bool read_some = false;
    for (int i = 0; i < 2; ++i) {
      if (fds[i].fd < 0 || fds[i].revents == 0) continue;
      const ssize_t n = read(fds[i].fd, buffer.data(), buffer.size());
      if (n > 0) {
        Append(i, absl::string_view(buffer.data(), n));
        read_some = true;
      } else if (n == 0 || errno != EINTR) {
        fds[i].fd = -1;
      }
    }
    if (!read_some && fds[2].revents != 0) break;
  }
  base::MutexLock lock(&mu_);
  drained_ = true;
  changed_.SignalAll();
}

void Process::Reap() {
  // Looks without reaping, so that `pid_` stays ours until no signal can be on its way to it.
  siginfo_t info;
  while (waitid(P_PID, pid_, &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
  base::MutexLock lock(&mu_);
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  changed_.SignalAll();
}

std::string Process::out() const {
  base::MutexLock lock(&mu_);
  return out_;
}

std::string Process::err() const {
  base::MutexLock lock(&mu_);
  return err_;
}

std::string Process::output() const {
  base::MutexLock lock(&mu_);
  return both_;
}

bool Process::running() const {
  base::MutexLock lock(&mu_);
  return !exit_code_.has_value();
}

absl::Status Process::WaitForOutput(absl::string_view text, absl::Duration limit) {
  const absl::Time deadline = absl::Now() + limit;
  base::MutexLock lock(&mu_);
  while (!absl::StrContains(out_, text) && !absl::StrContains(err_, text)) {
    if (exit_code_.has_value() && drained_) {
      return absl::FailedPreconditionError(absl::StrCat("process ended with ", *exit_code_,
                                                        " before it said `", text, "`: ", both_));
    }
    if (absl::Now() >= deadline) {
      return absl::DeadlineExceededError(
          absl::StrCat("process did not say `", text, "` but: ", both_));
    }
    changed_.WaitFor(&mu_, deadline - absl::Now());
  }
  return absl::OkStatus();
}

absl::StatusOr<int> Process::Wait(absl::Duration limit) {
  const absl::Time deadline = absl::Now() + limit;
  base::MutexLock lock(&mu_);
  while (!exit_code_.has_value() || !drained_) {
    // Children of the process may keep its pipes open for ever; its own words are there by then.
    if (exit_code_.has_value() && !changed_.WaitFor(&mu_, absl::Milliseconds(200))) break;
    if (absl::Now() >= deadline) {
      return absl::DeadlineExceededError(absl::StrCat("process ", pid_, " still runs: ", both_));
    }
    if (!exit_code_.has_value()) changed_.WaitFor(&mu_, deadline - absl::Now());
  }
  return *exit_code_;
}

void Process::Signal(int signal) {
  base::MutexLock lock(&mu_);
  if (!exit_code_.has_value()) kill(pid_, signal);
}

void Process::Kill() {
  Signal(SIGKILL);
  base::MutexLock lock(&mu_);
  while (!exit_code_.has_value()) changed_.Wait(&mu_);
}

int Process::Terminate(absl::Duration limit) {
  Signal(SIGTERM);
  if (absl::StatusOr<int> code = Wait(limit); code.ok()) return *code;
  Kill();
  base::MutexLock lock(&mu_);
  return *exit_code_;
}

void Process::Suspend() { Signal(SIGSTOP); }
void Process::Resume() { Signal(SIGCONT); }

absl::StatusOr<ProcessResult> Process::Run(ProcessOptions options, absl::Duration limit) {
  const std::string command = absl::StrJoin(options.argv, " ");
  ASSIGN_OR_RETURN(std::unique_ptr<Process> process, Start(std::move(options)));
  ASSIGN_OR_RETURN(const int code, process->Wait(limit), command);
  return ProcessResult{code, process->out(), process->err()};
}

int FreePort() {
  const base::FileDescriptor fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) return 0;
  if (getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  return ntohs(address.sin_port);
}

absl::Status WaitForPort(int port, absl::Duration limit) {
  const absl::Time deadline = absl::Now() + limit;
  while (true) {
    const base::FileDescriptor fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
      return absl::OkStatus();
    }
    if (absl::Now() >= deadline) {
      return absl::DeadlineExceededError(absl::StrCat("nothing listens at 127.0.0.1:", port,
                                                      " after ", absl::FormatDuration(limit)));
    }
    // A server of another program has no way to tell us; look again soon.
    poll(nullptr, 0, 5);
  }
}

bool RunningAsRoot() { return geteuid() == 0; }

}  // namespace stevedore::testing
