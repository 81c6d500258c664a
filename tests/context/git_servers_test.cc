// Git contexts from real servers: git daemon, git http-backend behind a web server, sshd.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "base/secret.h"
#include "base/testing/status_matchers.h"
#include "context/git_credential.h"
#include "context/git_mirrors.h"
#include "context/git_url.h"
#include "context/testing/git_workshop.h"
#include "context/tree.h"
#include "tests/harness/faulty_proxy.h"
#include "tests/harness/git_server.h"
#include "tests/harness/process.h"

namespace stevedore::testing {
namespace {

using context::GitMirrors;
using context::GitMirrorsOptions;
using context::GitPlace;
using context::Tree;
using context::testing::GitWorkshop;
using ::stevedore::base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// A cache, and a folder of repositories with `web` in it.
class GitServersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(base::TemporaryDirectory directory, base::TemporaryDirectory::Create());
    directory_.emplace(std::move(directory));
    web_.emplace(Repositories() + "/web");
    web_->Write("app/a", "1");
    first_ = web_->Commit("one");
    web_->Git({"tag", "-a", "-m", "x", "v1"});
    web_->Write("app/a", "2");
    second_ = web_->Commit("two");
    OpenCache("cache");
  }

  std::string Repositories() const { return directory_->path() + "/repositories"; }

  void OpenCache(const std::string& name, absl::Duration idle = absl::Seconds(60)) {
    GitMirrorsOptions options;
    options.directory = directory_->path() + "/" + name;
    options.idle_timeout = idle;
    options.connect_timeout = absl::Seconds(10);
    options.known_hosts_files = known_hosts_;
    ASSERT_OK_AND_ASSIGN(mirrors_, GitMirrors::Open(options));
  }

  static GitPlace PlaceOf(const std::string& url) {
    GitPlace place;
    place.url = *context::GitUrl::Parse(url);
    return place;
  }
  static GitPlace WithPassword(const std::string& url, const std::string& user,
                               const std::string& password) {
    GitPlace place = PlaceOf(url);
    place.credential.source = "credentials `git`";
    place.credential.username = user;
    place.credential.password = base::Secret(password);
    return place;
  }
  static GitPlace WithKey(const std::string& url, const std::string& file,
                          const std::string& password = "") {
    GitPlace place = PlaceOf(url);
    place.credential.private_key_file = file;
    place.credential.private_key_password = base::Secret(password);
    return place;
  }

  static std::string ReadAll(const Tree& tree, const std::string& path) {
    const context::TreeEntry* const entry = tree.Find(path);
    if (entry == nullptr) return "no entry " + path;
    const auto reader = tree.OpenContent(entry->content_id);
    if (!reader.ok()) return reader.status().ToString();
    std::string content(entry->size, '\0');
    const absl::Status read = (*reader)->ReadAt(0, content.data(), content.size());
    return read.ok() ? content : read.ToString();
  }

  // Everything that a server must be able to do.
  void CheckAll(const GitPlace& place) {
    ASSERT_OK_AND_ASSIGN(const std::string tag, mirrors_->Resolve(place, "v1", {}));
    EXPECT_EQ(tag, first_);
    ASSERT_OK_AND_ASSIGN(const std::string branch, mirrors_->Resolve(place, "main", {}));
    EXPECT_EQ(branch, second_);
    ASSERT_OK_AND_ASSIGN(const std::string standard, mirrors_->Resolve(place, "", {}));
    EXPECT_EQ(standard, second_);
    ASSERT_OK_AND_ASSIGN(const auto tree, mirrors_->OpenTree(place, first_, "app", {}));
    EXPECT_EQ(ReadAll(*tree, "a"), "1");
    // Incremental: what comes later is fetched too.
    web_->Write("app/a", "3");
    const std::string third = web_->Commit("three");
    ASSERT_OK_AND_ASSIGN(const std::string found, mirrors_->Resolve(place, third, {}));
    EXPECT_EQ(found, third);
    EXPECT_THAT(mirrors_->Resolve(place, "nowhere", {}),
                StatusIs(absl::StatusCode::kNotFound, HasSubstr("main")));
  }

  std::optional<base::TemporaryDirectory> directory_;
  std::optional<GitWorkshop> web_;
  std::string first_, second_;
  std::vector<std::string> known_hosts_;
  std::unique_ptr<GitMirrors> mirrors_;
};

