// Real processes under a test's control.

#ifndef STEVEDORE_TESTS_HARNESS_PROCESS_H_
#define STEVEDORE_TESTS_HARNESS_PROCESS_H_

#include <sys/types.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/file.h"
#include "base/mutex.h"

namespace stevedore::testing {

// What to start. Plain data.
struct ProcessOptions {
  // argv[0] is looked up in PATH if it has no slash.
  std::vector<std::string> argv = {};
  // Added to (and winning over) the environment of the test.
  std::map<std::string, std::string> environment = {};
  // Empty: the test's own.
  std::string working_directory = "";
  // All that the process reads from its standard input.
  std::string input = "";
};

// What a process left behind. A value.
struct ProcessResult {
  int exit_code = 0;  // 128 + signal number if a signal ended it.
  std::string out;
  std::string err;
};

// One child process, in a process group of its own. It is killed when this object goes, and by the
// kernel when the test dies. Thread-safe.
class Process {
 public:
  // NOT_FOUND or another system error if the program cannot be started.
  static absl::StatusOr<std::unique_ptr<Process>> Start(ProcessOptions options);
  // Starts, waits for the end and returns what it said. DEADLINE_EXCEEDED after `limit`; the
  // process is killed then. Any exit code is a success here.
  static absl::StatusOr<ProcessResult> Run(ProcessOptions options,
                                           absl::Duration limit = absl::Seconds(120));

  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  // Kills the whole process group with SIGKILL.
  ~Process();

  pid_t pid() const { return pid_; }

  // Standard output, standard error, or both in order of arrival, so far.
  std::string out() const ABSL_LOCKS_EXCLUDED(mu_);
  std::string err() const ABSL_LOCKS_EXCLUDED(mu_);
  std::string output() const ABSL_LOCKS_EXCLUDED(mu_);

  // Waits until out or err contain `text`. DEADLINE_EXCEEDED after `limit`, FAILED_PRECONDITION if
  // the process ended without saying it; both with its output.
  absl::Status WaitForOutput(absl::string_view text, absl::Duration limit = absl::Seconds(30))
      ABSL_LOCKS_EXCLUDED(mu_);

  // Exit code when the process has ended and all its output was read, 128 + signal number if a
  // signal ended it. DEADLINE_EXCEEDED after `limit`.
  absl::StatusOr<int> Wait(absl::Duration limit = absl::Seconds(120)) ABSL_LOCKS_EXCLUDED(mu_);

  bool running() const ABSL_LOCKS_EXCLUDED(mu_);

  // Sends a signal to the process; nothing happens if it has ended.
  void Signal(int signal) ABSL_LOCKS_EXCLUDED(mu_);
  // kill -9 of the process (not of its children) and waits until it is gone.
  void Kill() ABSL_LOCKS_EXCLUDED(mu_);
  // SIGTERM, waits up to `limit`, then SIGKILL. Returns the exit code.
  int Terminate(absl::Duration limit = absl::Seconds(30)) ABSL_LOCKS_EXCLUDED(mu_);
  // SIGSTOP and SIGCONT: a process that hangs, and one that wakes up again.
  void Suspend() ABSL_LOCKS_EXCLUDED(mu_);
  void Resume() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Pipes;
  Process(pid_t pid, Pipes pipes, std::string input);
  void ReadPipes() ABSL_LOCKS_EXCLUDED(mu_);
  void Reap() ABSL_LOCKS_EXCLUDED(mu_);
  void Append(int pipe, absl::string_view bytes) ABSL_LOCKS_EXCLUDED(mu_);

  const pid_t pid_;
  const base::FileDescriptor out_pipe_, err_pipe_, stop_reading_;

  mutable base::Mutex mu_;
  base::CondVar changed_;
  std::string out_ ABSL_GUARDED_BY(mu_);
  std::string err_ ABSL_GUARDED_BY(mu_);
  std::string both_ ABSL_GUARDED_BY(mu_);
  bool drained_ ABSL_GUARDED_BY(mu_) = false;
  std::optional<int> exit_code_ ABSL_GUARDED_BY(mu_);

  std::jthread feeder_, reader_, reaper_;
};

// A TCP port of 127.0.0.1 that was free a moment ago. Prefer servers that take port 0 themselves.
int FreePort();

// Waits until something accepts connections at 127.0.0.1:`port`. DEADLINE_EXCEEDED after `limit`.
absl::Status WaitForPort(int port, absl::Duration limit = absl::Seconds(30));

// True if the test runs as root: dockerd and namespaces need that. Otherwise print why and skip.
bool RunningAsRoot();

}  // namespace stevedore::testing

#endif  // STEVEDORE_TESTS_HARNESS_PROCESS_H_
