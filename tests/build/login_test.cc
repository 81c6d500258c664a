// Logins: ours, docker's and skopeo's are the same file; programs that keep passwords; ECR.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "tests/build/project.h"
#include "tests/harness/aws_server.h"
#include "tests/harness/docker_engine.h"
#include "tests/harness/process.h"
#include "tests/harness/registry.h"

namespace stevedore::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class LoginTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(project_, Project::Create());
    home_ = project_->Scratch("home");
    config_ = base::JoinPath(home_, ".docker/config.json");
    environment_ = {{"HOME", home_},
                    {"XDG_CACHE_HOME", project_->Scratch("cache")},
                    {"DOCKER_CONFIG", base::JoinPath(home_, ".docker")},
                    {"XDG_RUNTIME_DIR", project_->Scratch("run")},
                    {"PATH", absl::StrCat(project_->Scratch("bin"), ":/usr/bin:/bin")}};
  }
  void StartRegistry(RegistryOptions::Auth auth, const std::string& user = "alice",
                     const std::string& password = "wonderland") {
    ASSERT_OK_AND_ASSIGN(registry_,
                         Registry::Start({.auth = auth, .username = user, .password = password}));
    host_ = registry_->host();
  }
  ProcessResult Run(std::vector<std::string> argv, const std::string& input = "") {
    ProcessOptions options;
    options.argv = std::move(argv);
    options.working_directory = project_->Path("");
    options.environment = environment_;
    options.input = input;
    const auto result = Process::Run(std::move(options));
    EXPECT_OK(result);
    return result.ok() ? *result : ProcessResult{-1, "", ""};
  }
  ProcessResult Cli(std::vector<std::string> arguments, const std::string& input = "") {
    arguments.insert(arguments.begin(), ProgramPath("cli/stevedore-cli"));
    return Run(std::move(arguments), input);
  }
  ProcessResult Login(const std::string& password) {
    return Cli({"login", host_, "-u", "alice", "--password-stdin"}, password);
  }
  // Pushes the image `base` with whatever is logged in.
  ProcessResult Push() {
    project_->WriteGraph(host_);
    return Cli({"build", "base", "--push-after-build"});
  }
  std::string Config() { return base::ReadFile(config_).value_or("none"); }

  std::unique_ptr<Project> project_;
  std::string home_, config_, host_;
  std::map<std::string, std::string> environment_;
  std::unique_ptr<Registry> registry_;
};

TEST_F(LoginTest, InAndOutOfARegistryWithPasswords) {
  StartRegistry(RegistryOptions::Auth::kBasic);
  ProcessResult result = Login("wrong");
  EXPECT_NE(result.exit_code, 0);
  EXPECT_THAT(result.err, AllOf(HasSubstr(host_), HasSubstr("nothing was stored")));
  EXPECT_EQ(Config(), "none");
  result = Login("wonderland\n");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "Login Succeeded\n");
  EXPECT_THAT(result.err, AllOf(HasSubstr(config_), Not(HasSubstr("wonderland"))));
  EXPECT_EQ(Config(), absl::StrCat("{\n\t\"auths\": {\n\t\t\"", host_,
                                   "\": {\n\t\t\t\"auth\": \"YWxpY2U6d29uZGVybGFuZA==\"\n\t\t}\n"
                                   "\t}\n}"));
  result = Push();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  result = Cli({"login", host_});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(Cli({"logout", host_}).out,
            absl::StrCat("Removing login credentials for ", host_, "\n"));
  EXPECT_EQ(Cli({"logout", host_}).out, absl::StrCat("Not logged in to ", host_, "\n"));
  EXPECT_EQ(Config(), "{\n\t\"auths\": {}\n}");
}

TEST_F(LoginTest, ATokenServiceIsAskedToo) {
  StartRegistry(RegistryOptions::Auth::kToken);
  EXPECT_NE(Login("wrong").exit_code, 0);
  EXPECT_EQ(Config(), "none");
  const ProcessResult result = Login("wonderland");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(Push().exit_code, 0);
}

TEST_F(LoginTest, MistakesSayWhatToDo) {
  StartRegistry(RegistryOptions::Auth::kBasic);
  EXPECT_THAT(Cli({"login", host_, "--password-stdin"}, "x").err, HasSubstr("--username"));
  EXPECT_THAT(Cli({"login", host_}).err, HasSubstr("--username"));
  EXPECT_THAT(Cli({"login", "a b", "-u", "x", "--password-stdin"}, "x").err,
              HasSubstr("is no registry"));
  EXPECT_EQ(Cli({"login", host_, "-u", "a", "-p", "b", "--password-stdin"}, "x").exit_code, 2);
  EXPECT_THAT(Cli({"login", host_, "-u", "alice", "-p", "wonderland"}).err,
              HasSubstr("--password is seen"));
  ASSERT_OK(base::WriteFileAtomically(config_, "{\"auths\": "));
  const ProcessResult broken = Login("wonderland");
  EXPECT_NE(broken.exit_code, 0);
  EXPECT_THAT(broken.err, HasSubstr(config_ + ":1:"));
  EXPECT_EQ(Config(), "{\"auths\": ");
}

