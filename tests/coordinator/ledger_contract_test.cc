// What every ledger promises, checked on memory and on a real Redis.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"
#include "coordinator/ledger.h"
#include "coordinator/memory_ledger.h"
#include "coordinator/redis_ledger.h"
#include "tests/harness/redis.h"

namespace stevedore::coordinator {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Kind = LedgerWrite::Kind;

// A ledger with a way to wipe it.
class Store {
 public:
  virtual ~Store() = default;
  virtual Ledger& ledger() = 0;
  virtual void Forget() = 0;
};

class MemoryStore final : public Store {
 public:
  Ledger& ledger() override { return ledger_; }
  void Forget() override { ledger_.Clear(); }

 private:
  MemoryLedger ledger_;
};

class RedisStore final : public Store {
 public:
  RedisStore() {
    auto redis = stevedore::testing::Redis::Start();
    EXPECT_OK(redis);
    redis_ = *std::move(redis);
    RedisAddress address;
    address.address = redis_->Address();
    auto ledger = RedisLedger::Create(address, "q");
    EXPECT_OK(ledger);
    ledger_ = *std::move(ledger);
  }
  Ledger& ledger() override { return *ledger_; }
  void Forget() override { EXPECT_OK(redis_->Cli({"FLUSHALL"})); }

 private:
  std::unique_ptr<stevedore::testing::Redis> redis_;
  std::unique_ptr<RedisLedger> ledger_;
};

class LedgerContractTest : public ::testing::TestWithParam<std::string> {
 protected:
  LedgerContractTest() {
    if (GetParam() == "Memory") store_ = std::make_unique<MemoryStore>();
    if (GetParam() == "Redis") store_ = std::make_unique<RedisStore>();
  }
  Ledger& ledger() { return store_->ledger(); }

  void Lead() { ASSERT_OK(ledger().Claim(std::nullopt, {7, 0, "me:1"})); }
  void Write(const std::vector<LedgerWrite>& batch) {
    EXPECT_THAT(ledger().Apply(7, "me:1", ++seq_, batch), IsOkAndHolds(ApplyOutcome::kApplied));
  }
  // "key field=value", sorted.
  std::vector<std::string> Show() {
    std::vector<std::string> lines;
    auto records = ledger().Load();
    EXPECT_OK(records);
    for (const LedgerRecord& record : *records) {
      lines.push_back(absl::StrCat(record.key, " ", record.field, "=", record.value));
    }
    std::sort(lines.begin(), lines.end());
    return lines;
  }

