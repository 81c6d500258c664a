// A ledger in Redis: what survives a coordinator.

#ifndef STEVEDORE_COORDINATOR_REDIS_LEDGER_H_
#define STEVEDORE_COORDINATOR_REDIS_LEDGER_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "coordinator/ledger.h"
#include "coordinator/redis_connection.h"

namespace stevedore::coordinator {

// All keys begin with "{QUEUE}", so that a queue is one slot of a Redis Cluster. One Lua script
// checks who leads and writes, at once. Redis should keep everything (maxmemory-policy noeviction)
// and an append-only file. See Ledger for errors and threads.
class RedisLedger final : public Ledger {
 public:
  // Connects only when used. INVALID_ARGUMENT: a malformed address, or a queue name with braces or
  // blanks.
  static absl::StatusOr<std::unique_ptr<RedisLedger>> Create(RedisAddress address,
                                                             std::string queue);

  absl::StatusOr<std::optional<LeaderRecord>> ReadLeader() override;
  absl::Status Claim(const std::optional<LeaderRecord>& expected,
                     const LeaderRecord& mine) override;
  absl::StatusOr<ApplyOutcome> Apply(int64_t term, absl::string_view address, int64_t seq,
                                     const std::vector<LedgerWrite>& batch) override;
  absl::StatusOr<std::vector<LedgerRecord>> Load() override;
  absl::StatusOr<double> MemoryUse() override;

 private:
  RedisLedger(std::unique_ptr<RedisConnection> connection, std::string prefix);

  // Runs the script with KEYS = {leader} and these ARGV; its answer is a word.
  absl::StatusOr<std::string> RunScript(std::vector<std::string> arguments);
  absl::Status LoadPage(const std::vector<RedisReply>& keys, std::vector<LedgerRecord>* records);

  const std::unique_ptr<RedisConnection> connection_;
  const std::string prefix_;
  std::string script_digest_;  // Empty: not loaded yet.
};

}  // namespace stevedore::coordinator

#endif  // STEVEDORE_COORDINATOR_REDIS_LEDGER_H_
