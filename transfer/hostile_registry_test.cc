// Registries that mean no good: what they send is bounded, what they name is checked, and the
// message says what they did. Numbers are the rows of our list of security behaviours.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/byte_source.h"
#include "base/secret.h"
#include "base/testing/status_matchers.h"
#include "credentials/credential_store.h"
#include "oci/image/manifest.h"
#include "oci/image/media_type.h"
#include "transfer/registry_client.h"
#include "transfer/testing/scripted_registry.h"

namespace stevedore::transfer {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using http::testing::Connection;
using http::testing::LoopbackServer;
using http::testing::ReceivedRequest;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::ScriptedAnswer;
using testing::ScriptedRegistry;

class HostileRegistryTest : public ::testing::Test {
 protected:
  HostileRegistryTest() {
    options_.wait = [this](absl::Duration wait, std::stop_token) { waits_.push_back(wait); };
  }
  RegistryClient& client() {
    if (client_ == nullptr) {
      client_ = std::make_unique<RegistryClient>(&http_, logged_in_ ? &users_ : &nobody_, options_);
    }
    return *client_;
  }
  // Downloads a blob of `size` bytes whose digest is that of `content`.
  absl::Status Download(const std::string& content, uint64_t size) {
    auto stream = client().GetBlob(
        image_, {.media_type = oci::kOciLayer, .digest = oci::Digest::Of(content), .size = size});
    if (!stream.ok()) return stream.status();
    return base::ReadAll(**stream, 1 << 20).status();
  }

  ScriptedAnswer answer_;
  ScriptedRegistry::Script script_ = [this](const ReceivedRequest&, const std::string&) {
    return answer_;
  };
  ScriptedRegistry registry_{
      [this](const ReceivedRequest& r, const std::string& b) { return script_(r, b); }};
  std::vector<absl::Duration> waits_;
  static credentials::Credential Alice() {
    credentials::Credential alice;
    alice.username = "alice";
    alice.password = base::Secret("wonderland");
    return alice;
  }
  const credentials::MemoryCredentialStore nobody_;
  const credentials::MemoryCredentialStore users_{{{registry_.server().host(), Alice()}}};
  bool logged_in_ = false;
  http::Client http_;
  RegistryClientOptions options_;
  std::unique_ptr<RegistryClient> client_;
  oci::Reference image_ = registry_.Repository("a/b:1");
};

TEST_F(HostileRegistryTest, Row2LiesAboutTheDigestOfABlob) {
  answer_ = {.body = "bad"};
  EXPECT_THAT(Download("let", 3), StatusIs(absl::StatusCode::kDataLoss,
                                           AllOf(HasSubstr("the registry sent other bytes"),
                                                 HasSubstr(oci::Digest::Of("bad").ToString()))));
}

TEST_F(HostileRegistryTest, Row2SaysAnotherSizeThanTheManifest) {
  answer_ = {.body = std::string(100, 'x')};
  EXPECT_THAT(Download("let", 3),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("announces 100 bytes instead of 3")));
}

TEST_F(HostileRegistryTest, Row2SendsMoreThanTheManifestSays) {
  const auto server = *LoopbackServer::Start([](Connection& connection) {
    if (!connection.ReadRequest().ok()) return;
    // Without a length, so that only counting helps.
    if (!connection.Write("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").ok()) return;
    while (connection.Write(std::string(64 << 10, 'x')).ok()) {
    }
  });
  image_ = *oci::Reference::Parse(server->host() + "/a/b:1");
  EXPECT_THAT(Download("let", 3),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("more than its 3 bytes")));
}

TEST_F(HostileRegistryTest, Row2SendsAnotherManifestThanAskedFor) {
  answer_ = {.body = "{}"};
  EXPECT_THAT(client().GetManifest(image_.WithDigest(oci::Digest::Of("other"))),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("sent another manifest")));
}

TEST_F(HostileRegistryTest, Row2NamesADigestThatIsAPath) {
  answer_ = {.headers = {{"Docker-Content-Digest", "sha256:../../../etc/passwd"}}, .body = "{}"};
  EXPECT_THAT(client().GetManifest(image_),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("../../../etc/passwd")));
}

