#include "transfer/docker_engine.h"

#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "http/testing/loopback_server.h"

namespace stevedore::transfer {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::stevedore::http::testing::Connection;
using ::stevedore::http::testing::LoopbackServer;
using ::stevedore::http::testing::ReceivedRequest;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// An engine that answers pings with API `api`, and everything else as `answer` says.
class FakeEngine {
 public:
  using Answer = std::function<void(const ReceivedRequest&, Connection&)>;

  explicit FakeEngine(Answer answer, std::string api = "1.41", bool dies = false) {
    auto server = LoopbackServer::Start([answer, api, dies](Connection& connection) {
      while (true) {
        const absl::StatusOr<ReceivedRequest> request = connection.ReadRequest();
        if (!request.ok()) return;
        if (request->target == "/_ping") {
          (void)connection.Answer(200, {{"Api-Version", api}}, "OK");
        } else {
          answer(*request, connection);
          if (dies) return;
        }
      }
    });
    server_ = *std::move(server);
    DockerEngineAddress address = *DockerEngineAddress::Parse("tcp://" + server_->host());
    engine_.emplace(&http_, std::move(address));
  }

  DockerEngine& engine() { return *engine_; }

 private:
  http::Client http_;
  std::unique_ptr<LoopbackServer> server_;
  std::optional<DockerEngine> engine_;
};

TEST(DockerEngineTest, NegotiatesTheVersion) {
  const auto nothing = [](const ReceivedRequest&, Connection&) {};
  for (const auto& [theirs, spoken] : std::vector<std::pair<std::string, std::string>>{
           {"1.41", "1.41"}, {"1.38", "1.38"}, {"1.99", "1.47"}}) {
    FakeEngine fake(nothing, theirs);
    ASSERT_OK_AND_ASSIGN(const std::string version, fake.engine().Negotiate());
    EXPECT_EQ(version, spoken);
  }
  FakeEngine old(nothing, "1.24");
  EXPECT_THAT(old.engine().Negotiate(),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr("too old: it speaks API 1.24"), HasSubstr("tcp://127"))));
  FakeEngine other(nothing, "");
  EXPECT_THAT(other.engine().Negotiate(),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("is no Docker engine")));
}

TEST(DockerEngineTest, BuildSendsContextAndLoginsAndHandsMessagesOn) {
  std::string target, body, logins;
  FakeEngine fake([&](const ReceivedRequest& request, Connection& connection) {
    target = request.target;
    logins = request.headers.Find("X-Registry-Config").value_or("");
    body = *connection.ReadExactly(request.ContentLength());
    (void)connection.Answer(200, {},
                            "{\"stream\":\"a\\n\"}\r\n{\"aux\":{\"ID\":\"sha256:1\"}}\r\n");
  });
  base::StringSource context("tar bytes");
  std::vector<std::string> seen;
  const absl::Status status =
      fake.engine().Build({.query = {{"dockerfile", "a b"}, {"rm", "1"}},
                           .logins = {{"docker.io", {"alice", base::Secret("pw"), ""}},
                                      {"reg:5000", {"bob", base::Secret("hush"), ""}}},
                           .context = &context,
                           .size = 9},
                          [&](const EngineMessage& message) {
                            seen.push_back(absl::StrCat(message.stream, message.AuxText("ID")));
                            return absl::OkStatus();
                          });
  ASSERT_OK(status);
  EXPECT_EQ(target, "/v1.41/build?dockerfile=a%20b&rm=1");
  EXPECT_EQ(body, "tar bytes");
  std::string json;
  ASSERT_TRUE(absl::WebSafeBase64Unescape(logins, &json));
  EXPECT_THAT(json, AllOf(HasSubstr(R"("https://index.docker.io/v1/":{"password":"pw")"),
                          HasSubstr(R"("reg:5000":{"password":"hush","username":"bob"})")));
  EXPECT_THAT(seen, ElementsAre("a\n", "sha256:1"));
}

TEST(DockerEngineTest, LoginsArePadded) {
  // Without the padding engines silently ask anonymously.
  for (const char* name : {"a", "ab", "abc"}) {
    EXPECT_EQ(DockerEngine::RegistryConfig({{"r", {name, base::Secret("p"), ""}}}).size() % 4, 0u);
  }
}

TEST(DockerEngineTest, AnswersBecomeCodes) {
  const std::vector<std::tuple<int, std::string, absl::StatusCode, std::string>> cases = {
      {404, "No such image: x", absl::StatusCode::kNotFound, "No such image"},
      {409, "conflict", absl::StatusCode::kFailedPrecondition, "conflict"},
      {400, "dockerfile parse error line 2", absl::StatusCode::kInvalidArgument, "line 2"},
      {400, "client version 1.99 is too new", absl::StatusCode::kUnavailable, "DOCKER_API_VERSION"},
      {400, "Client sent an HTTP request to an HTTPS server.", absl::StatusCode::kUnavailable,
       "DOCKER_TLS_VERIFY=1"},
      {500, "write /x: no space left on device", absl::StatusCode::kResourceExhausted,
       "docker image prune"},
      {503, "going down", absl::StatusCode::kUnavailable, "going down"},
  };
  for (const auto& [code, text, expected, message] : cases) {
    FakeEngine fake([&, code = code, text = text](const ReceivedRequest&, Connection& connection) {
      (void)connection.Answer(code, {}, absl::StrCat("{\"message\":\"", text, "\"}"));
    });
    EXPECT_THAT(fake.engine().TagImage("sha256:1", "r", "t"),
                StatusIs(expected, HasSubstr(message)));
  }
}

TEST(DockerEngineTest, ErrorsInStreamsFailTheCall) {
  FakeEngine fake([](const ReceivedRequest&, Connection& connection) {
    (void)connection.Answer(200, {},
                            "{\"status\":\"Pulling\"}\n{\"error\":\"manifest for x not found\"}\n");
  });
  const auto ignore = [](const EngineMessage&) { return absl::OkStatus(); };
  EXPECT_THAT(fake.engine().PullImage("x:1", "", nullptr, ignore),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("manifest for x")));
  EXPECT_THAT(fake.engine().PushImage("h:1/x:1", nullptr, ignore),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("manifest for x")));
}