TEST_F(LoginTest, SkopeoAndWeReadEachOther) {
  StartRegistry(RegistryOptions::Auth::kBasic);
  ASSERT_EQ(Login("wonderland").exit_code, 0);
  ASSERT_EQ(Push().exit_code, 0);
  ProcessResult skopeo = Run({"skopeo", "login", "--get-login", "--authfile", config_, host_});
  EXPECT_EQ(skopeo.out, "alice\n") << skopeo.err;
  skopeo = Run({"skopeo", "inspect", "--tls-verify=false", "--authfile", config_,
                absl::StrCat("docker://", host_, "/test/base:1")});
  EXPECT_EQ(skopeo.exit_code, 0) << skopeo.err;
  ASSERT_EQ(Cli({"logout", host_}).exit_code, 0);
  EXPECT_NE(Push().exit_code, 0);
  skopeo = Run({"skopeo", "login", "--tls-verify=false", "--authfile", config_, "-u", "alice",
                "--password-stdin", host_},
               "wonderland");
  EXPECT_EQ(skopeo.exit_code, 0) << skopeo.err;
  const ProcessResult pushed = Push();
  EXPECT_EQ(pushed.exit_code, 0) << pushed.err;
}

TEST_F(LoginTest, DockerAndWeReadEachOther) {
  const absl::StatusOr<std::unique_ptr<DockerEngine>> engine = DockerEngine::Start();
  if (absl::IsFailedPrecondition(engine.status())) GTEST_SKIP() << engine.status().message();
  ASSERT_OK(engine);
  StartRegistry(RegistryOptions::Auth::kBasic);
  const std::string folder = environment_["DOCKER_CONFIG"];
  const auto docker = [&](std::vector<std::string> arguments, const std::string& input = "") {
    arguments.insert(arguments.begin(), {"--config", folder});
    const auto result = (*engine)->Docker(std::move(arguments), input);
    EXPECT_OK(result);
    return result.ok() ? *result : ProcessResult{-1, "", ""};
  };
  ProcessResult result = docker({"login", "-u", "alice", "--password-stdin", host_}, "wonderland");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  result = Push();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const std::string image = absl::StrCat(host_, "/test/base:1");
  ASSERT_EQ(Cli({"logout", host_}).exit_code, 0);
  EXPECT_NE(docker({"pull", image}).exit_code, 0);
  ASSERT_EQ(Login("wonderland").exit_code, 0);
  result = docker({"pull", image});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  result = docker({"logout", host_});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(Cli({"logout", host_}).out, absl::StrCat("Not logged in to ", host_, "\n"));
}

TEST_F(LoginTest, ACredentialHelperKeepsThePassword) {
  StartRegistry(RegistryOptions::Auth::kBasic);
  ASSERT_OK(base::MakeDirectories(project_->Scratch("bin")));
  ASSERT_OK(base::MakeDirectories(home_ + "/.docker"));
  ASSERT_OK(base::WriteFileAtomically(
      project_->Scratch("bin/docker-credential-box"),
      "#!/bin/sh\ncase $1 in\nstore) cat > $HOME/box ;;\nerase) rm $HOME/box ;;\n"
      "get) cat $HOME/box || { echo credentials not found in native keychain; exit 1; } ;;\n"
      "esac\n",
      0755));
  ASSERT_OK(base::WriteFileAtomically(config_, R"({"credsStore": "box"})"));
  ASSERT_EQ(Login("wonderland").exit_code, 0);
  EXPECT_EQ(Config(), absl::StrCat("{\n\t\"credsStore\": \"box\",\n\t\"auths\": {\n\t\t\"", host_,
                                   "\": {}\n\t}\n}"));
  EXPECT_EQ(Push().exit_code, 0);
  EXPECT_EQ(Cli({"logout", host_}).exit_code, 0);
  EXPECT_FALSE(base::Exists(home_ + "/box"));
  ASSERT_OK(base::WriteFileAtomically(project_->Scratch("bin/docker-credential-box"),
                                      "#!/bin/sh\necho the box is locked >&2\nexit 1\n", 0755));
  const ProcessResult locked = Push();
  EXPECT_NE(locked.exit_code, 0);
  EXPECT_THAT(locked.out + locked.err, AllOf(HasSubstr("the box is locked"), HasSubstr(config_),
                                             HasSubstr("docker-credential-box")));
}

TEST_F(LoginTest, ARecordOfAwsBecomesAPasswordOfEcr) {
  StartRegistry(RegistryOptions::Auth::kBasic, "AWS", "ecr-password");
  ASSERT_OK_AND_ASSIGN(const auto aws, AwsServer::Start());
  aws->set_password("ecr-password");
  aws->AddRole("arn:aws:iam::123456789012:role/push", {.by_key = "AKIDTEST"});
  environment_["AWS_ENDPOINT_URL"] = aws->url();
  ProcessResult result = Cli(
      {"create", "credentials", host_, "--aws-access-key-id", "AKIDTEST", "--aws-region",
       "eu-west-1", "--aws-role-arn", "arn:aws:iam::123456789012:role/push", "--password-stdin"},
      "very/secret+key");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  result = Push();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out + result.err,
              AllOf(Not(HasSubstr("ecr-password")), Not(HasSubstr("very/secret"))));
  EXPECT_EQ(aws->counts().ecr, 1);
  EXPECT_EQ(aws->last_identity(), "role arn:aws:iam::123456789012:role/push");
  aws->FailNext(1, 400, "UnrecognizedClientException");
  result = Push();
  EXPECT_NE(result.exit_code, 0);
  EXPECT_THAT(result.out + result.err, AllOf(HasSubstr("UnrecognizedClientException"),
                                             HasSubstr(aws->url()), HasSubstr(host_)));
}

}  // namespace
}  // namespace stevedore::testing