TEST_F(HostileRegistryTest, Row13SendsAManifestOverTheLimit) {
  answer_ = {.body = std::string(kManifestLimitBytes + 1, ' ')};
  EXPECT_THAT(client().GetManifest(image_),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       AllOf(HasSubstr("4194304"), HasSubstr("manifest"))));
}

TEST_F(HostileRegistryTest, Row13SendsDeepJson) {
  const std::string deep = std::string(100000, '[') + std::string(100000, ']');
  answer_ = {.body = deep};
  EXPECT_THAT(client().ListTags(image_), StatusIs(absl::StatusCode::kInternal,
                                                  AllOf(HasSubstr("tags of"), HasSubstr("deep"))));
  // The document itself is handed out as it is, and refused where it is read.
  ASSERT_OK_AND_ASSIGN(const RawManifest manifest, client().GetManifest(image_));
  EXPECT_THAT(oci::Manifest::Parse(manifest.bytes), StatusIs(absl::StatusCode::kInvalidArgument));
  answer_ = {.status = 400, .body = deep};
  EXPECT_THAT(client().ListTags(image_), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(HostileRegistryTest, Row13PagesForEver) {
  options_.list_page_limit = 50;
  std::atomic<int> page = 0;
  script_ = [&](const ReceivedRequest&, const std::string&) -> ScriptedAnswer {
    return {
        .headers = {{"Link", absl::StrCat("</v2/a/b/tags/list?last=", ++page, ">; rel=\"next\"")}},
        .body = R"({"tags":["a"],"repositories":["r"]})"};
  };
  EXPECT_THAT(client().ListTags(image_),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("more than 50 pages")));
  EXPECT_THAT(client().ListRepositories(registry_.server().host()),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       AllOf(HasSubstr("repositories of"), HasSubstr("more than 50 pages"))));
}

TEST_F(HostileRegistryTest, Row13PagesInACircle) {
  answer_ = {.headers = {{"Link", "</v2/a/b/tags/list?last=a>; rel=\"next\""}},
             .body = R"({"tags":["a"]})"};
  EXPECT_THAT(client().ListTags(image_),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("in a circle")));
  EXPECT_EQ(registry_.requests().size(), 2);
}

TEST_F(HostileRegistryTest, Row13ListsMoreThanFits) {
  options_.list_limit_bytes = 1000;
  std::atomic<int> page = 0;
  script_ = [&](const ReceivedRequest&, const std::string&) -> ScriptedAnswer {
    return {
        .headers = {{"Link", absl::StrCat("</v2/a/b/tags/list?last=", ++page, ">; rel=\"next\"")}},
        .body = absl::StrCat(R"({"tags":[")", std::string(300, 'a'), R"("]})")};
  };
  EXPECT_THAT(client().ListTags(image_), StatusIs(absl::StatusCode::kResourceExhausted,
                                                  HasSubstr("the list has more than 1000 bytes")));
}

TEST_F(HostileRegistryTest, Row22RedirectsInCircles) {
  answer_ = {.status = 307, .headers = {{"Location", "/v2/a/b/manifests/1"}}};
  EXPECT_THAT(client().GetManifest(image_),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("more than 5 redirects")));
}

TEST_F(HostileRegistryTest, Row22RedirectsToMetadataOfTheCloud) {
  for (const char* target :
       {"http://169.254.169.254/latest/meta-data/", "http://[fe80::1]/", "http://0.0.0.0/",
        "http://metadata.google.internal/", "http://2852039166/"}) {
    answer_ = {.status = 307, .headers = {{"Location", target}}};
    EXPECT_THAT(client().GetManifest(image_),
                StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("no registry may name")))
        << target;
  }
}

TEST_F(HostileRegistryTest, Row22UploadsGoNowhereElse) {
  answer_ = {.status = 202, .headers = {{"Location", "http://169.254.169.254/upload"}}};
  EXPECT_THAT(
      client().PutBlob(image_, {.media_type = "", .digest = oci::Digest::Of("x"), .size = 1},
                       [] { return std::make_unique<base::StringSource>("x"); }),
      StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("upload location")));
}

