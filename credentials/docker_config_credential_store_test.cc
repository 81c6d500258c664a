#include "credentials/docker_config_credential_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"

namespace stevedore::credentials {
namespace {

using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class DockerConfigTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto directory = base::TemporaryDirectory::Create();
    ASSERT_OK(directory);
    directory_.emplace(*std::move(directory));
    path_ = base::JoinPath(directory_->path(), "config.json");
  }

  void Write(const std::string& text) { ASSERT_OK(base::WriteFileAtomically(path_, text)); }

  // "user password", "none", or the error.
  std::string Found(const std::string& registry, const std::string& repository = "") {
    const auto found = DockerConfigCredentialStore(path_).Find(registry, repository);
    if (!found.ok()) return found.status().ToString();
    if (!found->has_value()) return "none";
    return (*found)->username + " " + (*found)->password.Reveal();
  }

  std::optional<base::TemporaryDirectory> directory_;
  std::string path_;
};

std::string Auth(const std::string& text) {
  return absl::StrCat(R"({"auth": ")", absl::Base64Escape(text), R"("})");
}

TEST_F(DockerConfigTest, AMissingFileHoldsNothing) { EXPECT_EQ(Found("reg"), "none"); }

TEST_F(DockerConfigTest, TheFirstColonSplits) {
  Write(absl::StrCat(R"({"auths": {"reg:5000": )", Auth("alice:pa:ss"), "}}"));
  EXPECT_EQ(Found("reg:5000", "a/b"), "alice pa:ss");
  EXPECT_EQ(Found("reg"), "none");
}

TEST_F(DockerConfigTest, TakesSeparateMembers) {
  Write(R"({"auths": {"reg": {"username": "bob", "password": "x"}}})");
  EXPECT_EQ(Found("reg"), "bob x");
}

TEST_F(DockerConfigTest, TheMostSpecificEntryWins) {
  Write(absl::StrCat(R"({"auths": {"reg": )", Auth("host:1"), R"(, "reg/shop": )", Auth("space:2"),
                     R"(, "reg/shop/web": )", Auth("exact:3"), "}}"));
  EXPECT_EQ(Found("reg", "shop/web"), "exact 3");
  EXPECT_EQ(Found("reg", "shop/job"), "space 2");
  EXPECT_EQ(Found("reg", "other"), "host 1");
}

TEST_F(DockerConfigTest, KnowsDockerHubByAllItsNames) {
  for (const std::string key :
       {"https://index.docker.io/v1/", "docker.io", "index.docker.io", "registry-1.docker.io"}) {
    Write(absl::StrCat(R"({"auths": {")", key, R"(": )", Auth("u:p"), "}}"));
    EXPECT_EQ(Found("docker.io", "library/debian"), "u p") << key;
  }
}

TEST_F(DockerConfigTest, BadContentNamesTheFileAndNoSecret) {
  struct Case {
    std::string text, want;
  };
  for (const Case& test : std::vector<Case>{
           {"not json", "not a JSON object"},
           {R"({"auths": 1})", "`auths` is not an object"},
           {R"({"auths": {"reg": 1}})", "`reg` of `auths` is not an object"},
           {R"({"auths": {"reg": {"auth": "sesame!"}}})", "not base64"},
           {absl::StrCat(R"({"auths": {"reg": )", Auth("sesame"), "}}"), "without a colon"}}) {
    Write(test.text);
    EXPECT_THAT(DockerConfigCredentialStore(path_).Find("reg", ""),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr(path_), HasSubstr(test.want), Not(HasSubstr("sesame")))));
  }
}

TEST_F(DockerConfigTest, SaysWhenAProgramKeepsThePassword) {
  Write(R"({"auths": {"reg": {}}, "credsStore": "desktop"})");
  EXPECT_THAT(DockerConfigCredentialStore(path_).Find("reg", ""),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("credential program")));
  EXPECT_EQ(Found("other"), "none");
}

TEST_F(DockerConfigTest, AnUnreadableFileIsAnErrorThatNamesIt) {
  path_ = directory_->path();  // A folder.
  EXPECT_THAT(DockerConfigCredentialStore(path_).Find("reg", "").status().ToString(),
              HasSubstr(path_));
}

TEST(DefaultPathTest, FollowsTheEnvironment) {
  setenv("DOCKER_CONFIG", "/cfg", 1);
  EXPECT_EQ(DockerConfigCredentialStore::DefaultPath(), "/cfg/config.json");
  unsetenv("DOCKER_CONFIG");
  setenv("HOME", "/home/u", 1);
  EXPECT_EQ(DockerConfigCredentialStore::DefaultPath(), "/home/u/.docker/config.json");
}

}  // namespace
}  // namespace stevedore::credentials
