#include "cli/interrupts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <atomic>

#include "cli/exit_code.h"

namespace stevedore::cli {
namespace {

// A signal handler reaches nothing but globals.
std::atomic<int> signal_pipe{-1};
std::atomic<int> signal_count{0};

extern "C" void OnInterrupt(int) {
  const int saved_errno = errno;
  if (signal_count.fetch_add(1) > 0) {
    static constexpr char kBye[] = "\nended at once\n";
    (void)!::write(STDERR_FILENO, kBye, sizeof(kBye) - 1);
    ::_exit(static_cast<int>(ExitCode::kCancelled));
  }
  const char byte = 'i';
  const int fd = signal_pipe.load();
  if (fd >= 0) (void)!::write(fd, &byte, 1);
  errno = saved_errno;
}

void Install(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

}  // namespace

Interrupts::Interrupts(Console* console) : console_(console) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) ::abort();  // Out of descriptors before anything began.
  read_end_ = base::FileDescriptor(ends[0]);
  signal_count = 0;
  signal_pipe = ends[1];
  thread_ = std::jthread([this] { Run(); });
  Install(&OnInterrupt);
}

Interrupts::~Interrupts() {
  Install(SIG_DFL);
  // The end of the pipe is the end of the thread.
  ::close(signal_pipe.exchange(-1));
}

void Interrupts::Run() {
  char byte;
  ssize_t got;
  do {
    got = ::read(read_end_.get(), &byte, 1);
  } while (got < 0 && errno == EINTR);
  if (got != 1) return;
  console_->Err("\nstopping; press Ctrl-C again to end at once\n");
  source_.request_stop();
}

}  // namespace stevedore::cli
