#include "tests/harness/redis.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace stevedore::testing {

absl::StatusOr<std::unique_ptr<Redis>> Redis::Start(RedisOptions options) {
  // Not below TEST_TMPDIR: a socket's path must fit into 108 bytes.
  ASSIGN_OR_RETURN(base::TemporaryDirectory directory,
                   base::TemporaryDirectory::Create("/tmp/redis."));
  std::unique_ptr<Redis> redis(new Redis(std::move(options), std::move(directory)));
  const std::string& path = redis->directory_.path();
  redis->socket_ = base::JoinPath(path, "redis.sock");
  if (!redis->options_.password.empty()) {
    redis->password_file_ = base::JoinPath(path, "password");
    RETURN_IF_ERROR(base::WriteFileAtomically(redis->password_file_,
                                              absl::StrCat(redis->options_.password, "\n"), 0600));
  }
  // Redis cannot choose a port itself; another process may take ours before it binds.
  absl::Status status;
  for (int attempt = 0; attempt < 5; ++attempt) {
    if (redis->options_.tcp) redis->port_ = FreePort();
    status = redis->Restart();
    if (status.ok() || !redis->options_.tcp) break;
  }
  RETURN_IF_ERROR(status);
  return redis;
}

absl::Status Redis::Restart() {
  process_.reset();
  std::vector<std::string> argv = {"redis-server",
                                   "--bind",
                                   "127.0.0.1",
                                   "--port",
                                   absl::StrCat(port_),
                                   "--unixsocket",
                                   socket_,
                                   "--dir",
                                   directory_.path(),
                                   "--appendonly",
                                   options_.append_only ? "yes" : "no",
                                   "--appendfsync",
                                   "no",  // A killed process loses nothing that the kernel has.
                                   "--save",
                                   ""};
  if (!options_.password.empty()) {
    argv.insert(argv.end(), {"--requirepass", options_.password});
  }
  ASSIGN_OR_RETURN(process_, Process::Start({.argv = std::move(argv)}));
  return process_->WaitForOutput("The server is now ready to accept connections at");
}

void Redis::Kill() { process_->Kill(); }

absl::StatusOr<std::string> Redis::Cli(const std::vector<std::string>& arguments) const {
  ProcessOptions options{.argv = {"redis-cli", "-s", socket_}};
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  if (!options_.password.empty()) options.environment["REDISCLI_AUTH"] = options_.password;
  ASSIGN_OR_RETURN(const ProcessResult result, Process::Run(std::move(options)));
  if (result.exit_code != 0) {
    return absl::InternalError(absl::StrCat("redis-cli: ", result.out, result.err));
  }
  return result.out;
}

}  // namespace stevedore::testing
