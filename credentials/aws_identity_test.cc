#include "credentials/aws_identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "tests/harness/aws_server.h"

namespace stevedore::credentials {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using stevedore::testing::AwsServer;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kRole[] = "arn:aws:iam::1:role/push";

class AwsIdentityTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto directory = base::TemporaryDirectory::Create();
    ASSERT_OK(directory);
    directory_.emplace(*std::move(directory));
    auto aws = AwsServer::Start();
    ASSERT_OK(aws);
    aws_ = *std::move(aws);
    aws_->AddRole(kRole, {.by_key = "AKIDTEST"});
    variables_ = {{"HOME", directory_->path()},
                  {"AWS_ENDPOINT_URL", aws_->url()},
                  {"AWS_EC2_METADATA_SERVICE_ENDPOINT", aws_->url()}};
    record_.id = "reg";
  }
  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = base::JoinPath(directory_->path(), name);
    EXPECT_OK(base::MakeDirectories(path.substr(0, path.rfind('/'))));
    EXPECT_OK(base::WriteFileAtomically(path, text, 0755));
    return path;
  }
  // "access key id (origin)" or the error.
  std::string Found() {
    AwsService service({.http = &http_, .environment = variables_, .wait = [](absl::Duration) {}});
    AwsIdentity identity(&service, &record_);
    const absl::StatusOr<AwsKeys> keys = identity.Keys("eu-west-1");
    if (!keys.ok()) return keys.status().ToString();
    return absl::StrCat(keys->access_key_id, " (", keys->origin, ")");
  }
  absl::StatusOr<std::string> Region(const std::string& host_region = "") {
    AwsService service({.http = &http_, .environment = variables_});
    return AwsIdentity(&service, &record_).Region(host_region);
  }

  std::optional<base::TemporaryDirectory> directory_;
  std::unique_ptr<AwsServer> aws_;
  std::map<std::string, std::string> variables_;
  http::Client http_;
  Record record_;
};

constexpr char kTestKeys[] =
    "aws_access_key_id = AKIDTEST\naws_secret_access_key = very/secret+key\n";

TEST_F(AwsIdentityTest, KeysOfTheRecordComeFirst) {
  record_.aws_access_key_id = "AKIDTEST";
  record_.aws_secret_access_key = base::Secret("very/secret+key");
  variables_["AWS_ACCESS_KEY_ID"] = "OTHER";
  EXPECT_EQ(Found(), "AKIDTEST (keys of the record)");
  record_.aws_role_arn = kRole;
  EXPECT_THAT(Found(), AllOf(StartsWith("ASIATEST"), HasSubstr(kRole)));
  record_.aws_secret_access_key = base::Secret();
  EXPECT_THAT(Found(), HasSubstr("no `aws_secret_access_key`"));
}

TEST_F(AwsIdentityTest, ARoleThatIsDeniedNamesKeyAndAction) {
  record_.aws_access_key_id = "AKIDTEST";
  record_.aws_secret_access_key = base::Secret("very/secret+key");
  record_.aws_role_arn = "arn:aws:iam::1:role/other";
  EXPECT_THAT(Found(), AllOf(HasSubstr("PERMISSION_DENIED"), HasSubstr("role/other"),
                             HasSubstr("AccessDenied"), HasSubstr("sts:AssumeRole"),
                             HasSubstr("AKIDTEST"), Not(HasSubstr("very/secret"))));
}

