// Other people's programs: started without a shell, fed, listened to, and always waited for.

#ifndef STEVEDORE_BASE_PROGRAM_H_
#define STEVEDORE_BASE_PROGRAM_H_

#include <cstdint>
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace stevedore::base {

// What to run. Plain data.
struct ProgramOptions {
  // argv[0] is looked up in PATH if it has no slash. No shell is involved.
  std::vector<std::string> argv = {};
  // Added to, and winning over, the environment of this process.
  std::map<std::string, std::string> environment = {};
  // Empty: the one of this process.
  std::string working_directory = "";
  // All that the program reads from its standard input.
  std::string input = "";
  // Most bytes of standard output and of standard error, each.
  uint64_t output_limit_bytes = 256 << 20;
  absl::Duration time_limit = absl::InfiniteDuration();
  std::stop_token stop = {};
  // If set: gets standard output and standard error as they arrive, one stream in the order of
  // writing, without any limit; ProgramResult has neither then. Called by the caller's thread.
  std::function<void(absl::string_view bytes)> on_output = nullptr;
  // What the process group gets between SIGTERM and SIGKILL when the program is to be stopped. With
  // one above zero, processes that the program left in its group are killed when it ends, too.
  absl::Duration grace = absl::ZeroDuration();
};

// What a program left behind. A value.
struct ProgramResult {
  int exit_code = 0;  // 128 + signal number if a signal ended it.
  std::string out;
  std::string err;
};

// Runs a program, in a process group of its own, until it ends; any exit code is OK. Its input is
// never the terminal. NOT_FOUND: there is no such program. DEADLINE_EXCEEDED, CANCELLED (`stop`),
// RESOURCE_EXHAUSTED (it said too much): its process group was ended, see `grace`. Messages name
// argv[0] only, as arguments may hold secrets. Thread-safe.
absl::StatusOr<ProgramResult> RunProgram(const ProgramOptions& options);

}  // namespace stevedore::base

#endif  // STEVEDORE_BASE_PROGRAM_H_
