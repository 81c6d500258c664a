#include "tests/harness/redis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/file.h"
#include "base/testing/status_matchers.h"

namespace stevedore::testing {
namespace {

using base::testing::IsOkAndHolds;
using ::testing::HasSubstr;

TEST(RedisTest, KeepsWhatWasWrittenOverAKill) {
  ASSERT_OK_AND_ASSIGN(std::unique_ptr<Redis> redis, Redis::Start());
  EXPECT_LT(redis->socket().size(), 100);
  EXPECT_THAT(redis->Cli({"SET", "key", "value"}), IsOkAndHolds("OK\n"));
  redis->Kill();
  EXPECT_FALSE(redis->Cli({"GET", "key"}).ok());
  ASSERT_OK(redis->Restart());
  EXPECT_THAT(redis->Cli({"GET", "key"}), IsOkAndHolds("value\n"));
}

TEST(RedisTest, ListensOnTcpWithAPassword) {
  ASSERT_OK_AND_ASSIGN(std::unique_ptr<Redis> redis,
                       Redis::Start({.tcp = true, .password = "secret"}));
  EXPECT_OK(WaitForPort(redis->port(), absl::ZeroDuration()));
  EXPECT_THAT(redis->Cli({"PING"}), IsOkAndHolds("PONG\n"));
  EXPECT_THAT(base::ReadFile(redis->password_file()), IsOkAndHolds("secret\n"));
  ASSERT_OK_AND_ASSIGN(
      const ProcessResult denied,
      Process::Run({.argv = {"redis-cli", "-p", std::to_string(redis->port()), "PING"}}));
  EXPECT_THAT(denied.out, HasSubstr("NOAUTH"));
}

}  // namespace
}  // namespace stevedore::testing