TEST_F(GitServersTest, Daemon) {
  ASSERT_OK_AND_ASSIGN(const auto daemon, GitDaemon::Start(Repositories()));
  CheckAll(PlaceOf(daemon->url() + "/web"));
  EXPECT_THAT(mirrors_->Resolve(PlaceOf(daemon->url() + "/none"), "", {}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr(daemon->url() + "/none")));
}

TEST_F(GitServersTest, NobodyListens) {
  const std::string url = absl::StrCat("git://127.0.0.1:", FreePort(), "/web");
  EXPECT_THAT(mirrors_->Resolve(PlaceOf(url), "", {}),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr(url), HasSubstr("Connection refused"))));
}

TEST_F(GitServersTest, ASuspendedServerIsGivenUp) {
  ASSERT_OK_AND_ASSIGN(const auto daemon, GitDaemon::Start(Repositories()));
  OpenCache("cache", absl::Seconds(1));
  daemon->process().Suspend();
  const absl::Time start = absl::Now();
  EXPECT_THAT(mirrors_->Resolve(PlaceOf(daemon->url() + "/web"), "main", {}),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("said nothing for 1s")));
  EXPECT_LT(absl::Now() - start, absl::Seconds(10));
  OpenCache("cache", absl::Seconds(60));
  std::stop_source stop;
  std::jthread stopper([&] {
    absl::SleepFor(absl::Milliseconds(300));
    stop.request_stop();
  });
  EXPECT_THAT(mirrors_->Resolve(PlaceOf(daemon->url() + "/web"), "main", stop.get_token()),
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("cancelled")));
  EXPECT_LT(absl::Now() - start, absl::Seconds(20));
  daemon->process().Resume();
}

TEST_F(GitServersTest, HttpIsOpenOrAsksForAPassword) {
  ASSERT_OK_AND_ASSIGN(const auto open, GitHttpServer::Start(Repositories()));
  CheckAll(PlaceOf(open->url() + "/web/.git"));
  EXPECT_THAT(mirrors_->Resolve(PlaceOf(open->url() + "/none"), "", {}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("404")));
  ASSERT_OK_AND_ASSIGN(
      const auto closed,
      GitHttpServer::Start(Repositories(), {.username = "me", .password = "hush"}));
  const std::string url = closed->url() + "/web/.git";
  EXPECT_THAT(mirrors_->Resolve(PlaceOf(url), "main", {}),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("git.auth.credentials_id")));
  EXPECT_THAT(mirrors_->Resolve(WithPassword(url, "me", "wrong"), "main", {}),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       AllOf(HasSubstr("refuses user `me`"), HasSubstr("credentials `git`"),
                             Not(HasSubstr("wrong")))));
  EXPECT_OK(mirrors_->Resolve(WithPassword(url, "me", "hush"), "main", {}).status());
  // In the URL, as many have it.
  const std::string with_password =
      absl::StrCat("http://me:hush@localhost:", closed->port(), "/web/.git");
  EXPECT_OK(mirrors_->Resolve(PlaceOf(with_password), "main", {}).status());
  // What one has fetched, another does not get.
  EXPECT_THAT(mirrors_->OpenTree(PlaceOf(url), second_, "", {}),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr(url)));
}

TEST_F(GitServersTest, CertificatesAreChecked) {
  ASSERT_OK_AND_ASSIGN(const auto server, GitHttpServer::Start(Repositories(), {.tls = true}));
  EXPECT_THAT(mirrors_->Resolve(PlaceOf(server->url() + "/web/.git"), "main", {}),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("SSL_CERT_FILE")));
}

