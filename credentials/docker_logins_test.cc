#include "credentials/docker_logins.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "credentials/docker_config_credential_store.h"

namespace stevedore::credentials {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;

class DockerLoginsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto directory = base::TemporaryDirectory::Create();
    ASSERT_OK(directory);
    directory_.emplace(*std::move(directory));
    path_ = At("home/.docker/config.json");
    setenv("PATH", absl::StrCat(directory_->path(), ":/usr/bin:/bin").c_str(), 1);
    setenv("DIR", directory_->path().c_str(), 1);
  }
  std::string At(const std::string& name) { return base::JoinPath(directory_->path(), name); }
  std::string Text() { return base::ReadFile(path_).value_or("none"); }
  void Write(const std::string& text) {
    ASSERT_OK(base::MakeDirectories(At("home/.docker")));
    ASSERT_OK(base::WriteFileAtomically(path_, text));
  }
  DockerLogins Logins() { return DockerLogins(path_, std::make_shared<CredentialHelpers>()); }
  absl::Status Store(const std::string& key, const std::string& user) {
    return Logins().Store(key, Credential{user, base::Secret("pw"), ""}).status();
  }
  std::string User(const std::string& key) {
    const auto found = DockerConfigCredentialStore(path_).Find(key, "");
    if (!found.ok()) return found.status().ToString();
    return found->has_value() ? (*found)->username : "none";
  }

  std::optional<base::TemporaryDirectory> directory_;
  std::string path_;
};

TEST_F(DockerLoginsTest, ALoginMakesTheFileForItsOwnerOnly) {
  ASSERT_OK_AND_ASSIGN(const auto place,
                       Logins().Store("reg:5000", Credential{"alice", base::Secret("pw"), ""}));
  EXPECT_EQ(place.name, path_);
  EXPECT_TRUE(place.readable_text);
  struct stat info;
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600);
  EXPECT_EQ(User("reg:5000"), "alice");
  EXPECT_OK(Store("docker.io", "bob"));
  EXPECT_EQ(User("docker.io"), "bob");
  EXPECT_THAT(Logins().Erase("reg:5000"), IsOkAndHolds(true));
  EXPECT_THAT(Logins().Erase("reg:5000"), IsOkAndHolds(false));
  EXPECT_THAT(Logins().Erase("docker.io"), IsOkAndHolds(true));
  EXPECT_EQ(Text(), "{\n\t\"auths\": {}\n}");
}

TEST_F(DockerLoginsTest, ABrokenFileStaysAsItIs) {
  const std::string broken = "{\"auths\": {\"reg\": {\"auth\": \"dTpw\"}},";
  Write(broken);
  EXPECT_THAT(Store("reg", "alice"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(path_)));
  EXPECT_THAT(Logins().Erase("reg"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(Text(), broken);
}

TEST_F(DockerLoginsTest, ALinkStaysALink) {
  Write("{\"a\": 1}");
  ASSERT_EQ(symlink("home/.docker/config.json", At("link").c_str()), 0);
  ASSERT_EQ(symlink("home/not-yet.json", At("dangling").c_str()), 0);
  path_ = At("link");
  EXPECT_OK(Store("reg", "alice"));
  EXPECT_EQ(access(At("link.lock").c_str(), F_OK), -1);
  struct stat info;
  ASSERT_EQ(lstat(path_.c_str(), &info), 0);
  EXPECT_TRUE(S_ISLNK(info.st_mode));
  path_ = At("home/.docker/config.json");
  EXPECT_EQ(User("reg"), "alice");
  path_ = At("dangling");
  EXPECT_OK(Store("reg", "bob"));
  path_ = At("home/not-yet.json");
  EXPECT_EQ(User("reg"), "bob");
}

TEST_F(DockerLoginsTest, LoginsAtTheSameTimeAllStay) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([this, i] { EXPECT_OK(Store(absl::StrCat("reg", i), "u")); });
  }
  threads.clear();
  for (int i = 0; i < 8; ++i) EXPECT_EQ(User(absl::StrCat("reg", i)), "u");
}

TEST_F(DockerLoginsTest, AHelperKeepsThePasswordAndTheFileASign) {
  ASSERT_OK(base::WriteFileAtomically(At("docker-credential-f"), R"(#!/bin/sh
case $1 in
store) cat > $DIR/kept ;;
get) cat > /dev/null
  cat $DIR/kept 2>/dev/null || { echo credentials not found in native keychain; exit 1; } ;;
erase) rm $DIR/kept ;;
esac
)",
                                      0755));
  Write(R"({"credsStore": "f", "auths": {"reg": {"auth": "b2xkOm9sZA=="}}})");
  ASSERT_OK_AND_ASSIGN(const auto place,
                       Logins().Store("reg", Credential{"alice", base::Secret("pw"), ""}));
  EXPECT_THAT(place.name, HasSubstr("docker-credential-f"));
  EXPECT_FALSE(place.readable_text);
  EXPECT_EQ(Text(), "{\n\t\"credsStore\": \"f\",\n\t\"auths\": {\n\t\t\"reg\": {}\n\t}\n}");
  EXPECT_EQ(User("reg"), "alice");
  EXPECT_THAT(Logins().Erase("reg"), IsOkAndHolds(true));
  EXPECT_EQ(User("reg"), "none");
  EXPECT_FALSE(base::Exists(At("kept")));
  EXPECT_THAT(Text(), Not(HasSubstr("reg")));
}

}  // namespace
}  // namespace stevedore::credentials
