#include "coordinator/redis_ledger.h"

#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"

namespace stevedore::coordinator {
namespace {

// ARGV of "apply": term, address, seq, then commands, each after the count of its words. ARGV of
// "claim": term, seq and address expected (empty term: no leader), then those to store.
constexpr char kScript[] = R"lua(
local held = redis.call('HMGET', KEYS[1], 'term', 'seq', 'address')
if ARGV[1] == 'claim' then
  if (held[1] or '') ~= ARGV[2] then return 'CHANGED' end
  if held[1] and (held[2] ~= ARGV[3] or held[3] ~= ARGV[4]) then return 'CHANGED' end
  redis.call('HSET', KEYS[1], 'term', ARGV[5], 'seq', ARGV[6], 'address', ARGV[7])
  return 'OK'
end
if not held[1] then return 'LOST' end
if held[1] ~= ARGV[2] or held[3] ~= ARGV[3] then return 'FENCED' end
local stored, seq = tonumber(held[2]), tonumber(ARGV[4])
if stored == seq then return 'OK' end
if stored > seq then return 'FENCED' end
if stored ~= seq - 1 then return 'LOST' end
local i = 5
while i <= #ARGV do
  local count = tonumber(ARGV[i])
  redis.call(unpack(ARGV, i + 1, i + count))
  i = i + 1 + count
end
redis.call('HSET', KEYS[1], 'seq', ARGV[4])
return 'OK'
)lua";

constexpr char kScanPage[] = "1000";

std::string Seconds(absl::Duration lifetime) {
  return absl::StrCat(static_cast<int64_t>(std::ceil(absl::ToDoubleSeconds(lifetime))));
}

// What one batch makes of one key: later writes win over earlier ones, so one command per kind is
// enough.
struct KeyChange {
  bool deleted = false;
  std::map<std::string, std::string> fields;
  std::optional<std::pair<std::string, absl::Duration>> text;
  std::map<std::string, std::optional<std::string>> scores;  // Nothing: remove the member.
  std::optional<absl::Duration> lifetime;
};

std::map<std::string, KeyChange> Combine(const std::vector<LedgerWrite>& batch) {
  std::map<std::string, KeyChange> changes;
  for (const LedgerWrite& write : batch) {
    KeyChange& change = changes[write.key];
    switch (write.kind) {
      case LedgerWrite::Kind::kSetField:
        change.fields[write.field] = write.value;
        break;
      case LedgerWrite::Kind::kSetString:
        change = KeyChange();
        change.text = {write.value, write.lifetime};
        break;
      case LedgerWrite::Kind::kDelete:
        change = KeyChange();
        change.deleted = true;
        break;
      case LedgerWrite::Kind::kExpire:
        change.lifetime = write.lifetime;
        break;
      case LedgerWrite::Kind::kSetScore:
        change.scores[write.field] = write.value;
        break;
      case LedgerWrite::Kind::kRemoveScore:
        change.scores[write.field] = std::nullopt;
        break;
    }
  }
  return changes;
}

// Appends commands as the script wants them. Deletions and texts of many keys share one command
// each.
class CommandList {
 public:
  explicit CommandList(std::string prefix) : prefix_(std::move(prefix)) {}

  void Add(const std::string& key, const KeyChange& change) {
    const std::string name = prefix_ + key;
    if (change.deleted) deleted_.push_back(name);
    if (change.text.has_value()) {
      const auto& [value, lifetime] = *change.text;
      if (lifetime > absl::ZeroDuration()) {
        commands_.push_back({"SET", name, value, "EX", Seconds(lifetime)});
      } else {
        texts_.push_back(name);
        texts_.push_back(value);
      }
    }
    if (!change.fields.empty()) {
      std::vector<std::string>& command = commands_.emplace_back();
      command = {"HSET", name};
      for (const auto& [field, value] : change.fields) {
        command.push_back(field);
        command.push_back(value);
      }
    }
    std::vector<std::string> added = {"ZADD", name}, removed = {"ZREM", name};
    for (const auto& [member, score] : change.scores) {
      if (score.has_value()) {
        added.push_back(*score);
        added.push_back(member);
      } else {
        removed.push_back(member);
      }
    }
    if (added.size() > 2) commands_.push_back(std::move(added));
    if (removed.size() > 2) commands_.push_back(std::move(removed));
    if (change.lifetime.has_value()) {
      commands_.push_back({"EXPIRE", name, Seconds(*change.lifetime)});
    }
  }

