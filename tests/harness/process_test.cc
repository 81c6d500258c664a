#include "tests/harness/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <memory>
#include <string>

#include "absl/strings/numbers.h"
#include "base/testing/status_matchers.h"

namespace stevedore::testing {
namespace {

using base::testing::StatusIs;
using ::testing::HasSubstr;

TEST(ProcessTest, RunsAndKeepsOutputAndExitCode) {
  ASSERT_OK_AND_ASSIGN(const ProcessResult result,
                       Process::Run({.argv = {"sh", "-c", "cat; echo $WORD >&2; exit 3"},
                                     .environment = {{"WORD", "bad"}},
                                     .input = "hello"}));
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.out, "hello");
  EXPECT_EQ(result.err, "bad\n");
}

TEST(ProcessTest, NamesAProgramThatIsNotThere) {
  EXPECT_THAT(Process::Start({.argv = {"no-such-program"}}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no-such-program")));
}

TEST(ProcessTest, WaitsForWordsAndSeesAKill) {
  ASSERT_OK_AND_ASSIGN(std::unique_ptr<Process> process,
                       Process::Start({.argv = {"sh", "-c", "echo ready; exec sleep 1000"}}));
  ASSERT_OK(process->WaitForOutput("ready"));
  EXPECT_TRUE(process->running());
  process->Kill();
  EXPECT_FALSE(process->running());
  EXPECT_THAT(process->Wait(), base::testing::IsOkAndHolds(128 + SIGKILL));
  EXPECT_THAT(process->WaitForOutput("never"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("ready")));
}

TEST(ProcessTest, ASuspendedProcessGoesOnWhenResumed) {
  ASSERT_OK_AND_ASSIGN(std::unique_ptr<Process> process,
                       Process::Start({.argv = {"sh", "-c", "echo up; read x; echo $x"}}));
  ASSERT_OK(process->WaitForOutput("up"));
  process->Suspend();
  process->Resume();
  EXPECT_THAT(process->Wait(), base::testing::IsOkAndHolds(0));
}

TEST(ProcessTest, DestructionKillsTheWholeGroup) {
  pid_t grandchild = 0;
  {
    ASSERT_OK_AND_ASSIGN(std::unique_ptr<Process> process,
                         Process::Start({.argv = {"sh", "-c", "sleep 1000 & echo $!; wait"}}));
    ASSERT_OK(process->WaitForOutput("\n"));
    ASSERT_TRUE(absl::SimpleAtoi(process->out(), &grandchild));
    EXPECT_EQ(kill(grandchild, 0), 0);
  }
  // Gone, or a zombie that its new parent has yet to collect.
  ASSERT_OK_AND_ASSIGN(const ProcessResult state,
                       Process::Run({.argv = {"sh", "-c", "ps -o stat= -p $0 || true",
                                              std::to_string(grandchild)}}));
  EXPECT_TRUE(state.out.empty() || state.out[0] == 'Z') << state.out;
}

TEST(PortTest, AFreePortHasNoListener) {
  const int port = FreePort();
  EXPECT_GT(port, 0);
  EXPECT_THAT(WaitForPort(port, absl::ZeroDuration()),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
}

}  // namespace
}  // namespace stevedore::testing
