// Stored credentials as people and scripts handle them: made, listed, used, changed, deleted.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"
#include "tests/build/project.h"
#include "tests/harness/process.h"
#include "tests/harness/registry.h"

namespace stevedore::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class CredentialsTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_OK_AND_ASSIGN(project_, Project::Create()); }

  // Runs the program with something on its standard input.
  ProcessResult Cli(std::vector<std::string> arguments, const std::string& input = "") {
    arguments.insert(arguments.begin(), ProgramPath("cli/stevedore-cli"));
    ProcessOptions options;
    options.argv = std::move(arguments);
    options.working_directory = project_->Path("");
    options.environment = environment_;
    options.environment["HOME"] = project_->Scratch("home");
    options.environment["XDG_CACHE_HOME"] = project_->Scratch("cache");
    options.environment["DOCKER_CONFIG"] = project_->Scratch("home/.docker");
    options.input = input;
    const auto result = Process::Run(std::move(options));
    EXPECT_OK(result);
    return result.ok() ? *result : ProcessResult{-1, "", ""};
  }

  std::unique_ptr<Project> project_;
  std::map<std::string, std::string> environment_;
};

TEST_F(CredentialsTest, LifeOfALocalCredential) {
  environment_["STEVEDORE_CREDENTIALS_ENCRYPTION_KEY"] = "key one";
  ProcessResult result =
      Cli({"create", "credentials", "reg:5000", "--username", "alice", "--password-stdin"},
          "wonderland\n");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, AllOf(HasSubstr("reg:5000"), Not(HasSubstr("wonderland"))));
  result = Cli({"create", "auth", "reg:5000", "--username", "bob", "--password-stdin"}, "x");
  EXPECT_EQ(result.exit_code, 2) << result.err;
  EXPECT_THAT(result.err, HasSubstr("--force"));

  EXPECT_EQ(Cli({"get", "credentials"}).out,
            "ID        TYPE               CREDENTIALS\n"
            "reg:5000  username-password  username=alice\n");
  EXPECT_THAT(Cli({"list", "creds", "--show-secrets", "--output", "json"}).out,
              HasSubstr("\"password\":\"wonderland\""));

  environment_["NEW_PASSWORD"] = "looking glass";
  result = Cli({"rotate", "credentials", "reg:5000", "--from-env", "NEW_PASSWORD"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  environment_["OLD_KEY"] = "key one";
  environment_["STEVEDORE_CREDENTIALS_ENCRYPTION_KEY"] = "key two";
  result = Cli({"get", "credentials"});
  EXPECT_EQ(result.exit_code, 3) << result.err;
  result = Cli({"migrate", "credentials", "--old-key-from-env", "OLD_KEY"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("1 rewritten"));
  EXPECT_THAT(Cli({"get", "credentials", "--show-secrets"}).out,
              HasSubstr("username=alice, password=looking glass"));

  EXPECT_EQ(Cli({"delete", "credentials", "reg:5000"}).exit_code, 0);
  EXPECT_EQ(Cli({"delete", "credentials", "reg:5000"}).exit_code, 1);
}

TEST_F(CredentialsTest, EnvironmentStorePrintsWhatToExport) {
  environment_["STEVEDORE_CREDENTIALS_ENCRYPTION_KEY"] = "unit-test-key";
  environment_["STEVEDORE_CREDENTIALS_STORAGE_TYPE"] = "envvars";
  const ProcessResult result = Cli(
      {"create", "credentials", "docker.io", "--username", "alice", "--password-stdin"}, "sesame");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const std::string name = "STEVEDORE_ENVVARS_CREDENTIALS_0B505DB73D92BAC18356FA3FEB3CF7E3";
  ASSERT_THAT(result.out, ::testing::StartsWith(absl::StrCat("export ", name, "=")));
  const size_t value = result.out.find('=') + 1;
  environment_[name] = result.out.substr(value, result.out.size() - value - 1);
  EXPECT_THAT(Cli({"get", "credentials"}).out, HasSubstr("docker.io  username-password"));
}

TEST_F(CredentialsTest, AnyFolderCanBeTheStore) {
  const std::string store = project_->Scratch("elsewhere");
  const std::vector<std::string> at = {"--local-storage-path", store};
  const auto run = [&](std::vector<std::string> arguments, const std::string& input = "") {
    arguments.insert(arguments.end(), at.begin(), at.end());
    return Cli(arguments, input);
  };
  ASSERT_EQ(run({"create", "credentials", "b:5000", "--username", "bob", "--password-stdin"},
                std::string(300, 'l'))
                .exit_code,
            0);
  ASSERT_EQ(run({"create", "credentials", "a:5000", "--username", "al", "--password-stdin"}, "s")
                .exit_code,
            0);
  // A shorter record in place of a longer one leaves nothing of it.
  ASSERT_EQ(
      run({"create", "credentials", "b:5000", "--username", "bob", "--password-stdin", "--force"},
          "short")
          .exit_code,
      0);
  EXPECT_EQ(run({"get", "credentials"}).out,
            "ID      TYPE               CREDENTIALS\n"
            "a:5000  username-password  username=al\n"
            "b:5000  username-password  username=bob\n");
  EXPECT_EQ(run({"rotate", "credentials", "a:5000", "--password-stdin"}, "t").exit_code, 0);
  EXPECT_THAT(run({"get", "credentials", "--show-secrets", "--output", "yaml"}).out,
              AllOf(HasSubstr("password: \"t\""), HasSubstr("password: \"short\"")));
  environment_["STEVEDORE_CREDENTIALS_ENCRYPTION_KEY"] = "new key";
  EXPECT_THAT(run({"migrate", "credentials"}).err, HasSubstr("2 rewritten"));
  EXPECT_EQ(run({"delete", "credentials", "a:5000"}).exit_code, 0);
  EXPECT_THAT(run({"get", "credentials"}).out, Not(HasSubstr("a:5000")));
  environment_["STEVEDORE_CREDENTIALS_STORAGE_TYPE"] = "envvars";
  const ProcessResult wrong = run({"get", "credentials"});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_THAT(wrong.err, AllOf(HasSubstr("--local-storage-path"), HasSubstr("`envvars`")));
}

TEST_F(CredentialsTest, EveryKindOfCredentialIsListed) {
  const std::vector<std::vector<std::string>> kinds = {
      {"a", "--aws-access-key-id", "AKIA1", "--aws-region", "eu-1", "--password-stdin"},
      {"b", "--aws-role-arn", "arn:aws:iam::1:role/r", "--aws-use-default-credentials-chain"},
      {"c", "--aws-use-default-credentials-chain", "--aws-profile", "p",
       "--aws-shared-config-files", "x,y"},
      {"d", "--private-key-file", "/keys/k", "--git-ssh-user", "git", "--ask-private-key-password",
       "--password-stdin"},
      {"e", "--allow-use-ssh-agent"},
  };
  for (const std::vector<std::string>& kind : kinds) {
    std::vector<std::string> arguments = {"create", "badge"};
    arguments.insert(arguments.end(), kind.begin(), kind.end());
    const ProcessResult result = Cli(arguments, "hidden");
    ASSERT_EQ(result.exit_code, 0) << kind[0] << result.err;
  }
  const ProcessResult table = Cli({"list", "credential"});
  EXPECT_THAT(
      table.out,
      AllOf(HasSubstr("a   AWS static credentials"), HasSubstr("b   AWS role arn"),
            HasSubstr("c   AWS default Credentials chain"), HasSubstr("d   Private key file"),
            HasSubstr("e   SSH agent"), Not(HasSubstr("hidden"))));
  for (const char* format : {"table", "json", "yaml"}) {
    EXPECT_THAT(Cli({"get", "creds", "--output", format}).out, Not(HasSubstr("hidden")));
    EXPECT_THAT(Cli({"get", "creds", "--output", format, "--show-secrets"}).out,
                HasSubstr("hidden"));
  }
}

TEST_F(CredentialsTest, MistakesSayWhatToDo) {
  EXPECT_EQ(Cli({"create", "credentials", "--username", "a", "--password-stdin"}, "x").exit_code,
            2);
  EXPECT_THAT(Cli({"create", "credentials", "r", "--password-stdin"}, "x").err,
              HasSubstr("--username"));
  EXPECT_THAT(Cli({"create", "credentials", "r", "--username", "a"}).err,
              AllOf(HasSubstr("no terminal"), HasSubstr("--password-stdin")));
  EXPECT_THAT(Cli({"create", "credentials", "r"}).err, HasSubstr("proves nothing"));
  const ProcessResult missing = Cli({"get", "credentials"});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.err, HasSubstr("credentials"));
}

TEST_F(CredentialsTest, ABuildPushesWithTheStoreAndNeverAnonymously) {
  RegistryOptions options;
  options.auth = RegistryOptions::Auth::kBasic;
  ASSERT_OK_AND_ASSIGN(const auto registry, Registry::Start(options));
  project_->WriteGraph(registry->host());
  const std::vector<std::string> build = {"build", "base", "--push-after-build"};
  ProcessResult result = Cli({"create", "credentials", registry->host(), "--username",
                              options.username, "--password-stdin"},
                             options.password);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  result = Cli(build);
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_THAT(result.out + result.err, Not(HasSubstr(options.password)));

  environment_["STEVEDORE_CREDENTIALS_ENCRYPTION_KEY"] = "a key the store was not made with";
  result = Cli(build);
  EXPECT_NE(result.exit_code, 0);
  EXPECT_THAT(result.out + result.err,
              AllOf(HasSubstr("local credential store"), HasSubstr(registry->host())));
}

}  // namespace
}  // namespace stevedore::testing