  void AppendTo(std::vector<std::string>* arguments) && {
    // Deletions first: a key that was deleted and then written in one batch is both.
    if (!deleted_.empty()) Append("DEL", std::move(deleted_), arguments);
    if (!texts_.empty()) Append("MSET", std::move(texts_), arguments);
    for (std::vector<std::string>& command : commands_) {
      arguments->push_back(absl::StrCat(command.size()));
      for (std::string& word : command) arguments->push_back(std::move(word));
    }
  }

 private:
  static void Append(std::string name, std::vector<std::string> words,
                     std::vector<std::string>* arguments) {
    arguments->push_back(absl::StrCat(words.size() + 1));
    arguments->push_back(std::move(name));
    for (std::string& word : words) arguments->push_back(std::move(word));
  }

  const std::string prefix_;
  std::vector<std::string> deleted_, texts_;
  std::vector<std::vector<std::string>> commands_;
};

bool IsHash(absl::string_view key) {
  return absl::StartsWith(key, "build:") || absl::StartsWith(key, "stat:");
}

}  // namespace

absl::StatusOr<std::unique_ptr<RedisLedger>> RedisLedger::Create(RedisAddress address,
                                                                 std::string queue) {
  if (queue.empty() || queue.find_first_of("{} \t\r\n*?[]\\") != std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("queue name ", base::Quoted(queue),
                     ": want letters and digits, without {}*?[]\\ or blanks"));
  }
  ASSIGN_OR_RETURN(std::unique_ptr<RedisConnection> connection,
                   RedisConnection::Create(std::move(address)));
  return std::unique_ptr<RedisLedger>(
      new RedisLedger(std::move(connection), absl::StrCat("{", queue, "}")));
}

RedisLedger::RedisLedger(std::unique_ptr<RedisConnection> connection, std::string prefix)
    : connection_(std::move(connection)), prefix_(std::move(prefix)) {}

absl::StatusOr<std::optional<LeaderRecord>> RedisLedger::ReadLeader() {
  ASSIGN_OR_RETURN(const RedisReply reply,
                   connection_->Command({"HMGET", prefix_ + "leader", "term", "seq", "address"}));
  if (reply.elements.size() != 3) return absl::InternalError("Redis: HMGET without three values");
  if (reply.elements[0].is_nil) return std::optional<LeaderRecord>();
  LeaderRecord leader;
  if (!absl::SimpleAtoi(reply.elements[0].text, &leader.term) ||
      !absl::SimpleAtoi(reply.elements[1].text, &leader.seq)) {
    return absl::InternalError(absl::StrCat("Redis: ", prefix_, "leader has no numbers in it"));
  }
  leader.address = reply.elements[2].text;
  return std::optional<LeaderRecord>(leader);
}

