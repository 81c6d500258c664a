#include "credentials/record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/secret.h"
#include "base/testing/status_matchers.h"

namespace stevedore::credentials {
namespace {

using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

Record FullRecord() {
  Record record;
  record.id = "reg.test:5000";
  record.username = "üser \"q\"";
  record.password = base::Secret("p: #%\\\n\"1.10\"\t✓");
  record.aws_access_key_id = "AK";
  record.aws_secret_access_key = base::Secret("0123");
  record.aws_region = "eu-west-1";
  record.aws_role_arn = "arn:aws:iam::1:role/r";
  record.aws_profile = "true";
  record.aws_shared_credentials_files = {"/a", "b, c"};
  record.aws_shared_config_files = {"~"};
  record.aws_use_default_credentials_chain = true;
  record.private_key_file = "/k";
  record.private_key_password = base::Secret("null");
  record.git_ssh_user = "git";
  record.use_ssh_agent = true;
  return record;
}

TEST(RecordTest, SurvivesBothFormats) {
  const Record want = FullRecord();
  for (const RecordFormat format : {RecordFormat::kJson, RecordFormat::kYaml}) {
    ASSERT_OK_AND_ASSIGN(const base::Secret text, FormatRecord(want, format));
    ASSERT_OK_AND_ASSIGN(const Record got, ParseRecord(text.Reveal()));
    EXPECT_EQ(got.id, want.id);
    EXPECT_EQ(got.username, want.username);
    EXPECT_EQ(got.password.Reveal(), want.password.Reveal());
    EXPECT_EQ(got.aws_access_key_id, want.aws_access_key_id);
    EXPECT_EQ(got.aws_secret_access_key.Reveal(), want.aws_secret_access_key.Reveal());
    EXPECT_EQ(got.aws_region, want.aws_region);
    EXPECT_EQ(got.aws_role_arn, want.aws_role_arn);
    EXPECT_EQ(got.aws_profile, want.aws_profile);
    EXPECT_EQ(got.aws_shared_credentials_files, want.aws_shared_credentials_files);
    EXPECT_EQ(got.aws_shared_config_files, want.aws_shared_config_files);
    EXPECT_TRUE(got.aws_use_default_credentials_chain);
    EXPECT_EQ(got.private_key_file, want.private_key_file);
    EXPECT_EQ(got.private_key_password.Reveal(), want.private_key_password.Reveal());
    EXPECT_EQ(got.git_ssh_user, want.git_ssh_user);
    EXPECT_TRUE(got.use_ssh_agent);
    EXPECT_THAT(got.warnings, ElementsAre());
  }
}

TEST(RecordTest, WritesEveryKeyAsGostevedoreDoes) {
  Record record;
  record.id = "r";
  ASSERT_OK_AND_ASSIGN(const base::Secret json, FormatRecord(record, RecordFormat::kJson));
  ASSERT_OK_AND_ASSIGN(const base::Secret yaml, FormatRecord(record, RecordFormat::kYaml));
  EXPECT_THAT(
      json.Reveal(),
      AllOf(HasSubstr("{\n  \"ID\": \"r\",\n"), HasSubstr("\"aws_shared_config_files\": [],"),
            HasSubstr("\"use_ssh_agent\": false"), HasSubstr("\"docker_login_username\": \"\"")));
  EXPECT_THAT(yaml.Reveal(), AllOf(HasSubstr("id: \"r\"\n"), HasSubstr("use_ssh_agent: false\n"),
                                   HasSubstr("aws_shared_config_files: []\n")));
}

TEST(RecordTest, ReadsWhatPeopleWriteByHand) {
  ASSERT_OK_AND_ASSIGN(const Record json, ParseRecord(R"({"username":"u","PASSWORD":"p"})"));
  EXPECT_EQ(json.username + " " + json.password.Reveal(), "u p");
  EXPECT_EQ(json.type(), RecordType::kUsernamePassword);
  ASSERT_OK_AND_ASSIGN(const Record yaml,
                       ParseRecord("id: git.example.com\nprivate_key_file: /keys/id_ed25519\n"
                                   "git_ssh_user: git\npassword: ~\nx-note: [1]\n"));
  EXPECT_EQ(yaml.id, "git.example.com");
  EXPECT_EQ(yaml.type(), RecordType::kPrivateKeyFile);
  // A password that looks like a number keeps its text.
  ASSERT_OK_AND_ASSIGN(const Record number, ParseRecord("username: u\npassword: 0010.50\n"));
  EXPECT_EQ(number.password.Reveal(), "0010.50");
}

TEST(RecordTest, DeprecatedKeysCountWithAWarning) {
  ASSERT_OK_AND_ASSIGN(const Record record,
                       ParseRecord("docker_login_username: u\ndocker_login_password: p\n"));
  EXPECT_EQ(record.username + " " + record.password.Reveal(), "u p");
  EXPECT_THAT(record.warnings, ElementsAre(AllOf(HasSubstr("line 1"), HasSubstr("`username`")),
                                           HasSubstr("`password`")));
  ASSERT_OK_AND_ASSIGN(const Record empty,
                       ParseRecord(R"({"docker_login_username": "", "username": "u"})"));
  EXPECT_THAT(empty.warnings, ElementsAre());
  EXPECT_EQ(empty.username, "u");
}

TEST(RecordTest, BrokenInputSaysWhereAndQuotesNoSecret) {
  struct Case {
    std::string text, want;
  };
  for (const Case& test : std::vector<Case>{
           {"", "empty"},
           {" \n", "empty"},
           {"{\"username\": \"u\",\n \"password\": sesame}", "line 2, column "},
           {"{\"password\": \"sesame\"", "not valid JSON"},
           {"{\"password\": {\"a\": {\"b\": {\"c\": {\"d\": \"sesame\"}}}}}", "flat JSON object"},
           {"{\"password\": \"sesame\", \"password\": \"x\"}", "twice"},
           {"{\"password\": 12345}", "`password` must be a text"},
           {"{\"use_ssh_agent\": \"sesame\"}", "`use_ssh_agent` must be true or false"},
           {"{\"pasword\": \"sesame\"}", "unknown key `pasword`; there are id,"},
           {"username: u\npassword: [sesame]\n", "line 2, column 1: `password` must be a text"},
           {"aws_shared_config_files: sesame\n", "must be a list of texts"},
           {"username: u\nUSERNAME: sesame\n", "line 2, column 1: key `USERNAME` stands twice"},
           {"password: {sesame\n", "not valid YAML"},
           {"sesame", "must be a map"},
           {std::string(70000, 'x'), "70000 bytes"}}) {
    EXPECT_THAT(ParseRecord(test.text),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr(test.want), Not(HasSubstr("sesame")))))
        << test.text;
  }
}

TEST(RecordTest, RefusesValuesThatAreNotUtf8) {
  Record record;
  record.id = "r";
  record.password = base::Secret("\xff");
  for (const RecordFormat format : {RecordFormat::kJson, RecordFormat::kYaml}) {
    EXPECT_THAT(FormatRecord(record, format),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("UTF-8")));
  }
}

TEST(RecordTest, CompletenessSaysWhatIsMissing) {
  Record record;
  record.id = "r";
  EXPECT_THAT(CheckComplete(record), StatusIs(absl::StatusCode::kInvalidArgument,
                                              AllOf(HasSubstr("`r`"), HasSubstr("nothing"))));
  record.aws_role_arn = "arn";
  EXPECT_THAT(CheckComplete(record).message(), HasSubstr("nothing"));
  record.username = "u";
  EXPECT_THAT(CheckComplete(record).message(), HasSubstr("no password"));
  record.password = base::Secret("p");
  EXPECT_OK(CheckComplete(record));
  record.username.clear();
  EXPECT_THAT(CheckComplete(record).message(), HasSubstr("no user name"));
  record.use_ssh_agent = true;
  EXPECT_OK(CheckComplete(record));
}

}  // namespace
}  // namespace stevedore::credentials
