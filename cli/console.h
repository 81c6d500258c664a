// Where a command prints, and what it may assume about who reads.

#ifndef STEVEDORE_CLI_CONSOLE_H_
#define STEVEDORE_CLI_CONSOLE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace stevedore::cli {

// Standard output and standard error with what is known about the terminal behind them.
// Thread-safe: each call is one uninterrupted write.
class Console {
 public:
  virtual ~Console() = default;

  // Results: what a script would read.
  virtual void Out(absl::string_view text) = 0;
  // Progress, warnings, errors.
  virtual void Err(absl::string_view text) = 0;

  // True if a person reads standard error in a terminal that understands cursor movement.
  virtual bool interactive() const = 0;
  // True if a person reads standard output.
  virtual bool out_is_terminal() const { return false; }
  // True if colours are wanted on standard error: interactive and NO_COLOR is not set.
  virtual bool colours() const = 0;
  // Size of the terminal now, in character cells; it may change between two calls. 0 if unknown.
  virtual int width() const = 0;
  virtual int height() const = 0;
};

// The process's own streams.
class ProcessConsole final : public Console {
 public:
  ProcessConsole();
  void Out(absl::string_view text) override;
  void Err(absl::string_view text) override;
  bool interactive() const override { return interactive_; }
  bool out_is_terminal() const override;
  bool colours() const override { return colours_; }
  int width() const override;
  int height() const override;

 private:
  bool interactive_;
  bool colours_;
};

// Prints `error: MESSAGE` to standard error, red if colours are wanted, continuation lines
// indented.
void PrintError(Console& console, absl::string_view message);
// The same for `warning: MESSAGE`.
void PrintWarning(Console& console, absl::string_view message);

// `text` cut to at most `columns` character cells (UTF-8 code points count as one; control
// characters become `?`), with `…` as the last one if something was cut. Thread-safe.
std::string FitTo(absl::string_view text, int columns);

// Number of UTF-8 code points in `text`: what a table column needs. Thread-safe.
int DisplayWidth(absl::string_view text);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_CONSOLE_H_
