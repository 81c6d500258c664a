#include "credentials/docker_config_credential_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <memory>
#include <optional>
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
           {"not json", ":1:2: this is not valid JSON"},
           {"[]", "not a JSON object"},
           {R"({"credsStore": 1})", "`credsStore` is not a text"},
           {R"({"credHelpers": []})", "`credHelpers` is not an object"},
           {R"({"credHelpers": {"reg": 1}})", "`reg` of `credHelpers` is not a text"},
           {R"({"credsStore": "../x"})", "no credential helper"},
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

// A folder in PATH with credential helpers made of shell.
class HelperTest : public DockerConfigTest {
 protected:
  void SetUp() override {
    DockerConfigTest::SetUp();
    setenv("PATH", absl::StrCat(directory_->path(), ":/usr/bin:/bin").c_str(), 1);
    setenv("CALLS", base::JoinPath(directory_->path(), "calls").c_str(), 1);
  }
  void Helper(const std::string& name, const std::string& body) {
    const std::string script = absl::StrCat("#!/bin/sh\nserver=$(cat)\necho ", name,
                                            " $1 $server >> $CALLS\n", body, "\n");
    ASSERT_OK(base::WriteFileAtomically(
        base::JoinPath(directory_->path(), "docker-credential-" + name), script, 0755));
  }
  std::string Calls() {
    return base::ReadFile(base::JoinPath(directory_->path(), "calls")).value_or("");
  }
};

constexpr char kNothing[] = "echo credentials not found in native keychain; exit 1";

TEST_F(HelperTest, TheMostSpecificHelperIsAsked) {
  Helper("host", R"(echo '{"ServerURL":"x","Username":"h","Secret":"1"}')");
  Helper("team", R"(echo '{"ServerURL":"x","Username":"t","Secret":"2"}')");
  Write(R"({"credHelpers": {"reg": "host", "reg/team": "team"}, "credsStore": "missing"})");
  EXPECT_EQ(Found("reg", "team/web"), "t 2");
  EXPECT_EQ(Found("reg", "other"), "h 1");
  EXPECT_EQ(Calls(), "team get reg/team\nhost get reg\n");
}

TEST_F(HelperTest, AHelperWithoutTheCredentialIsNoError) {
  Helper("empty", kNothing);
  Write(absl::StrCat(R"({"credsStore": "empty", "auths": {"file": )", Auth("u:p"), "}}"));
  EXPECT_EQ(Found("reg", "a/b"), "none");
  EXPECT_EQ(Found("file", "a/b"), "u p");
}

TEST_F(HelperTest, TheStoreIsAskedForDockerHubByItsOldName) {
  Helper("hub",
         R"([ "$server" = https://index.docker.io/v1/ ] && echo '{"Username":"u","Secret":"p"}')");
  Write(R"({"auths": {"https://index.docker.io/v1/": {}}, "credsStore": "hub"})");
  EXPECT_EQ(Found("docker.io", "library/debian"), "u p");
  EXPECT_EQ(Calls(), "hub get https://index.docker.io/v1/\n");
}

TEST_F(HelperTest, AFailureNamesFileHelperRegistryAndReason) {
  Helper("sick", "echo the key is locked >&2; exit 3");
  Write(R"({"credHelpers": {"reg": "sick", "gone": "none-such"}})");
  EXPECT_THAT(Found("reg"), AllOf(HasSubstr(path_), HasSubstr("docker-credential-sick"),
                                  HasSubstr("for reg"), HasSubstr("the key is locked")));
  EXPECT_THAT(Found("gone"),
              AllOf(HasSubstr(path_), HasSubstr("docker-credential-none-such is not in PATH")));
}

TEST_F(DockerConfigTest, TokensStandBesideTheName) {
  Write(absl::StrCat(R"({"auths": {"reg": {"auth": ")", absl::Base64Escape("0:"),
                     R"(", "identitytoken": "refresh"}, "reg2": {"registrytoken": "bearer"}}})"));
  ASSERT_OK_AND_ASSIGN(auto found, DockerConfigCredentialStore(path_).Find("reg", "a/b"));
  EXPECT_EQ(found->identity_token.Reveal(), "refresh");
  ASSERT_OK_AND_ASSIGN(found, DockerConfigCredentialStore(path_).Find("reg2", "a/b"));
  EXPECT_EQ(found->registry_token.Reveal(), "bearer");
}

TEST_F(DockerConfigTest, TheFirstFileThatKnowsDecides) {
  Write(absl::StrCat(R"({"auths": {"reg": )", Auth("one:1"), "}}"));
  const std::string second = path_ + "2";
  ASSERT_OK(
      base::WriteFileAtomically(second, absl::StrCat(R"({"auths": {"reg/team": )", Auth("two:2"),
                                                     R"(, "only": )", Auth("two:2"), "}}")));
  const DockerConfigCredentialStore store({path_, second}, std::make_shared<CredentialHelpers>());
  ASSERT_OK_AND_ASSIGN(auto found, store.Find("reg", "team/web"));
  EXPECT_EQ(found->username, "one");
  ASSERT_OK_AND_ASSIGN(found, store.Find("only", ""));
  EXPECT_EQ(found->username, "two");
}

TEST_F(DockerConfigTest, AnUnreadableFileIsAnErrorThatNamesIt) {
  path_ = directory_->path();  // A folder.
  EXPECT_THAT(DockerConfigCredentialStore(path_).Find("reg", "").status().ToString(),
              HasSubstr(path_));
}

TEST(DefaultPathsTest, FollowTheEnvironment) {
  using Paths = std::vector<std::string>;
  EXPECT_EQ(DockerConfigCredentialStore::DefaultPaths({}), Paths{});
  EXPECT_EQ(DockerConfigCredentialStore::DefaultPaths({{"HOME", "/h"}}),
            (Paths{"/h/.docker/config.json", "/h/.config/containers/auth.json"}));
  EXPECT_EQ(DockerConfigCredentialStore::DefaultPaths({{"HOME", "/h"},
                                                       {"DOCKER_CONFIG", "/cfg"},
                                                       {"XDG_RUNTIME_DIR", "/run/u"},
                                                       {"REGISTRY_AUTH_FILE", "/a.json"}}),
            (Paths{"/a.json", "/cfg/config.json", "/run/u/containers/auth.json",
                   "/h/.config/containers/auth.json"}));
  EXPECT_EQ(DockerConfigCredentialStore::DefaultPath({{"HOME", "/h"}}), "/h/.docker/config.json");
  EXPECT_EQ(DockerConfigCredentialStore::DefaultPath({{"XDG_RUNTIME_DIR", "/run/u"}}), "");
}

}  // namespace
}  // namespace stevedore::credentials
