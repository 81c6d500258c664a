// What MemoryLedger adds to the contract, which tests/coordinator checks for all ledgers.

#include "coordinator/memory_ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/fake_clock.h"
#include "base/testing/status_matchers.h"

namespace stevedore::coordinator {
namespace {

using base::testing::StatusIs;
using ::testing::HasSubstr;

TEST(MemoryLedgerTest, LifetimesEnd) {
  base::testing::FakeClock clock;
  MemoryLedger ledger(&clock);
  ASSERT_OK(ledger.Claim(std::nullopt, {1, 0, "me"}));
  ASSERT_OK(ledger.Apply(1, "me", 1,
                         {{LedgerWrite::Kind::kSetString, "result:k", "", "v", absl::Hours(1)}}));
  clock.Advance(absl::Minutes(59));
  EXPECT_EQ(ledger.Load()->size(), 1);
  clock.Advance(absl::Minutes(2));
  EXPECT_EQ(ledger.Load()->size(), 0);
}

TEST(MemoryLedgerTest, ResultsTravelAsText) {
  base::testing::FakeClock clock;
  MemoryLedger ledger(&clock), next(&clock);
  ASSERT_OK(ledger.Claim(std::nullopt, {1, 0, "me"}));
  ASSERT_OK(
      ledger.Apply(1, "me", 1,
                   {{LedgerWrite::Kind::kSetString, "result:k", "", "a\tb\nc\xff", absl::Hours(1)},
                    {LedgerWrite::Kind::kSetField, "stat:i", "inputs", "x", {}},
                    {LedgerWrite::Kind::kSetField, "build:1", "head", "x", {}}}));
  const std::string text = ledger.ExportCache();
  ASSERT_OK(next.ImportCache(text));
  EXPECT_EQ(next.Load()->size(), 2) << "builds stay behind";
  EXPECT_EQ((*next.Load())[0].value, "a\tb\nc\xff");
  EXPECT_EQ(next.ExportCache(), text);
  clock.Advance(absl::Hours(2));
  MemoryLedger late(&clock);
  ASSERT_OK(late.ImportCache(text));
  EXPECT_EQ(late.Load()->size(), 1) << "expired";
}

TEST(MemoryLedgerTest, RefusesOtherTexts) {
  MemoryLedger ledger;
  EXPECT_THAT(ledger.ImportCache("hello"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("line 1")));
  EXPECT_THAT(ledger.ImportCache("stevedore results 1\n0\tbuild:1\thead\tx\n"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("line 2")));
  EXPECT_EQ(ledger.Load()->size(), 0);
}

}  // namespace
}  // namespace stevedore::coordinator
