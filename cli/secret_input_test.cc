#include "cli/secret_input.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <thread>

#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "cli/testing/string_console.h"

namespace stevedore::cli {
namespace {

using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// A pipe whose reader sees `text` and the end.
base::FileDescriptor PipeWith(const std::string& text) {
  int ends[2] = {-1, -1};
  EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
  EXPECT_OK(base::WriteFully(ends[1], text, "pipe"));
  close(ends[1]);
  return base::FileDescriptor(ends[0]);
}

absl::StatusOr<std::string> FromPipe(const std::string& text, bool flag = true) {
  testing::StringConsole console;
  const base::FileDescriptor input = PipeWith(text);
  const auto secret =
      ReadSecret(console, "password", SecretSource{.standard_input = flag}, input.get());
  if (!secret.ok()) return secret.status();
  return secret->Reveal();
}

// What ReadSecret makes of keys typed at a terminal, and what the terminal showed of them.
struct Typed {
  absl::StatusOr<std::string> secret;
  std::string shown;
};

Typed Type(const std::string& keys) {
  const base::FileDescriptor master(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  EXPECT_EQ(grantpt(master.get()), 0);
  EXPECT_EQ(unlockpt(master.get()), 0);
  char name[100];
  EXPECT_EQ(ptsname_r(master.get(), name, sizeof(name)), 0);
  const base::FileDescriptor terminal(open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
  testing::StringConsole console;
  std::thread typist([&] {
    // Keys before the prompt would be dropped, as they would have been shown.
    while (console.TakeErr().empty()) std::this_thread::yield();
    EXPECT_OK(base::WriteFully(master.get(), keys, "terminal"));
  });
  const auto secret = ReadSecret(console, "password", SecretSource{}, terminal.get());
  typist.join();
  termios after;
  EXPECT_EQ(tcgetattr(terminal.get(), &after), 0);
  EXPECT_NE(after.c_lflag & ECHO, 0u);
  fcntl(master.get(), F_SETFL, O_NONBLOCK);
  char buffer[256];
  const ssize_t count = read(master.get(), buffer, sizeof(buffer));
  const std::string shown(buffer, count > 0 ? count : 0);
  if (!secret.ok()) return {secret.status(), shown};
  return {secret->Reveal(), shown};
}

TEST(ReadSecretTest, StandardInputWithoutItsLineFeed) {
  EXPECT_EQ(*FromPipe("se same\n"), "se same");
  EXPECT_EQ(*FromPipe("sesame\r\n"), "sesame");
  EXPECT_EQ(*FromPipe("a\nb\n\n"), "a\nb\n");
  EXPECT_THAT(FromPipe("\n"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("empty")));
  EXPECT_EQ(FromPipe(std::string(6000, 'x'))->size(), 6000u);
}

TEST(ReadSecretTest, WithoutATerminalItSaysWhichFlagsHelp) {
  EXPECT_THAT(FromPipe("sesame\n", /*flag=*/false),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("--password-stdin"), HasSubstr("--from-env"))));
}

TEST(ReadSecretTest, TheEnvironment) {
  testing::StringConsole console;
  setenv("SECRET_INPUT_TEST", "sesame", 1);
  ASSERT_OK_AND_ASSIGN(
      const base::Secret secret,
      ReadSecret(console, "password", SecretSource{.environment_variable = "SECRET_INPUT_TEST"}));
  EXPECT_EQ(secret.Reveal(), "sesame");
  EXPECT_THAT(
      ReadSecret(console, "password", SecretSource{.environment_variable = "SECRET_INPUT_NONE"}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("SECRET_INPUT_NONE")));
}

TEST(ReadSecretTest, TheTerminalShowsNothing) {
  const Typed typed = Type("wrong\x15sesamü\177x\177e\r");
  ASSERT_OK(typed.secret);
  EXPECT_EQ(*typed.secret, "sesame");
  EXPECT_THAT(typed.shown, Not(HasSubstr("s")));
  EXPECT_THAT(Type("ses\x03").secret, StatusIs(absl::StatusCode::kCancelled));
}

TEST(ReadLineTest, WithoutATerminalItSaysWhatIsMissing) {
  testing::StringConsole console;
  ASSERT_OK_AND_ASSIGN(const base::FileDescriptor input, base::OpenFile("/dev/null", O_RDONLY));
  EXPECT_THAT(ReadLine(console, "user name", input.get()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("user name")));
}

}  // namespace
}  // namespace stevedore::cli