TEST_F(AwsIdentityTest, TheChainInItsOrder) {
  record_.aws_use_default_credentials_chain = true;
  EXPECT_THAT(Found(), AllOf(HasSubstr("no AWS keys were found"), HasSubstr("AWS_ACCESS_KEY_ID"),
                             HasSubstr("profile `default`"), HasSubstr("instance metadata"),
                             HasSubstr("HTTP 404")));
  aws_->set_instance_role("builder");
  EXPECT_THAT(Found(), HasSubstr("instance's role `builder`"));
  aws_->set_container_token("let me in");
  variables_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = aws_->url() + "/container";
  EXPECT_THAT(Found(), AllOf(HasSubstr("401"), HasSubstr("container")));
  variables_["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = Write("token", "let me in\n");
  EXPECT_THAT(Found(), HasSubstr("container's role"));
  const std::string file = Write(".aws/credentials", absl::StrCat("[default]\n", kTestKeys));
  EXPECT_EQ(Found(), absl::StrCat("AKIDTEST (profile `default` of ", file, ")"));
  aws_->AddRole("arn:web", {.web_token = "jwt"});
  variables_["AWS_WEB_IDENTITY_TOKEN_FILE"] = Write("jwt", "jwt\n");
  EXPECT_THAT(Found(), HasSubstr("AWS_ROLE_ARN"));
  variables_["AWS_ROLE_ARN"] = "arn:web";
  EXPECT_THAT(Found(), AllOf(StartsWith("ASIATEST"), HasSubstr("role arn:web")));
  Write("jwt", "stolen");
  EXPECT_THAT(Found(), AllOf(HasSubstr("InvalidIdentityToken"), Not(HasSubstr("stolen"))));
  variables_["AWS_ACCESS_KEY_ID"] = "AKIDENV";
  EXPECT_THAT(Found(), HasSubstr("set both"));
  variables_["AWS_SECRET_ACCESS_KEY"] = "secret";
  EXPECT_EQ(Found(), "AKIDENV (variable AWS_ACCESS_KEY_ID)");
  // Who names a profile in the record means it.
  record_.aws_profile = "default";
  EXPECT_THAT(Found(), HasSubstr("profile `default`"));
}

TEST_F(AwsIdentityTest, InstanceMetadataCanBeSwitchedOff) {
  record_.aws_use_default_credentials_chain = true;
  aws_->set_instance_role("builder");
  variables_["AWS_EC2_METADATA_DISABLED"] = "true";
  EXPECT_THAT(Found(), HasSubstr("switched off"));
  EXPECT_EQ(aws_->counts().instance, 0);
}

TEST_F(AwsIdentityTest, ContainerKeysComeFromKnownPlacesOnly) {
  record_.aws_use_default_credentials_chain = true;
  variables_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://evil.example/keys";
  EXPECT_THAT(Found(), AllOf(HasSubstr("evil.example"), HasSubstr("loopback")));
}

TEST_F(AwsIdentityTest, ProfilesLeadToRoles) {
  const std::string config = Write(
      "config", absl::StrCat("[profile base]\n", kTestKeys, "[profile push]\nrole_arn = ", kRole,
                             "\nsource_profile = middle\n[profile middle]\n"
                             "role_arn = arn:middle\nsource_profile = base\n"
                             "external_id = x1\n[profile self]\nrole_arn = ",
                             kRole, "\nsource_profile = self\n", kTestKeys,
                             "[profile env]\nrole_arn = ", kRole,
                             "\ncredential_source = Environment\n"
                             "[profile circle]\nrole_arn = a\nsource_profile = circle2\n"
                             "[profile circle2]\nrole_arn = a\nsource_profile = circle\n"
                             "[profile mfa]\nrole_arn = a\nmfa_serial = 1\n"
                             "[profile lost]\nrole_arn = a\n"
                             "[profile sso]\nsso_session = s\n"
                             "[profile empty]\nregion = eu-west-1\n"
                             "[profile half]\naws_access_key_id = AKID\n"));
  aws_->AddRole("arn:middle", {.by_key = "AKIDTEST", .external_id = "x1"});
  aws_->AddRole(kRole, {});
  record_.aws_shared_config_files = {config};
  record_.aws_shared_credentials_files = {Write("credentials", "")};
  variables_["AWS_ACCESS_KEY_ID"] = "AKIDTEST";
  variables_["AWS_SECRET_ACCESS_KEY"] = "very/secret+key";
  struct Case {
    const char *profile, *want;
  };
  for (const Case& test :
       {Case{"base", "AKIDTEST (profile `base`"}, Case{"push", "by profile `push`"},
        Case{"self", "by profile `self`"}, Case{"env", "by profile `env`"},
        Case{"circle", "break the circle"}, Case{"mfa", "MFA"}, Case{"lost", "source_profile"},
        Case{"sso", "export-credentials --profile sso"}, Case{"empty", "holds no keys"},
        Case{"half", "belong together"}, Case{"none", "there are base, circle"}}) {
    record_.aws_profile = test.profile;
    EXPECT_THAT(Found(), HasSubstr(test.want)) << test.profile;
  }
  EXPECT_EQ(aws_->counts().sts, 4);
  record_.aws_shared_config_files = {"/none/such"};
  EXPECT_THAT(Found(), HasSubstr("/none/such"));
}

TEST_F(AwsIdentityTest, AProgramMayHoldTheKeys) {
  const std::string program = Write("keys.sh",
                                    "#!/bin/sh\n[ \"$1\" = 'a b' ] || { echo no >&2; exit 3; }\n"
                                    "echo '{\"Version\":1,\"AccessKeyId\":\"AKIDPROG\","
                                    "\"SecretAccessKey\":\"s\"}'\n");
  Write(".aws/config", absl::StrCat("[profile good]\ncredential_process = ", program,
                                    " \"a b\"\n[profile bad]\ncredential_process = ", program,
                                    " x\n[profile broken]\ncredential_process = 'x\n"));
  record_.aws_profile = "good";
  EXPECT_THAT(Found(), StartsWith("AKIDPROG (`credential_process` of profile `good`"));
  record_.aws_profile = "bad";
  EXPECT_THAT(Found(), AllOf(HasSubstr("exit code 3"), HasSubstr("`no`"), HasSubstr("`bad`")));
  record_.aws_profile = "broken";
  EXPECT_THAT(Found(), HasSubstr("a quote does not end"));
}

TEST_F(AwsIdentityTest, TheMostParticularRegionWins) {
  EXPECT_THAT(Region(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("AWS_REGION")));
  Write(".aws/config", "[default]\nregion = eu-west-1\n[profile p]\nregion = eu-west-2\n");
  EXPECT_THAT(Region(), IsOkAndHolds("eu-west-1"));
  record_.aws_profile = "p";
  EXPECT_THAT(Region(), IsOkAndHolds("eu-west-2"));
  variables_["AWS_DEFAULT_REGION"] = "us-east-1";
  EXPECT_THAT(Region(), IsOkAndHolds("us-east-1"));
  variables_["AWS_REGION"] = "us-east-2";
  EXPECT_THAT(Region(), IsOkAndHolds("us-east-2"));
  EXPECT_THAT(Region("us-west-1"), IsOkAndHolds("us-west-1"));
  record_.aws_region = "us-west-2";
  EXPECT_THAT(Region("us-west-1"), IsOkAndHolds("us-west-2"));
  record_.aws_region = "evil.example/";
  EXPECT_THAT(Region(), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace stevedore::credentials
