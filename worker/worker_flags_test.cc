#include "worker/worker_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace stevedore::worker {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::IsEmpty;
using ::testing::Not;

bool Parse(std::vector<const char*> arguments, WorkerFlags* flags, int* exit_code) {
  arguments.insert(arguments.begin(), "stevedore-worker");
  return ParseWorkerFlags(static_cast<int>(arguments.size()), arguments.data(), flags, exit_code);
}

TEST(WorkerFlagsTest, DefaultsAreUsable) {
  WorkerFlags flags;
  int exit_code = -1;
  ASSERT_TRUE(Parse({}, &flags, &exit_code));
  EXPECT_THAT(flags.coordinators, Not(IsEmpty()));
  EXPECT_GE(flags.slots, 1);
  EXPECT_GE(flags.threads, 1);
  EXPECT_THAT(flags.name, Not(IsEmpty()));
  EXPECT_THAT(flags.cache_directory, EndsWith("/stevedore"));
  EXPECT_THAT(flags.platforms, Contains("linux/amd64"));
  EXPECT_THAT(flags.platforms, Contains("linux/arm64"));
}

TEST(WorkerFlagsTest, ReadsWhatIsGiven) {
  WorkerFlags flags;
  int exit_code = -1;
  ASSERT_TRUE(Parse({"--coordinator", "a:1,b:2", "--slots", "7", "--platform", "linux/arm64",
                     "--platform", "linux/amd64", "--memory-budget", "64MB", "--name", "w",
                     "--insecure-registry", "r:5000", "--drain-timeout", "5", "--lease", "2.5"},
                    &flags, &exit_code));
  EXPECT_THAT(flags.coordinators, ElementsAre("a:1", "b:2"));
  EXPECT_EQ(flags.slots, 7);
  EXPECT_THAT(flags.platforms, ElementsAre("linux/arm64", "linux/amd64"));
  EXPECT_EQ(flags.memory_budget, 64 << 20);
  EXPECT_THAT(flags.insecure_registries, ElementsAre("r:5000"));
  EXPECT_EQ(flags.drain_timeout_seconds, 5);
  EXPECT_EQ(flags.lease_seconds, 2.5);
}

TEST(WorkerFlagsTest, ErrorsAndHelpEndTheProgram) {
  for (const auto& wrong : std::vector<std::vector<const char*>>{
           {"--slots", "0"}, {"--no-such-flag"}, {"--log-level", "loud"}, {"--platform", "x"}}) {
    WorkerFlags flags;
    int exit_code = -1;
    EXPECT_FALSE(Parse(wrong, &flags, &exit_code)) << wrong[0];
    EXPECT_EQ(exit_code, 2) << wrong[0];
  }
  WorkerFlags flags;
  int exit_code = -1;
  EXPECT_FALSE(Parse({"--version"}, &flags, &exit_code));
  EXPECT_EQ(exit_code, 0);
}

}  // namespace
}  // namespace stevedore::worker
