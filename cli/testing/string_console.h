// A console that tests read.

#ifndef STEVEDORE_CLI_TESTING_STRING_CONSOLE_H_
#define STEVEDORE_CLI_TESTING_STRING_CONSOLE_H_

#include <string>

#include "base/mutex.h"
#include "cli/console.h"

namespace stevedore::cli::testing {

// Collects what is printed; width, height and interactivity are what the test says. Thread-safe.
class StringConsole final : public Console {
 public:
  explicit StringConsole(bool interactive = false, int width = 80, int height = 24)
      : interactive_(interactive), width_(width), height_(height) {}

  void Out(absl::string_view text) override {
    base::MutexLock lock(&mu_);
    out_.append(text.data(), text.size());
  }
  void Err(absl::string_view text) override {
    base::MutexLock lock(&mu_);
    err_.append(text.data(), text.size());
  }
  bool interactive() const override { return interactive_; }
  bool colours() const override { return false; }
  int width() const override {
    base::MutexLock lock(&mu_);
    return width_;
  }
  int height() const override { return height_; }

  void Resize(int width) {
    base::MutexLock lock(&mu_);
    width_ = width;
  }
  // What was printed since the last call.
  std::string TakeOut() {
    base::MutexLock lock(&mu_);
    return std::exchange(out_, "");
  }
  std::string TakeErr() {
    base::MutexLock lock(&mu_);
    return std::exchange(err_, "");
  }

 private:
  const bool interactive_;
  mutable base::Mutex mu_;
  int width_ ABSL_GUARDED_BY(mu_);
  const int height_;
  std::string out_ ABSL_GUARDED_BY(mu_);
  std::string err_ ABSL_GUARDED_BY(mu_);
};

}  // namespace stevedore::cli::testing

#endif  // STEVEDORE_CLI_TESTING_STRING_CONSOLE_H_
