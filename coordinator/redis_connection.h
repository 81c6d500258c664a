// One connection to Redis. The only place that knows hiredis.

#ifndef STEVEDORE_COORDINATOR_REDIS_CONNECTION_H_
#define STEVEDORE_COORDINATOR_REDIS_CONNECTION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/secret.h"

namespace stevedore::coordinator {

// Where Redis is.
struct RedisAddress {
  // "unix:/path/to/socket" or "host:port".
  std::string address;
  // Empty: no AUTH.
  base::Secret password;
  // Of connecting, and of each command. A command that takes longer may have run.
  absl::Duration timeout = absl::Seconds(5);
};

// What a command answered; errors are Statuses instead. A value.
struct RedisReply {
  bool is_nil = false;
  std::string text;  // Of strings and statuses.
  int64_t integer = 0;
  std::vector<RedisReply> elements;
};

// Connects when first used and again after a failure; sends arguments with their lengths, as names
// come from users. Errors: UNAVAILABLE (no connection, or none any more, so that the command may
// have run; Redis is loading, busy, read-only or has lost its master), RESOURCE_EXHAUSTED
// (maxmemory), UNAUTHENTICATED and PERMISSION_DENIED (password, ACL), FAILED_PRECONDITION
// (NOSCRIPT), INTERNAL (any other error reply). Not thread-safe.
class RedisConnection {
 public:
  // INVALID_ARGUMENT: the address has neither form.
  static absl::StatusOr<std::unique_ptr<RedisConnection>> Create(RedisAddress address);
  RedisConnection(const RedisConnection&) = delete;
  RedisConnection& operator=(const RedisConnection&) = delete;
  ~RedisConnection();

  absl::StatusOr<RedisReply> Command(const std::vector<std::string>& arguments);

  // Sends all commands, then reads all answers: one round trip. Fails if one of them does.
  absl::StatusOr<std::vector<RedisReply>> Pipeline(
      const std::vector<std::vector<std::string>>& commands);

 private:
  struct Context;
  explicit RedisConnection(RedisAddress address);

  absl::Status Connect();
  absl::Status Send(const std::vector<std::string>& arguments);
  absl::StatusOr<RedisReply> Receive();
  // The connection's own error; closes it.
  absl::Status Broken(absl::string_view doing);

  const RedisAddress address_;
  std::string host_, path_;
  int port_ = 0;
  std::unique_ptr<Context> context_;
};

}  // namespace stevedore::coordinator

#endif  // STEVEDORE_COORDINATOR_REDIS_CONNECTION_H_