  std::unique_ptr<Store> store_;
  int64_t seq_ = 0;
};

LedgerWrite Field(std::string key, std::string field, std::string value) {
  return {Kind::kSetField, std::move(key), std::move(field), std::move(value), {}};
}
LedgerWrite Text(std::string key, std::string value, absl::Duration lifetime = {}) {
  return {Kind::kSetString, std::move(key), "", std::move(value), lifetime};
}
LedgerWrite Delete(std::string key) { return {Kind::kDelete, std::move(key), "", "", {}}; }
LedgerWrite Score(std::string member, std::string score) {
  return {Kind::kSetScore, "leases", std::move(member), std::move(score), {}};
}
LedgerWrite NoScore(std::string member) {
  return {Kind::kRemoveScore, "leases", std::move(member), "", {}};
}

TEST_P(LedgerContractTest, NobodyLeadsAtFirst) {
  EXPECT_THAT(ledger().ReadLeader(), IsOkAndHolds(std::nullopt));
  EXPECT_THAT(ledger().Apply(7, "me:1", 1, {}), IsOkAndHolds(ApplyOutcome::kLost));
  EXPECT_THAT(Show(), IsEmpty());
}

TEST_P(LedgerContractTest, ClaimIsCompareAndSet) {
  ASSERT_OK(ledger().Claim(std::nullopt, {7, 0, "me:1"}));
  EXPECT_THAT(ledger().Claim(std::nullopt, {8, 0, "other:1"}),
              StatusIs(absl::StatusCode::kAborted));
  EXPECT_THAT(ledger().Claim(LeaderRecord{7, 1, "me:1"}, {8, 0, "other:1"}),
              StatusIs(absl::StatusCode::kAborted));
  ASSERT_OK(ledger().Claim(LeaderRecord{7, 0, "me:1"}, {8, 0, "other:1"}));
  EXPECT_THAT(ledger().ReadLeader(), IsOkAndHolds(LeaderRecord{8, 0, "other:1"}));
}

TEST_P(LedgerContractTest, AnotherTermOrAddressIsFenced) {
  Lead();
  EXPECT_THAT(ledger().Apply(6, "me:1", 1, {Text("run:a", "x")}),
              IsOkAndHolds(ApplyOutcome::kFenced));
  EXPECT_THAT(ledger().Apply(7, "other:1", 1, {Text("run:a", "x")}),
              IsOkAndHolds(ApplyOutcome::kFenced));
  EXPECT_THAT(Show(), IsEmpty());
}

TEST_P(LedgerContractTest, AResendChangesNothing) {
  Lead();
  Write({Text("run:a", "first")});
  EXPECT_THAT(ledger().Apply(7, "me:1", seq_, {Text("run:a", "second")}),
              IsOkAndHolds(ApplyOutcome::kApplied));
  EXPECT_THAT(Show(), ElementsAre("run:a =first"));
}

TEST_P(LedgerContractTest, MissingBatchesAreLost) {
  Lead();
  EXPECT_THAT(ledger().Apply(7, "me:1", 2, {}), IsOkAndHolds(ApplyOutcome::kLost));
  Write({});
  store_->Forget();
  EXPECT_THAT(ledger().Apply(7, "me:1", 2, {}), IsOkAndHolds(ApplyOutcome::kLost));
  EXPECT_THAT(ledger().ReadLeader(), IsOkAndHolds(std::nullopt));
}

TEST_P(LedgerContractTest, KeepsEveryKindAndEveryByte) {
  Lead();
  const std::string bytes("\0\r\n %s {q} \xff", 13);
  Write({Field("build:1", "head", "h"), Field("build:1", "task:0", bytes), Text("run:a", bytes),
         Text("result:k", "kept", absl::Hours(1)), Score("run a", "1700000000"), Score("b", "2")});
  EXPECT_THAT(Show(), ElementsAre("build:1 head=h", "build:1 task:0=" + bytes, "leases b=2",
                                  "leases run a=1700000000", "result:k =kept", "run:a =" + bytes));
}

TEST_P(LedgerContractTest, LaterWritesOfABatchWin) {
  Lead();
  Write({Text("run:a", "1"), Text("run:a", "2"), Text("run:b", "1"), Delete("run:b"),
         Field("build:1", "x", "1"), Delete("build:1"), Field("build:1", "y", "2"), Score("r", "1"),
         NoScore("r"), NoScore("s"), Score("s", "3")});
  EXPECT_THAT(Show(), ElementsAre("build:1 y=2", "leases s=3", "run:a =2"));
  Write({Delete("run:a"), Delete("run:none"), NoScore("s"), Delete("build:1"),
         Text("run:a", "again")});
  EXPECT_THAT(Show(), ElementsAre("run:a =again"));
}

TEST_P(LedgerContractTest, TakesABatchOfFullSize) {
  Lead();
  std::vector<LedgerWrite> batch;
  for (size_t i = 0; i < Ledger::kBatchWrites; ++i) {
    batch.push_back(Field("build:1", absl::StrCat("task:", i), std::string(2000, 'x')));
  }
  Write(batch);
  EXPECT_EQ(Show().size(), Ledger::kBatchWrites);
}

TEST_P(LedgerContractTest, MemoryUseIsAShare) {
  ASSERT_OK_AND_ASSIGN(const double use, ledger().MemoryUse());
  EXPECT_GE(use, 0);
  EXPECT_LE(use, 1);
}

INSTANTIATE_TEST_SUITE_P(, LedgerContractTest, ::testing::Values("Memory", "Redis"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace stevedore::coordinator