TEST_F(HostileRegistryTest, Row23Defect28ForeignRealmGetsNoPassword) {
  logged_in_ = true;
  answer_ = {.status = 401,
             .headers = {{"WWW-Authenticate",
                          "Bearer realm=\"https://tokens.evil.example/\",service=\"x\""}}};
  EXPECT_THAT(client().GetManifest(image_),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       AllOf(HasSubstr("tokens.evil.example"), HasSubstr("a foreign host"),
                             HasSubstr("password was not sent"))));
}

TEST_F(HostileRegistryTest, Row23RedirectTakesNoPasswordAlong) {
  logged_in_ = true;
  std::atomic<int> leaked = 0;
  ScriptedRegistry other([&](const ReceivedRequest& request, const std::string&) {
    if (request.headers.Find("Authorization").has_value()) ++leaked;
    return ScriptedAnswer{.body = "let"};
  });
  script_ = [&](const ReceivedRequest& request, const std::string&) -> ScriptedAnswer {
    if (!request.headers.Find("Authorization").has_value()) {
      return {.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"r\""}}};
    }
    return {.status = 307, .headers = {{"Location", other.server().url() + "/blob"}}};
  };
  EXPECT_OK(Download("let", 3));
  EXPECT_EQ(other.requests().size(), 1);
  EXPECT_EQ(leaked, 0);
}

TEST_F(HostileRegistryTest, Row32TricklesABlob) {
  // Judged every two seconds; what comes is far below what is expected, however busy the machine.
  options_.idle_timeout = absl::Seconds(2);
  options_.least_bytes_per_second = 1 << 30;
  options_.retries = 1;
  const auto server = *LoopbackServer::Start([](Connection& connection) {
    if (!connection.ReadRequest().ok()) return;
    if (!connection.Write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n").ok()) return;
    while (connection.Write("x").ok()) absl::SleepFor(absl::Milliseconds(5));
  });
  image_ = *oci::Reference::Parse(server->host() + "/a/b:1");
  EXPECT_THAT(Download("let", 1000000),
              StatusIs(absl::StatusCode::kDeadlineExceeded,
                       AllOf(HasSubstr("too slow"), HasSubstr("for the 2th time"))));
  EXPECT_EQ(server->connection_count(), 2);
}

TEST_F(HostileRegistryTest, Row32TricklesAManifest) {
  options_.document_timeout = absl::Milliseconds(500);
  const auto server = *LoopbackServer::Start([](Connection& connection) {
    if (!connection.ReadRequest().ok()) return;
    if (!connection.Write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n").ok()) return;
    while (connection.Write(" ").ok()) absl::SleepFor(absl::Milliseconds(5));
  });
  image_ = *oci::Reference::Parse(server->host() + "/a/b:1");
  EXPECT_THAT(client().GetManifest(image_),
              StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("not over after 500ms")));
}

TEST_F(HostileRegistryTest, Row32SendsNothing) {
  options_.idle_timeout = absl::Milliseconds(200);
  options_.retries = 0;
  const auto server = *LoopbackServer::Start([](Connection& connection) {
    while (connection.ReadRequest().ok()) {
    }
  });
  image_ = *oci::Reference::Parse(server->host() + "/a/b:1");
  EXPECT_THAT(client().GetManifest(image_),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("moved no byte for 200ms")));
}

TEST_F(HostileRegistryTest, AsksForAWaitWithoutEnd) {
  options_.retries = 2;
  answer_ = {.status = 429, .headers = {{"Retry-After", "1000000000"}}};
  EXPECT_THAT(client().GetManifest(image_),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("tried 3 times")));
  EXPECT_THAT(waits_, ElementsAre(options_.longest_wait, options_.longest_wait));
}

TEST_F(HostileRegistryTest, ErrorsCannotPaintTheTerminal) {
  answer_ = {.status = 403,
             .body = "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"\\u001b[2Jgone\"}]}"};
  EXPECT_THAT(client().GetManifest(image_),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       AllOf(HasSubstr("gone"), Not(HasSubstr("\x1b")))));
}

}  // namespace
}  // namespace stevedore::transfer
