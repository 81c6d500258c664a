// Ctrl-C as a stop token.

#ifndef STEVEDORE_CLI_INTERRUPTS_H_
#define STEVEDORE_CLI_INTERRUPTS_H_

#include <stop_token>
#include <thread>

#include "base/file.h"
#include "cli/console.h"

namespace stevedore::cli {

// While it lives, the first SIGINT or SIGTERM requests a stop on `token()` and says so; the second
// ends the process at once with exit code 4. At most one may live at a time. Thread-safe.
class Interrupts {
 public:
  // `console` must outlive it.
  explicit Interrupts(Console* console);
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;
  ~Interrupts();

  std::stop_token token() const { return source_.get_token(); }

 private:
  void Run();

  Console* const console_;
  std::stop_source source_;
  base::FileDescriptor read_end_;
  std::jthread thread_;  // Ends when the write end, which the signal handler owns, says so.
};

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_INTERRUPTS_H_
