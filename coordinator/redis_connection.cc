#include "coordinator/redis_connection.h"

#include <hiredis/hiredis.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "base/c_handle.h"
#include "base/status.h"

namespace stevedore::coordinator {
namespace {

using Reply = base::CHandle<redisReply, freeReplyObject>;

// Error replies begin with a word in capitals.
absl::Status ErrorReply(absl::string_view text) {
  const std::string message = absl::StrCat("Redis: ", text);
  for (const absl::string_view word :
       {"LOADING", "READONLY", "BUSY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "NOREPLICAS"}) {
    if (absl::StartsWith(text, word)) return absl::UnavailableError(message);
  }
  if (absl::StartsWith(text, "OOM") || absl::StrContains(text, "OOM command not allowed")) {
    return absl::ResourceExhaustedError(message);
  }
  if (absl::StartsWith(text, "NOSCRIPT")) return absl::FailedPreconditionError(message);
  if (absl::StartsWith(text, "NOAUTH") || absl::StartsWith(text, "WRONGPASS") ||
      absl::StartsWith(text, "ERR AUTH") || absl::StrContains(text, "invalid password")) {
    return absl::UnauthenticatedError(
        absl::StrCat(message, "; give the right password with --redis-password-file"));
  }
  if (absl::StartsWith(text, "NOPERM")) return absl::PermissionDeniedError(message);
  return absl::InternalError(message);
}

absl::StatusOr<RedisReply> Convert(const redisReply& reply) {
  RedisReply value;
  switch (reply.type) {
    case REDIS_REPLY_ERROR:
      return ErrorReply(absl::string_view(reply.str, reply.len));
    case REDIS_REPLY_NIL:
      value.is_nil = true;
      return value;
    case REDIS_REPLY_INTEGER:
      value.integer = reply.integer;
      return value;
    case REDIS_REPLY_ARRAY:
      value.elements.reserve(reply.elements);
      for (size_t i = 0; i < reply.elements; ++i) {
        ASSIGN_OR_RETURN(RedisReply element, Convert(*reply.element[i]));
        value.elements.push_back(std::move(element));
      }
      return value;
    default:
      value.text.assign(reply.str, reply.len);
      return value;
  }
}

}  // namespace

struct RedisConnection::Context {
  base::CHandle<redisContext, redisFree> redis;
};

absl::StatusOr<std::unique_ptr<RedisConnection>> RedisConnection::Create(RedisAddress address) {
  const std::string text = address.address;
  auto connection = std::unique_ptr<RedisConnection>(new RedisConnection(std::move(address)));
  absl::string_view rest = text;
  if (absl::ConsumePrefix(&rest, "unix:") && !rest.empty()) {
    connection->path_ = std::string(rest);
    return connection;
  }
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0 ||
      !absl::SimpleAtoi(text.substr(colon + 1), &connection->port_) || connection->port_ <= 0 ||
      connection->port_ > 65535) {
    return absl::InvalidArgumentError(absl::StrCat("Redis address ", base::Quoted(text),
                                                   ": want unix:/path/to/socket or host:port"));
  }
  connection->host_ = text.substr(0, colon);
  return connection;
}

RedisConnection::RedisConnection(RedisAddress address) : address_(std::move(address)) {}
RedisConnection::~RedisConnection() = default;

absl::Status RedisConnection::Connect() {
  if (context_ != nullptr) return absl::OkStatus();
  const timeval timeout = absl::ToTimeval(address_.timeout);
  auto context = std::make_unique<Context>();
  context->redis.reset(path_.empty() ? redisConnectWithTimeout(host_.c_str(), port_, timeout)
                                     : redisConnectUnixWithTimeout(path_.c_str(), timeout));
  if (context->redis == nullptr) return absl::UnavailableError("Redis: no memory to connect");
  context_ = std::move(context);
  if (context_->redis->err != 0) return Broken("connect");
  if (redisSetTimeout(context_->redis.get(), timeout) != REDIS_OK) return Broken("set time-out");
  if (address_.password.empty()) return absl::OkStatus();
  absl::Status status = Send({"AUTH", address_.password.Reveal()});
  if (status.ok()) status = Receive().status();
  if (!status.ok()) context_.reset();
  return status;
}

absl::Status RedisConnection::Broken(absl::string_view doing) {
  const std::string reason = context_->redis->err != 0 ? context_->redis->errstr : "no answer";
  context_.reset();
  return absl::UnavailableError(
      absl::StrCat("Redis at ", address_.address, ": ", doing, ": ", reason));
}

absl::Status RedisConnection::Send(const std::vector<std::string>& arguments) {
  std::vector<const char*> values;
  std::vector<size_t> sizes;
  values.reserve(arguments.size());
  sizes.reserve(arguments.size());
  for (const std::string& argument : arguments) {
    values.push_back(argument.data());
    sizes.push_back(argument.size());
  }
  if (redisAppendCommandArgv(context_->redis.get(), static_cast<int>(values.size()), values.data(),
                             sizes.data()) != REDIS_OK) {
    return Broken("send");
  }
  return absl::OkStatus();
}

absl::StatusOr<RedisReply> RedisConnection::Receive() {
  void* raw = nullptr;
  if (redisGetReply(context_->redis.get(), &raw) != REDIS_OK || raw == nullptr) {
    return Broken("answer");
  }
  const Reply reply(static_cast<redisReply*>(raw));
  return Convert(*reply);
}

absl::StatusOr<RedisReply> RedisConnection::Command(const std::vector<std::string>& arguments) {
  RETURN_IF_ERROR(Connect());
  RETURN_IF_ERROR(Send(arguments));
  absl::StatusOr<RedisReply> reply = Receive();
  // Another connection may reach the new master.
  if (!reply.ok() && absl::IsUnavailable(reply.status())) context_.reset();
  return reply;
}

absl::StatusOr<std::vector<RedisReply>> RedisConnection::Pipeline(
    const std::vector<std::vector<std::string>>& commands) {
  RETURN_IF_ERROR(Connect());
  for (const std::vector<std::string>& command : commands) RETURN_IF_ERROR(Send(command));
  std::vector<RedisReply> replies;
  absl::Status status;
  for (size_t i = 0; i < commands.size(); ++i) {
    absl::StatusOr<RedisReply> reply = Receive();
    if (!reply.ok() && context_ == nullptr) return reply.status();
    status.Update(reply.status());  // Read on: the other answers are on the way.
    if (reply.ok()) replies.push_back(*std::move(reply));
  }
  RETURN_IF_ERROR(status);
  return replies;
}

}  // namespace stevedore::coordinator
