#include "cli/command_log.h"

#include "base/file.h"
#include "base/testing/status_matchers.h"

namespace stevedore::cli {
namespace {

using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

TEST(CommandLogTest, AppendsWhatRanAndWhatFailed) {
  ASSERT_OK_AND_ASSIGN(const base::TemporaryDirectory directory,
                       base::TemporaryDirectory::Create());
  const std::string path = directory.path() + "/log";
  CommandLog first("get images");
  first.Error("before it is open");
  ASSERT_OK(first.Open(path));
  ASSERT_OK(first.Open(path));
  CommandLog second("build");
  ASSERT_OK(second.Open(path));
  second.Error("one\ntwo");
  ASSERT_OK_AND_ASSIGN(const std::string text, base::ReadFile(path));
  constexpr char kTime[] = "....-..-.. ..:..:..";
  EXPECT_THAT(text, MatchesRegex(std::string(kTime) + "\tINFO\tget images\n" + kTime +
                                 "\tINFO\tbuild\n" + kTime + "\tERROR\tbuild: one \\| two\n"));
  EXPECT_THAT(CommandLog("x").Open(directory.path() + "/none/log"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("log_path:"), HasSubstr("/none/log"))));
}

}  // namespace
}  // namespace stevedore::cli
