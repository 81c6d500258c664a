#include "cli/interrupts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "base/mutex.h"
#include "cli/testing/string_console.h"

namespace stevedore::cli {
namespace {

TEST(InterruptsTest, FirstSignalAsksToStop) {
  testing::StringConsole console;
  Interrupts interrupts(&console);
  base::Mutex mu;
  base::CondVar changed;
  bool stopped = false;
  const std::stop_callback on_stop(interrupts.token(), [&] {
    base::MutexLock lock(&mu);
    stopped = true;
    changed.SignalAll();
  });
  ::raise(SIGINT);
  base::MutexLock lock(&mu);
  while (!stopped) ASSERT_TRUE(changed.WaitFor(&mu, absl::Seconds(30)));
  EXPECT_THAT(console.TakeErr(), ::testing::HasSubstr("Ctrl-C again"));
}

TEST(InterruptsDeathTest, SecondSignalEndsAtOnce) {
  EXPECT_EXIT(
      {
        testing::StringConsole console;
        Interrupts interrupts(&console);
        ::raise(SIGTERM);
        ::raise(SIGINT);
      },
      ::testing::ExitedWithCode(4), "ended at once");
}

TEST(InterruptsTest, CanBeMadeAgain) {
  testing::StringConsole console;
  { Interrupts interrupts(&console); }
  Interrupts interrupts(&console);
  EXPECT_FALSE(interrupts.token().stop_requested());
}

}  // namespace
}  // namespace stevedore::cli
