#include "base/program.h"

#include <signal.h>

#include <string>
#include <thread>

#include "absl/time/clock.h"
#include "base/testing/status_matchers.h"

namespace stevedore::base {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::HasSubstr;

TEST(ProgramTest, FeedsListensAndTellsTheExitCode) {
  ASSERT_OK_AND_ASSIGN(const ProgramResult result,
                       RunProgram({.argv = {"sh", "-c", "cat; echo $WORD >&2; exit 7"},
                                   .environment = {{"WORD", "hello"}},
                                   .input = "to be repeated"}));
  EXPECT_EQ(result.exit_code, 7);
  EXPECT_EQ(result.out, "to be repeated");
  EXPECT_EQ(result.err, "hello\n");
}

TEST(ProgramTest, ArgumentsReachItAsTheyAre) {
  const std::string odd = "a b'\"$(exit 3)\n*";
  ASSERT_OK_AND_ASSIGN(const ProgramResult result, RunProgram({.argv = {"printf", "%s", odd}}));
  EXPECT_EQ(result.out, odd);
}

TEST(ProgramTest, MoreThanPipesHoldGoesThrough) {
  const std::string much(3 << 20, 'x');
  ASSERT_OK_AND_ASSIGN(const ProgramResult result, RunProgram({.argv = {"cat"}, .input = much}));
  EXPECT_EQ(result.out, much);
}

TEST(ProgramTest, InputThatNobodyReadsIsNoError) {
  ASSERT_OK_AND_ASSIGN(const ProgramResult result,
                       RunProgram({.argv = {"true"}, .input = std::string(1 << 20, 'x')}));
  EXPECT_EQ(result.exit_code, 0);
}

TEST(ProgramTest, RunsWhereItIsTold) {
  ASSERT_OK_AND_ASSIGN(const ProgramResult result,
                       RunProgram({.argv = {"pwd"}, .working_directory = "/"}));
  EXPECT_EQ(result.out, "/\n");
}

TEST(ProgramTest, MissingProgramIsNamed) {
  EXPECT_THAT(RunProgram({.argv = {"no-such-program-here"}}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no-such-program-here")));
}

TEST(ProgramTest, SignalsAreExitCodes) {
  ASSERT_OK_AND_ASSIGN(const ProgramResult result,
                       RunProgram({.argv = {"sh", "-c", "kill -TERM $$"}}));
  EXPECT_EQ(result.exit_code, 128 + 15);
}

TEST(ProgramTest, LimitsEndIt) {
  EXPECT_THAT(RunProgram({.argv = {"sleep", "60"}, .time_limit = absl::Milliseconds(100)}),
              StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("sleep")));
  EXPECT_THAT(RunProgram({.argv = {"yes"}, .output_limit_bytes = 1000}),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("yes")));
  std::stop_source stop;
  std::thread stopper([&stop] {
    absl::SleepFor(absl::Milliseconds(50));
    stop.request_stop();
  });
  EXPECT_THAT(RunProgram({.argv = {"sleep", "60"}, .stop = stop.get_token()}),
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("sleep")));
  stopper.join();
}

TEST(ProgramTest, ALeftBehindChildDoesNotHoldIt) {
  const absl::Time start = absl::Now();
  ASSERT_OK_AND_ASSIGN(const ProgramResult result,
                       RunProgram({.argv = {"sh", "-c", "sleep 20 & echo done"}}));
  EXPECT_EQ(result.out, "done\n");
  EXPECT_LT(absl::Now() - start, absl::Seconds(10));
}

TEST(ProgramTest, OutputArrivesInOrderWhileItRuns) {
  std::string all;
  ASSERT_OK_AND_ASSIGN(
      const ProgramResult result,
      RunProgram(
          {.argv = {"sh", "-c", "for i in 1 2 3; do echo o$i; echo e$i >&2; done"},
           .on_output = [&](absl::string_view bytes) { all.append(bytes.data(), bytes.size()); }}));
  EXPECT_EQ(all, "o1\ne1\no2\ne2\no3\ne3\n");
  EXPECT_EQ(result.out + result.err, "");
}

TEST(ProgramTest, AStoppedGroupMaySayGoodbye) {
  std::string all;
  std::stop_source stop;
  const absl::Time start = absl::Now();
  const auto result = RunProgram(
      {.argv = {"sh", "-c", "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done"},
       .stop = stop.get_token(),
       .on_output =
           [&](absl::string_view bytes) {
             all.append(bytes.data(), bytes.size());
             stop.request_stop();
           },
       .grace = absl::Seconds(20)});
  EXPECT_THAT(result, StatusIs(absl::StatusCode::kCancelled, HasSubstr("sh was stopped")));
  EXPECT_EQ(all, "up\nbye\n");
  EXPECT_LT(absl::Now() - start, absl::Seconds(15));
}

TEST(ProgramTest, WhoDoesNotListenToSigtermIsKilledWithItsChildren) {
  std::string all;
  const auto result = RunProgram(
      {.argv = {"sh", "-c", "trap '' TERM; (while :; do sleep 0.05; done) & echo $!; wait; wait"},
       .time_limit = absl::Milliseconds(500),
       .on_output = [&](absl::string_view bytes) { all.append(bytes.data(), bytes.size()); },
       .grace = absl::Milliseconds(300)});
  EXPECT_THAT(result, StatusIs(absl::StatusCode::kDeadlineExceeded));
  const pid_t child = std::stoi(all);
  for (int i = 0; i < 2000 && ::kill(child, 0) == 0; ++i) absl::SleepFor(absl::Milliseconds(1));
  EXPECT_NE(::kill(child, 0), 0);
}

TEST(ProgramTest, NothingIsLeftInTheGroupOfAProgramThatEnded) {
  std::string all;
  ASSERT_OK(RunProgram(
      {.argv = {"sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo $!"},
       .on_output = [&](absl::string_view bytes) { all.append(bytes.data(), bytes.size()); },
       .grace = absl::Seconds(1)}));
  const pid_t child = std::stoi(all);
  for (int i = 0; i < 2000 && ::kill(child, 0) == 0; ++i) absl::SleepFor(absl::Milliseconds(1));
  EXPECT_NE(::kill(child, 0), 0);
}

}  // namespace
}  // namespace stevedore::base
