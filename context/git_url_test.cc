#include "context/git_url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/status_matchers.h"

namespace stevedore::context {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(GitUrlTest, EveryFormIsRead) {
  struct Row {
    const char* text;
    GitUrl::Scheme scheme;
    const char* user;
    const char* host;
    int port;
    const char* path;
    const char* shown;
  };
  const Row rows[] = {
      {"https://Git.Test/shop/web.git", GitUrl::Scheme::kHttps, "", "git.test", 443,
       "/shop/web.git", "https://git.test/shop/web.git"},
      {"http://git.test:8080/web", GitUrl::Scheme::kHttp, "", "git.test", 8080, "/web",
       "http://git.test:8080/web"},
      {"https://me:a%40b@git.test/web", GitUrl::Scheme::kHttps, "me", "git.test", 443, "/web",
       "https://git.test/web"},
      {"ssh://git@git.test:2222/srv/web", GitUrl::Scheme::kSsh, "git", "git.test", 2222, "/srv/web",
       "ssh://git@git.test:2222/srv/web"},
      {"git+ssh://git.test/web", GitUrl::Scheme::kSsh, "", "git.test", 22, "/web",
       "ssh://git.test/web"},
      {"git@git.test:shop/web.git", GitUrl::Scheme::kSsh, "git", "git.test", 22, "shop/web.git",
       "git@git.test:shop/web.git"},
      {"git.test:web", GitUrl::Scheme::kSsh, "", "git.test", 22, "web", "git.test:web"},
      {"git://git.test/web", GitUrl::Scheme::kGit, "", "git.test", 9418, "/web",
       "git://git.test/web"},
      {"https://[::1]:8443/web", GitUrl::Scheme::kHttps, "", "::1", 8443, "/web",
       "https://[::1]:8443/web"},
      {"file:///srv/web%20shop", GitUrl::Scheme::kLocal, "", "", 0, "/srv/web shop",
       "/srv/web shop"},
      {"file://localhost/srv/web/", GitUrl::Scheme::kLocal, "", "", 0, "/srv/web", "/srv/web"},
      {"/srv/a/../web", GitUrl::Scheme::kLocal, "", "", 0, "/srv/web", "/srv/web"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.text);
    ASSERT_OK_AND_ASSIGN(const GitUrl url, GitUrl::Parse(row.text));
    EXPECT_EQ(url.scheme, row.scheme);
    EXPECT_EQ(url.user, row.user);
    EXPECT_EQ(url.host, row.host);
    EXPECT_EQ(url.EffectivePort(), row.port);
    EXPECT_EQ(url.path, row.path);
    EXPECT_EQ(url.ToString(), row.shown);
  }
}

TEST(GitUrlTest, PasswordsAreKeptApart) {
  ASSERT_OK_AND_ASSIGN(const GitUrl url, GitUrl::Parse("https://me:a%40b@git.test/web"));
  EXPECT_EQ(url.password.Reveal(), "a@b");
}

TEST(GitUrlTest, LocalPathsAreMadeAbsolute) {
  ASSERT_OK_AND_ASSIGN(const GitUrl url, GitUrl::Parse("./web"));
  EXPECT_EQ(url.path[0], '/');
  EXPECT_THAT(url.path, ::testing::EndsWith("/web"));
}

TEST(GitUrlTest, WhatIsNoneIsRefusedWithoutShowingPasswords) {
  for (const char* text : {"",
                           "ftp://git.test/web",
                           "https://",
                           "https://git.test",
                           "https://git.test/",
                           "https://:443/web",
                           "https://git.test:0/web",
                           "https://git.test:99999/web",
                           "https://git.test:port/web",
                           "https://-oProxyCommand=x/web",
                           "ssh://-x@git.test/web",
                           "-oX:web",
                           "git@:web",
                           "git@git.test:",
                           "ext::sh -c x",
                           "https://[::1/web",
                           "https://a b/web",
                           "https://git.test/we\nb",
                           "file://other/web",
                           "file://"}) {
    SCOPED_TRACE(text);
    EXPECT_THAT(GitUrl::Parse(text),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("https://HOST/PATH")));
  }
  EXPECT_THAT(GitUrl::Parse("https://me:hush@git.test"),
              StatusIs(absl::StatusCode::kInvalidArgument, Not(HasSubstr("hush"))));
}

TEST(GitUrlTest, SubmodulesAreFoundFromTheirRepository) {
  struct Row {
    const char* parent;
    const char* submodule;
    const char* wanted;  // Empty: refused.
  };
  const Row rows[] = {
      {"https://git.test/shop/web.git", "../lib.git", "https://git.test/shop/lib.git"},
      {"https://git.test/shop/web.git", "../../lib.git", "https://git.test/lib.git"},
      {"https://git.test/shop/web.git/", "./lib", "https://git.test/shop/web.git/lib"},
      {"https://git.test/shop/web.git", "https://other.test/lib", "https://other.test/lib"},
      {"git@git.test:shop/web.git", "../lib.git", "git@git.test:shop/lib.git"},
      {"git@git.test:web.git", "../lib.git", "git@git.test:lib.git"},
      {"ssh://git@git.test:2222/a/b", "../c", "ssh://git@git.test:2222/a/c"},
      {"/srv/web", "../lib", "/srv/lib"},
      {"/srv/web", "/srv/lib", "/srv/lib"},
      {"https://git.test/web", "../../lib", ""},
      {"https://git.test/web", "/srv/lib", ""},
      {"https://git.test/web", "file:///srv/lib", ""},
      {"git@git.test:web.git", "../../lib.git", ""},
      {"https://git.test/web", "../", ""},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(std::string(row.parent) + " + " + row.submodule);
    ASSERT_OK_AND_ASSIGN(const GitUrl parent, GitUrl::Parse(row.parent));
    const absl::StatusOr<GitUrl> url = parent.Resolve(row.submodule);
    if (*row.wanted == '\0') {
      EXPECT_THAT(url, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(row.submodule)));
    } else {
      ASSERT_OK(url.status());
      EXPECT_EQ(url->ToString(), row.wanted);
    }
  }
}

TEST(GitUrlTest, CredentialsStayAtTheirServer) {
  ASSERT_OK_AND_ASSIGN(const GitUrl web, GitUrl::Parse("https://git.test/web"));
  const std::pair<const char*, bool> others[] = {
      {"https://git.test:443/lib", true}, {"https://git.test:8443/lib", false},
      {"https://other.test/lib", false},  {"http://git.test/lib", false},
      {"https://git.test.evil/x", false}, {"/srv/lib", false},
  };
  for (const auto& [text, shares] : others) {
    ASSERT_OK_AND_ASSIGN(const GitUrl other, GitUrl::Parse(text));
    EXPECT_EQ(web.SharesCredentialsWith(other), shares) << text;
  }
}

}  // namespace
}  // namespace stevedore::context
