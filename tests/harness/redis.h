// A real redis-server for tests.

#ifndef STEVEDORE_TESTS_HARNESS_REDIS_H_
#define STEVEDORE_TESTS_HARNESS_REDIS_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/file.h"
#include "tests/harness/process.h"

namespace stevedore::testing {

// What kind of Redis. Plain data.
struct RedisOptions {
  bool tcp = false;           // Listen on a port of 127.0.0.1 too.
  std::string password = "";  // requirepass, if set.
  bool append_only = true;    // Keep every write on disk, so that Restart finds it.
};

// One redis-server in a folder of its own, gone with this object. Not thread-safe.
class Redis {
 public:
  // Returns when it answers.
  static absl::StatusOr<std::unique_ptr<Redis>> Start(RedisOptions options = {});

  // Path of the unix socket, short enough for one.
  const std::string& socket() const { return socket_; }
  // 0 without `tcp`.
  int port() const { return port_; }
  // "unix:/path/redis.sock", as `--redis` takes it.
  std::string Address() const { return "unix:" + socket_; }
  // File with the password in one line, as `--redis-password-file` takes it; empty without one.
  const std::string& password_file() const { return password_file_; }

  // Runs redis-cli with these arguments and returns what it printed.
  absl::StatusOr<std::string> Cli(const std::vector<std::string>& arguments) const;

  // kill -9; what was written is on disk (with `append_only`).
  void Kill();
  // Starts again over the same folder, socket and port; kills first if it runs.
  absl::Status Restart();
  // For Suspend and Resume, and its log.
  Process& process() { return *process_; }

 private:
  Redis(RedisOptions options, base::TemporaryDirectory directory)
      : options_(std::move(options)), directory_(std::move(directory)) {}

  const RedisOptions options_;
  const base::TemporaryDirectory directory_;
  std::string socket_, password_file_;
  int port_ = 0;
  std::unique_ptr<Process> process_;
};

}  // namespace stevedore::testing

#endif  // STEVEDORE_TESTS_HARNESS_REDIS_H_