TEST(DockerEngineTest, AnEngineThatDiesInTheMiddle) {
  FakeEngine fake(
      [](const ReceivedRequest&, Connection& connection) {
        (void)connection.Write(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n16\r\n{\"stream\":\"Step "
            "1\\n\"}\r\n");
        connection.Reset();
      },
      "1.41", /*dies=*/true);
  base::StringSource context("x");
  EXPECT_THAT(
      fake.engine().Build({.context = &context, .size = 1},
                          [](const EngineMessage&) { return absl::OkStatus(); }),
      StatusIs(absl::StatusCode::kUnavailable, HasSubstr("the engine stopped or was restarted")));
}

TEST(DockerEngineTest, InspectAndContainers) {
  FakeEngine fake([](const ReceivedRequest& request, Connection& connection) {
    if (absl::StrContains(request.target, "/images/none")) {
      (void)connection.Answer(404, {}, R"({"message":"No such image"})");
    } else if (absl::StrContains(request.target, "/images/")) {
      (void)connection.Answer(200, {},
                              R"({"Id":"sha256:1","RepoTags":["a:1"],"Parent":"sha256:0",
                                  "RootFS":{"Layers":["sha256:d"]}})");
    } else {
      (void)connection.Answer(200, {}, R"([{"Id":"c1","ImageID":"sha256:1","State":"running"}])");
    }
  });
  ASSERT_OK_AND_ASSIGN(std::optional<EngineImage> image, fake.engine().InspectImage("none:1"));
  EXPECT_FALSE(image.has_value());
  ASSERT_OK_AND_ASSIGN(image, fake.engine().InspectImage("a:1"));
  EXPECT_EQ(image->id, "sha256:1");
  EXPECT_EQ(image->parent, "sha256:0");
  EXPECT_THAT(image->diff_ids, ElementsAre("sha256:d"));
  ASSERT_OK_AND_ASSIGN(const std::vector<EngineContainer> containers,
                       fake.engine().ListContainers({{"ancestor", {"a"}}}));
  ASSERT_EQ(containers.size(), 1u);
  EXPECT_EQ(containers[0].state, "running");
}

TEST(DockerEngineTest, SocketsThatAreNotThere) {
  http::Client http;
  DockerEngine none(&http, *DockerEngineAddress::Parse("unix:///nonexistent/docker.sock"));
  EXPECT_THAT(none.Negotiate(), StatusIs(absl::StatusCode::kUnavailable,
                                         AllOf(HasSubstr("unix:///nonexistent/docker.sock"),
                                               HasSubstr("there is no such socket"),
                                               HasSubstr("systemctl start docker"))));
  EXPECT_THAT(none.Upgrade("/grpc", "h2c"),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("there is no such socket")));
  DockerEngine refused(&http, *DockerEngineAddress::Parse("tcp://127.0.0.1:1"));
  EXPECT_THAT(refused.Negotiate(),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr("tcp://127.0.0.1:1"), HasSubstr("set DOCKER_HOST"))));
}

TEST(DockerEngineTest, UpgradeGivesTheConnection) {
  FakeEngine fake([](const ReceivedRequest& request, Connection& connection) {
    if (request.headers.Find("Upgrade").value_or("") != "h2c") {
      (void)connection.Answer(400, {}, "");
      return;
    }
    (void)connection.Write(
        "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nhi");
    const absl::StatusOr<std::string> said = connection.ReadExactly(3);
    if (said.ok()) (void)connection.Write(*said);
  });
  ASSERT_OK_AND_ASSIGN(const base::FileDescriptor fd,
                       fake.engine().Upgrade("/grpc", "h2c", {{"X-A", "b"}}));
  char bytes[6] = {};
  ASSERT_EQ(recv(fd.get(), bytes, 2, MSG_WAITALL), 2);
  EXPECT_STREQ(bytes, "hi");
  ASSERT_EQ(write(fd.get(), "abc", 3), 3);
  ASSERT_EQ(recv(fd.get(), bytes, 3, MSG_WAITALL), 3);
  EXPECT_STREQ(bytes, "abc");
}

TEST(DockerEngineTest, UpgradeThatIsRefused) {
  FakeEngine fake([](const ReceivedRequest&, Connection& connection) {
    (void)connection.Answer(404, {}, "page not found");
  });
  EXPECT_THAT(fake.engine().Upgrade("/grpc", "h2c"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("would not change to h2c")));
}

}  // namespace
}  // namespace stevedore::transfer