absl::StatusOr<std::string> RedisLedger::RunScript(std::vector<std::string> arguments) {
  const auto run = [&](const char* how, const std::string& script) {
    std::vector<std::string> command = {how, script, "1", prefix_ + "leader"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return connection_->Command(command);
  };
  if (script_digest_.empty()) {
    ASSIGN_OR_RETURN(const RedisReply loaded, connection_->Command({"SCRIPT", "LOAD", kScript}));
    script_digest_ = loaded.text;
  }
  absl::StatusOr<RedisReply> reply = run("EVALSHA", script_digest_);
  // A restarted Redis, or another one, does not know the script.
  if (absl::IsFailedPrecondition(reply.status())) reply = run("EVAL", kScript);
  RETURN_IF_ERROR(reply.status());
  return reply->text;
}

absl::Status RedisLedger::Claim(const std::optional<LeaderRecord>& expected,
                                const LeaderRecord& mine) {
  const LeaderRecord held = expected.value_or(LeaderRecord());
  ASSIGN_OR_RETURN(const std::string answer,
                   RunScript({"claim", expected.has_value() ? absl::StrCat(held.term) : "",
                              absl::StrCat(held.seq), held.address, absl::StrCat(mine.term),
                              absl::StrCat(mine.seq), mine.address}));
  if (answer == "OK") return absl::OkStatus();
  // A claim whose answer was lost has changed the record already, into mine.
  ASSIGN_OR_RETURN(const std::optional<LeaderRecord> now, ReadLeader());
  if (now == mine) return absl::OkStatus();
  return absl::AbortedError("claim: the leader record has changed");
}

absl::StatusOr<ApplyOutcome> RedisLedger::Apply(int64_t term, absl::string_view address,
                                                int64_t seq,
                                                const std::vector<LedgerWrite>& batch) {
  std::vector<std::string> arguments = {"apply", absl::StrCat(term), std::string(address),
                                        absl::StrCat(seq)};
  CommandList commands(prefix_);
  for (const auto& [key, change] : Combine(batch)) commands.Add(key, change);
  std::move(commands).AppendTo(&arguments);
  ASSIGN_OR_RETURN(const std::string answer, RunScript(std::move(arguments)));
  if (answer == "OK") return ApplyOutcome::kApplied;
  if (answer == "FENCED") return ApplyOutcome::kFenced;
  if (answer == "LOST") return ApplyOutcome::kLost;
  return absl::InternalError(absl::StrCat("Redis: the script answered ", base::Quoted(answer)));
}

absl::StatusOr<std::vector<LedgerRecord>> RedisLedger::Load() {
  std::vector<LedgerRecord> records;
  std::set<std::string> seen;  // SCAN may show a key twice.
  std::string cursor = "0";
  do {
    // The braces are no pattern characters.
    ASSIGN_OR_RETURN(
        const RedisReply page,
        connection_->Command({"SCAN", cursor, "MATCH", prefix_ + "*", "COUNT", kScanPage}));
    if (page.elements.size() != 2) return absl::InternalError("Redis: SCAN without two values");
    cursor = page.elements[0].text;
    std::vector<RedisReply> keys;
    for (const RedisReply& key : page.elements[1].elements) {
      if (seen.insert(key.text).second) keys.push_back(key);
    }
    RETURN_IF_ERROR(LoadPage(keys, &records));
  } while (cursor != "0");
  return records;
}

absl::Status RedisLedger::LoadPage(const std::vector<RedisReply>& keys,
                                   std::vector<LedgerRecord>* records) {
  std::vector<std::vector<std::string>> commands;
  std::vector<std::string> names;
  for (const RedisReply& key : keys) {
    const std::string name = key.text.substr(prefix_.size());
    if (name == "leader") continue;
    if (name == "leases") {
      commands.push_back({"ZRANGE", key.text, "0", "-1", "WITHSCORES"});
    } else if (IsHash(name)) {
      commands.push_back({"HGETALL", key.text});
    } else {
      commands.push_back({"GET", key.text});
    }
    names.push_back(name);
  }
  ASSIGN_OR_RETURN(const std::vector<RedisReply> replies, connection_->Pipeline(commands));
  for (size_t i = 0; i < replies.size(); ++i) {
    const std::vector<RedisReply>& pairs = replies[i].elements;
    for (size_t j = 0; j + 1 < pairs.size(); j += 2) {
      records->push_back({names[i], pairs[j].text, pairs[j + 1].text});
    }
    // A string that expired meanwhile is nil.
    if (commands[i][0] == "GET" && !replies[i].is_nil) {
      records->push_back({names[i], "", replies[i].text});
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<double> RedisLedger::MemoryUse() {
  ASSIGN_OR_RETURN(const RedisReply reply, connection_->Command({"INFO", "memory"}));
  double used = 0, most = 0;
  for (absl::string_view line : absl::StrSplit(reply.text, "\r\n")) {
    if (absl::ConsumePrefix(&line, "used_memory:") && !absl::SimpleAtod(line, &used)) used = 0;
    if (absl::ConsumePrefix(&line, "maxmemory:") && !absl::SimpleAtod(line, &most)) most = 0;
  }
  return most > 0 ? used / most : 0.0;
}

}  // namespace stevedore::coordinator
