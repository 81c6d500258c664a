#include "credentials/aws_profiles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/testing/status_matchers.h"

namespace stevedore::credentials {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Kind = AwsProfiles::Kind;

TEST(AwsProfilesTest, BothFilesMakeOneProfileAndCredentialsWin) {
  AwsProfiles profiles;
  ASSERT_OK(
      profiles.Add("# comment\n[default]\nregion=eu-west-1 # here\r\n"
                   "AWS_ACCESS_KEY_ID = old\n\n[profile \"my team\"]\nregion = us-west-2\n"
                   "s3 =\n  max_concurrent_requests = 20\n  broken\n"
                   "[sso-session x]\nsso_region = us-east-1\n[profile ci]\n"
                   "credential_process = /bin/x \"a b\" #c\n",
                   "config", Kind::kConfig));
  ASSERT_OK(profiles.Add("[default]\naws_access_key_id = new\naws_secret_access_key = a=b#c;d\n",
                         "credentials", Kind::kCredentials));
  EXPECT_THAT(profiles.Names(), ElementsAre("ci", "default", "my team"));
  const AwsProfile* found = profiles.Find("default");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->Get("region"), "eu-west-1");
  EXPECT_EQ(found->Get("aws_access_key_id"), "new");
  EXPECT_EQ(found->Get("aws_secret_access_key"), "a=b#c;d");
  EXPECT_EQ(found->Get("none"), "");
  EXPECT_EQ(found->file, "config");
  EXPECT_EQ(profiles.Find("my team")->Get("s3"), "");
  EXPECT_EQ(profiles.Find("ci")->Get("credential_process"), "/bin/x \"a b\"");
  EXPECT_EQ(profiles.Find("x"), nullptr);
}

TEST(AwsProfilesTest, MistakesNameFileAndLineAndNoValue) {
  struct Case {
    const char *text, *want;
  };
  for (const Case& test : {Case{"[default\nx = sesame", "f:1: a section must end"},
                           Case{"\n[default]\nsesame\n", "f:3: this is neither"},
                           Case{"[default]\n= sesame\n", "f:2: this is neither"},
                           Case{"key = sesame\n", "f:1: a setting must stand below"},
                           Case{"[]\n", "f:1: the section has no name"}}) {
    AwsProfiles profiles;
    EXPECT_THAT(profiles.Add(test.text, "f", Kind::kCredentials),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr(test.want), Not(HasSubstr("sesame")))));
  }
}

TEST(AwsProfilesTest, OnlyNamedFilesMustBeThere) {
  ASSERT_OK_AND_ASSIGN(const auto directory, base::TemporaryDirectory::Create());
  const std::string path = base::JoinPath(directory.path(), "none");
  AwsProfiles profiles;
  EXPECT_OK(profiles.AddFile(path, Kind::kConfig, false));
  EXPECT_THAT(profiles.AddFile(path, Kind::kConfig, true),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr(path)));
}

TEST(SplitCommandLineTest, KeepsWhatIsQuoted) {
  EXPECT_THAT(SplitCommandLine(R"( /bin/x "a b" 'c\d' e\ f "" g"h"i )"),
              IsOkAndHolds(ElementsAre("/bin/x", "a b", "c\\d", "e f", "", "ghi")));
  EXPECT_THAT(SplitCommandLine("x 'a"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(SplitCommandLine("  "), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace stevedore::credentials