TEST_F(GitServersTest, RedirectsKeepCredentialsAtHome) {
  ASSERT_OK_AND_ASSIGN(
      const auto thief,
      GitHttpServer::Start(Repositories(), {.username = "me", .password = "hush"}));
  const std::string elsewhere = absl::StrCat("http://127.0.0.1:", thief->port());
  ASSERT_OK_AND_ASSIGN(const auto server,
                       GitHttpServer::Start(Repositories(), {.redirect_to = elsewhere}));
  EXPECT_THAT(
      mirrors_->Resolve(WithPassword(server->url() + "/web/.git", "me", "hush"), "main", {}),
      StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("redirects to 127.0.0.1")));
  EXPECT_THAT(thief->Log(), Not(HasSubstr("user=me")));
  // Without credentials a redirect is followed.
  ASSERT_OK_AND_ASSIGN(const auto open, GitHttpServer::Start(Repositories()));
  ASSERT_OK_AND_ASSIGN(const auto moved,
                       GitHttpServer::Start(Repositories(), {.redirect_to = open->url()}));
  EXPECT_OK(mirrors_->Resolve(PlaceOf(moved->url() + "/web/.git"), "main", {}).status());
}

TEST_F(GitServersTest, SubmodulesGetCredentialsOfTheirOwnServerOnly) {
  GitWorkshop lib(Repositories() + "/lib");
  lib.Write("lib.c", "lib");
  lib.Commit("lib");
  ASSERT_OK_AND_ASSIGN(const auto home, GitHttpServer::Start(Repositories(), {.username = "me",
                                                                              .password = "hush"}));
  ASSERT_OK_AND_ASSIGN(
      const auto other,
      GitHttpServer::Start(Repositories(), {.username = "me", .password = "hush"}));
  web_->Git({"submodule", "--quiet", "add", Repositories() + "/lib", "lib"});
  web_->Git({"config", "-f", ".gitmodules", "submodule.lib.url", "../../lib/.git"});
  const std::string relative = web_->Commit("relative");
  web_->Git({"config", "-f", ".gitmodules", "submodule.lib.url", other->url() + "/lib/.git"});
  const std::string foreign = web_->Commit("foreign");
  web_->Git({"config", "-f", ".gitmodules", "submodule.lib.url", Repositories() + "/lib"});
  const std::string local = web_->Commit("local");
  const GitPlace place = WithPassword(home->url() + "/web/.git", "me", "hush");
  ASSERT_OK_AND_ASSIGN(const auto tree, mirrors_->OpenTree(place, relative, "", {}));
  EXPECT_EQ(ReadAll(*tree, "lib/lib.c"), "lib");
  EXPECT_THAT(mirrors_->OpenTree(place, foreign, "", {}),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr(other->url())));
  EXPECT_THAT(other->Log(), Not(HasSubstr("user=me")));
  EXPECT_THAT(mirrors_->OpenTree(place, local, "", {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("must not")));
}

TEST_F(GitServersTest, ConnectionsThatBreakLeaveAUsableMirror) {
  std::string noise;
  for (int64_t i = 0; i < 400000; ++i) noise += std::to_string(i * 7919 % 65521 * 31);
  web_->Write("noise", noise);
  const std::string commit = web_->Commit("noise");
  ASSERT_OK_AND_ASSIGN(const auto server, GitHttpServer::Start(Repositories()));
  ASSERT_OK_AND_ASSIGN(const auto proxy, FaultyProxy::Start(server->port()));
  const GitPlace place = PlaceOf(absl::StrCat("http://", proxy->host(), "/web/.git"));
  Fault cut;
  cut.method = "POST";
  cut.path = "git-upload-pack";
  cut.cut_response_after = 300000;
  proxy->Add(cut);
  EXPECT_THAT(mirrors_->Resolve(place, "main", {}),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("fetch")));
  EXPECT_EQ(proxy->pending_count(), 0);
  ASSERT_OK_AND_ASSIGN(const std::string found, mirrors_->Resolve(place, "main", {}));
  EXPECT_EQ(found, commit);
  ASSERT_OK_AND_ASSIGN(const auto tree, mirrors_->OpenTree(place, commit, "", {}));
  EXPECT_TRUE(ReadAll(*tree, "noise") == noise);
}

// sshd wants root, and the ssh user is the one of this process.
class GitSshTest : public GitServersTest {
 protected:
  void SetUp() override {
    GitServersTest::SetUp();
    if (!RunningAsRoot()) GTEST_SKIP() << "sshd needs root";
    ASSERT_OK_AND_ASSIGN(server_, SshServer::Start());
    ASSERT_OK_AND_ASSIGN(const std::string hosts, server_->WriteKnownHosts());
    known_hosts_ = {hosts};
    OpenCache("cache");
    ::unsetenv("SSH_AUTH_SOCK");
    ::setenv("HOME", directory_->path().c_str(), 1);
    url_ = server_->url() + web_->path();
  }

