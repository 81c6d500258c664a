// What Redis does to a ledger: errors, restarts, passwords.

#include "coordinator/redis_ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "tests/harness/redis.h"

namespace stevedore::coordinator {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using stevedore::testing::Redis;
using stevedore::testing::RedisOptions;
using ::testing::HasSubstr;

const std::vector<LedgerWrite> kOneWrite = {
    {LedgerWrite::Kind::kSetField, "build:1", "head", "h", {}}};

class RedisLedgerTest : public ::testing::Test {
 protected:
  void Open(RedisOptions options = {}, const std::string& password = "") {
    ASSERT_OK_AND_ASSIGN(redis_, Redis::Start(options));
    RedisAddress address;
    address.address = options.tcp ? absl::StrCat("127.0.0.1:", redis_->port()) : redis_->Address();
    address.password = base::Secret(password);
    ASSERT_OK_AND_ASSIGN(ledger_, RedisLedger::Create(address, "q"));
  }
  void Lead() { ASSERT_OK(ledger_->Claim(std::nullopt, {7, 0, "me:1"})); }

  std::unique_ptr<Redis> redis_;
  std::unique_ptr<RedisLedger> ledger_;
};

TEST_F(RedisLedgerTest, KeysAreThoseThatAdministratorsLookFor) {
  Open();
  Lead();
  ASSERT_OK(ledger_->Apply(7, "me:1", 1,
                           {{LedgerWrite::Kind::kSetScore, "leases", "run1", "1700000000", {}}}));
  EXPECT_THAT(redis_->Cli({"ZRANGE", "{q}leases", "0", "-1", "WITHSCORES"}),
              IsOkAndHolds(HasSubstr("run1\n1700000000")));
  EXPECT_THAT(redis_->Cli({"HGET", "{q}leader", "address"}), IsOkAndHolds(HasSubstr("me:1")));
}

TEST_F(RedisLedgerTest, LifetimesAreRedis) {
  Open();
  Lead();
  ASSERT_OK(ledger_->Apply(7, "me:1", 1,
                           {{LedgerWrite::Kind::kSetString, "result:k", "", "v", absl::Hours(1)},
                            {LedgerWrite::Kind::kSetField, "build:1", "head", "h", {}},
                            {LedgerWrite::Kind::kExpire, "build:1", "", "", absl::Hours(72)}}));
  EXPECT_THAT(redis_->Cli({"TTL", "{q}result:k"}), IsOkAndHolds(HasSubstr("3600")));
  EXPECT_THAT(redis_->Cli({"TTL", "{q}build:1"}), IsOkAndHolds(HasSubstr("259200")));
}

TEST_F(RedisLedgerTest, AnUnknownScriptIsSentAgain) {
  Open();
  Lead();
  ASSERT_OK(redis_->Cli({"SCRIPT", "FLUSH"}));
  EXPECT_THAT(ledger_->Apply(7, "me:1", 1, kOneWrite), IsOkAndHolds(ApplyOutcome::kApplied));
}

TEST_F(RedisLedgerTest, AFullRedisWritesNothing) {
  Open();
  Lead();
  ASSERT_OK(redis_->Cli({"CONFIG", "SET", "maxmemory", "1"}));
  EXPECT_THAT(ledger_->Apply(7, "me:1", 1, kOneWrite),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("OOM")));
  ASSERT_OK_AND_ASSIGN(const double use, ledger_->MemoryUse());
  EXPECT_GT(use, 1);
  ASSERT_OK(redis_->Cli({"CONFIG", "SET", "maxmemory", "0"}));
  EXPECT_THAT(ledger_->Apply(7, "me:1", 1, kOneWrite), IsOkAndHolds(ApplyOutcome::kApplied));
}

TEST_F(RedisLedgerTest, AReadOnlyReplicaIsUnavailable) {
  Open();
  Lead();
  ASSERT_OK(redis_->Cli({"REPLICAOF", "127.0.0.1", "1"}));
  EXPECT_THAT(ledger_->Apply(7, "me:1", 1, kOneWrite), StatusIs(absl::StatusCode::kUnavailable));
  ASSERT_OK(redis_->Cli({"REPLICAOF", "NO", "ONE"}));
  EXPECT_THAT(ledger_->Apply(7, "me:1", 1, kOneWrite), IsOkAndHolds(ApplyOutcome::kApplied));
}

TEST_F(RedisLedgerTest, ARestartIsAPauseWithAppendOnlyFile) {
  Open();
  Lead();
  ASSERT_OK(ledger_->Apply(7, "me:1", 1, kOneWrite));
  ASSERT_OK(redis_->Cli({"CONFIG", "SET", "appendfsync", "always"}));
  ASSERT_OK(ledger_->Apply(7, "me:1", 2, {}));
  redis_->Kill();
  EXPECT_THAT(ledger_->Apply(7, "me:1", 3, {}), StatusIs(absl::StatusCode::kUnavailable));
  ASSERT_OK(redis_->Restart());
  EXPECT_THAT(ledger_->Apply(7, "me:1", 3, {}), IsOkAndHolds(ApplyOutcome::kApplied));
  ASSERT_OK_AND_ASSIGN(const auto records, ledger_->Load());
  EXPECT_EQ(records.size(), 1);
}

TEST_F(RedisLedgerTest, PasswordsOverTcp) {
  RedisOptions options;
  options.tcp = true;
  options.password = "s3cret";
  Open(options, "s3cret");
  Lead();
  RedisAddress wrong;
  wrong.address = absl::StrCat("127.0.0.1:", redis_->port());
  wrong.password = base::Secret("guess");
  ASSERT_OK_AND_ASSIGN(auto ledger, RedisLedger::Create(wrong, "q"));
  EXPECT_THAT(ledger->ReadLeader(),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("--redis-password-file")));
  wrong.password = base::Secret();
  ASSERT_OK_AND_ASSIGN(ledger, RedisLedger::Create(wrong, "q"));
  EXPECT_THAT(ledger->ReadLeader(), StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(RedisLedgerTest, QueuesDoNotSeeEachOther) {
  Open();
  Lead();
  ASSERT_OK(ledger_->Apply(7, "me:1", 1, kOneWrite));
  RedisAddress address;
  address.address = redis_->Address();
  ASSERT_OK_AND_ASSIGN(auto other, RedisLedger::Create(address, "q2"));
  EXPECT_THAT(other->ReadLeader(), IsOkAndHolds(std::nullopt));
  ASSERT_OK_AND_ASSIGN(const auto records, other->Load());
  EXPECT_TRUE(records.empty());
}

TEST(RedisAddressTest, RefusesOtherForms) {
  for (const char* text : {"", "unix:", "localhost", ":6379", "host:0", "host:x"}) {
    RedisAddress address;
    address.address = text;
    EXPECT_THAT(RedisLedger::Create(address, "q"),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("host:port")))
        << text;
  }
  RedisAddress good;
  good.address = "unix:/x";
  EXPECT_THAT(RedisLedger::Create(good, "a{b"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("queue name")));
}

TEST(RedisAddressTest, NobodyThereIsUnavailable) {
  RedisAddress address;
  address.address = "unix:/nowhere/redis.sock";
  ASSERT_OK_AND_ASSIGN(auto ledger, RedisLedger::Create(address, "q"));
  EXPECT_THAT(ledger->ReadLeader(),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("/nowhere/redis.sock")));
}

}  // namespace
}  // namespace stevedore::coordinator