  std::unique_ptr<SshServer> server_;
  std::string url_;
};

TEST_F(GitSshTest, KeysWithAndWithoutPassword) {
  ASSERT_OK_AND_ASSIGN(const std::string key, server_->MakeKey("ed25519", ""));
  CheckAll(WithKey(url_, key));
  ASSERT_OK_AND_ASSIGN(const std::string locked, server_->MakeKey("ecdsa", "sesame"));
  EXPECT_OK(mirrors_->Resolve(WithKey(url_, locked, "sesame"), "main", {}).status());
  EXPECT_THAT(mirrors_->Resolve(WithKey(url_, locked), "main", {}),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("private_key_password")));
  EXPECT_THAT(mirrors_->Resolve(WithKey(url_, locked, "wrong-one"), "main", {}),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       AllOf(HasSubstr("password is wrong"), Not(HasSubstr("wrong-one")))));
  EXPECT_THAT(mirrors_->Resolve(WithKey(url_, key + "-none"), "main", {}),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(key + "-none")));
  EXPECT_THAT(mirrors_->Resolve(WithKey(url_, key + ".pub"), "main", {}),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("no private key")));
  EXPECT_THAT(mirrors_->Resolve(WithKey(url_ + "-none", key), "main", {}),
              ::testing::Not(StatusIs(absl::StatusCode::kOk, "")));
}

TEST_F(GitSshTest, AKeyThatCameWithTheBuild) {
  ASSERT_OK_AND_ASSIGN(const std::string key, server_->MakeKey("ed25519", ""));
  ASSERT_OK_AND_ASSIGN(const std::string text, base::ReadFile(key));
  GitPlace place = PlaceOf(url_);
  place.credential.private_key = base::Secret(text);
  EXPECT_OK(mirrors_->Resolve(place, "main", {}).status());
}

TEST_F(GitSshTest, Agent) {
  EXPECT_THAT(mirrors_->Resolve(PlaceOf(url_), "main", {}),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("SSH_AUTH_SOCK")));
  ASSERT_OK_AND_ASSIGN(const std::string key, server_->MakeKey("ed25519", ""));
  ASSERT_OK_AND_ASSIGN(const auto agent, SshAgent::Start(key));
  ::setenv("SSH_AUTH_SOCK", agent->socket().c_str(), 1);
  EXPECT_OK(mirrors_->Resolve(PlaceOf(url_), "main", {}).status());
  ::unsetenv("SSH_AUTH_SOCK");
}

TEST_F(GitSshTest, HostKeysAreChecked) {
  ASSERT_OK_AND_ASSIGN(const std::string key, server_->MakeKey("ed25519", ""));
  ASSERT_OK_AND_ASSIGN(const std::string wrong, server_->WriteWrongKnownHosts());
  known_hosts_ = {wrong};
  OpenCache("wrong");
  EXPECT_THAT(mirrors_->Resolve(WithKey(url_, key), "main", {}),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       AllOf(HasSubstr("wrong host key"), HasSubstr("SHA256:"),
                             HasSubstr("ssh-keygen -f " + wrong + " -R"))));
  known_hosts_ = {wrong + "-none"};
  OpenCache("unknown");
  EXPECT_THAT(mirrors_->Resolve(WithKey(url_, key), "main", {}),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       AllOf(HasSubstr("is not known here"), HasSubstr("ssh-keyscan -p"))));
  ASSERT_OK_AND_ASSIGN(const std::string hashed, server_->WriteKnownHosts(/*hashed=*/true));
  known_hosts_ = {hashed};
  OpenCache("hashed");
  EXPECT_OK(mirrors_->Resolve(WithKey(url_, key), "main", {}).status());
}

TEST_F(GitSshTest, RsaKeysSayWhatToUse) {
  ASSERT_OK_AND_ASSIGN(const std::string key, server_->MakeKey("rsa", ""));
  EXPECT_THAT(mirrors_->Resolve(WithKey(url_, key), "main", {}),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       AllOf(HasSubstr("RSA"), HasSubstr("ssh-keygen -t ed25519"))));
}

}  // namespace
}  // namespace stevedore::testing
