// The registry client against real registries.
#include "transfer/registry_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/byte_source.h"
#include "base/testing/status_matchers.h"
#include "credentials/credential_store.h"
#include "credentials/docker_config_credential_store.h"
#include "http/client.h"
#include "oci/image/media_type.h"
#include "oci/image/reference.h"
#include "tests/harness/faulty_proxy.h"
#include "tests/harness/registry.h"
#include "tests/transfer/registry_test_client.h"

namespace stevedore::transfer {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using registry_test::Bytes;
using registry_test::Client;
using registry_test::Describe;
using registry_test::LoggedIn;
using registry_test::Opener;
using registry_test::Ref;
using stevedore::testing::FaultyProxy;
using stevedore::testing::Registry;
using stevedore::testing::RegistryOptions;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// Pushes an image of one blob and reads it back in every way there is.
void RoundTrip(Client& client, const std::string& host) {
  const oci::Reference image = Ref(host, "shop/web:1.0");
  const std::string config = "{}", layer = Bytes(3 << 20);
  EXPECT_OK(client->Ping(host));
  EXPECT_THAT(client->HeadBlob(image, oci::Digest::Of(layer)), IsOkAndHolds(std::nullopt));
  EXPECT_THAT(client->HeadManifest(image), IsOkAndHolds(std::nullopt));
  EXPECT_THAT(client->GetManifest(image), StatusIs(absl::StatusCode::kNotFound, HasSubstr(host)));
  ASSERT_OK(client->PutBlob(image, Describe(config), Opener(config)));
  ASSERT_OK(client->PutBlob(image, Describe(layer), Opener(layer)));
  EXPECT_THAT(client->HeadBlob(image, oci::Digest::Of(layer)), IsOkAndHolds(layer.size()));
  const std::string manifest = absl::StrCat(
      R"({"schemaVersion":2,"mediaType":")", oci::kOciManifest, R"(","config":{"mediaType":")",
      oci::kOciConfig, R"(","digest":")", oci::Digest::Of(config).ToString(),
      R"(","size":2},"layers":[{"mediaType":")", oci::kOciLayer, R"(","digest":")",
      oci::Digest::Of(layer).ToString(), R"(","size":)", layer.size(), "}]}");
  EXPECT_THAT(client->PutManifest(image, manifest, oci::kOciManifest),
              IsOkAndHolds(oci::Digest::Of(manifest)));
  EXPECT_THAT(
      client->PutManifest(image.WithDigest(oci::Digest::Of(manifest)), manifest, oci::kOciManifest),
      IsOkAndHolds(oci::Digest::Of(manifest)));
  ASSERT_OK_AND_ASSIGN(const RawManifest got, client->GetManifest(image));
  EXPECT_EQ(got.bytes, manifest);
  EXPECT_EQ(got.media_type, oci::kOciManifest);
  ASSERT_OK_AND_ASSIGN(const auto head,
                       client->HeadManifest(image.WithDigest(oci::Digest::Of(manifest))));
  ASSERT_TRUE(head.has_value());
  EXPECT_EQ(head->digest, oci::Digest::Of(manifest));
  EXPECT_EQ(head->size, manifest.size());
  ASSERT_OK_AND_ASSIGN(const auto source, client->GetBlob(image, Describe(layer)));
  EXPECT_THAT(base::ReadAll(*source, 8 << 20), IsOkAndHolds(layer));
  EXPECT_THAT(client->ListTags(image), IsOkAndHolds(ElementsAre("1.0")));
  // The same blob in another repository, without its bytes.
  const oci::Reference other = Ref(host, "shop/job:1.0");
  EXPECT_THAT(client->MountBlob(other, oci::Digest::Of(layer), "shop/web"), IsOkAndHolds(true));
  EXPECT_THAT(client->HeadBlob(other, oci::Digest::Of(layer)), IsOkAndHolds(layer.size()));
  EXPECT_THAT(client->MountBlob(other, oci::Digest::Of("none"), "shop/web"), IsOkAndHolds(false));
}

TEST(RegistryClientTest, AnOpenRegistry) {
  ASSERT_OK_AND_ASSIGN(const auto registry, Registry::Start());
  Client client;
  RoundTrip(client, registry->host());
}

TEST(RegistryClientTest, ARegistryWithPasswords) {
  ASSERT_OK_AND_ASSIGN(const auto registry,
                       Registry::Start({.auth = RegistryOptions::Auth::kBasic}));
  Client client(LoggedIn(*registry, "alice", "wonderland"));
  RoundTrip(client, registry->host());
}

TEST(RegistryClientTest, ARegistryWithTokens) {
  ASSERT_OK_AND_ASSIGN(const auto registry,
                       Registry::Start({.auth = RegistryOptions::Auth::kToken}));
  Client client(LoggedIn(*registry, "alice", "wonderland"));
  RoundTrip(client, registry->host());
  // One for the whole registry, and for each set of scopes one: not one for each request.
  EXPECT_LE(registry->token_server().token_count(), 7);
}

TEST(RegistryClientTest, ARegistryWithTls) {
  ASSERT_OK_AND_ASSIGN(const auto registry, Registry::Start({.tls = true}));
  Client trusting({.tls_hosts = {{registry->host(), {.ca_file = registry->ca_file()}}}});
  RoundTrip(trusting, registry->host());
  Client doubting({.tls_hosts = {{"127.0.0.1", {}}}});
  EXPECT_THAT(doubting->Ping(registry->host()),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       AllOf(HasSubstr("certificate"), HasSubstr("--insecure-registry"))));
  Client insecure({.insecure_registries = {registry->host()}});
  EXPECT_OK(insecure->Ping(registry->host()));
  Client plain;
  EXPECT_THAT(plain->Ping(registry->host()),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("TLS")));
  // Plain HTTP to this machine is a guess, which the system's authorities can correct.
  ::setenv("SSL_CERT_FILE", registry->ca_file().c_str(), 1);
  Client guessing;
  EXPECT_OK(guessing->Ping(registry->host()));
  EXPECT_OK(guessing->ListTags(Ref(registry->host(), "shop/web:1")).status());
  ::unsetenv("SSL_CERT_FILE");
}

TEST(RegistryClientTest, AnInsecureRegistryMayBePlain) {
  ASSERT_OK_AND_ASSIGN(const auto registry, Registry::Start());
  Client client({.insecure_registries = {"127.0.0.1"}});
  EXPECT_OK(client->Ping(registry->host()));
}

TEST(RegistryClientTest, AWrongPasswordSaysWhatToDo) {
  for (const auto auth : {RegistryOptions::Auth::kBasic, RegistryOptions::Auth::kToken}) {
    ASSERT_OK_AND_ASSIGN(const auto registry, Registry::Start({.auth = auth}));
    Client client(LoggedIn(*registry, "alice", "guess"));
    EXPECT_THAT(client->HeadManifest(Ref(registry->host(), "shop/web:1")),
                StatusIs(absl::StatusCode::kUnauthenticated,
                         AllOf(HasSubstr("wrong password"), HasSubstr("alice"),
                               HasSubstr("docker login " + registry->host()),
                               HasSubstr("config.json"), Not(HasSubstr("guess")))));
    Client stranger;
    EXPECT_THAT(stranger->GetManifest(Ref(registry->host(), "shop/web:1")),
                StatusIs(absl::StatusCode::kUnauthenticated,
                         HasSubstr("docker login " + registry->host())));
  }
}

TEST(RegistryClientTest, ARegistryThatIsDownIsNamed) {
  ASSERT_OK_AND_ASSIGN(const auto registry, Registry::Start());
  registry->Kill();
  Client client;
  EXPECT_THAT(client->GetManifest(Ref(registry->host(), "shop/web:1")),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr(registry->host()), HasSubstr("Connection refused"),
                             HasSubstr("check"))));
}

TEST(RegistryClientTest, ARegistryThatComesBackIsUsed) {
  ASSERT_OK_AND_ASSIGN(const auto registry, Registry::Start());
  RegistryClientOptions options;
  http::Client http;
  credentials::MemoryCredentialStore nobody;
  bool restarted = false;
  options.wait = [&](absl::Duration, std::stop_token) {
    if (!std::exchange(restarted, true)) {
      EXPECT_OK(registry->Restart());
    }
  };
  RegistryClient client(&http, &nobody, options);
  registry->Kill();
  EXPECT_OK(client.Ping(registry->host()));
  EXPECT_TRUE(restarted);
}

TEST(RegistryClientTest, StreamsABlobInPieces) {
  ASSERT_OK_AND_ASSIGN(const auto registry, Registry::Start());
  Client client({.chunk_bytes = 1 << 20});
  const oci::Reference image = Ref(registry->host(), "shop/web");
  for (const size_t size : {size_t{0}, size_t{10}, size_t{1 << 20}, size_t{3 << 20} + 5}) {
    const std::string bytes = Bytes(size, size + 1);
    ASSERT_OK_AND_ASSIGN(const auto upload, client->StartBlob(image));
    ASSERT_OK(upload->Write(bytes));
    ASSERT_OK_AND_ASSIGN(const oci::Descriptor stored, upload->Commit(oci::Digest::Of(bytes)));
    EXPECT_EQ(stored.digest, oci::Digest::Of(bytes));
    EXPECT_EQ(stored.size, size);
    ASSERT_OK_AND_ASSIGN(const auto source, client->GetBlob(image, Describe(bytes)));
    EXPECT_THAT(base::ReadAll(*source, 8 << 20), IsOkAndHolds(bytes));
  }
}

TEST(RegistryClientTest, ABlobThatIsNotItsDigestIsRefused) {
  ASSERT_OK_AND_ASSIGN(const auto registry, Registry::Start());
  Client client;
  const oci::Reference image = Ref(registry->host(), "shop/web");
  oci::Descriptor wrong = Describe("what was announced");
  EXPECT_THAT(client->PutBlob(image, wrong, Opener("what was delivered")),
              StatusIs(absl::StatusCode::kDataLoss));
  wrong.size = 40;
  EXPECT_THAT(client->PutBlob(image, wrong, Opener("short")),
              StatusIs(absl::StatusCode::kDataLoss));
}

TEST(RegistryClientTest, AnAbandonedUploadIsCancelled) {
  ASSERT_OK_AND_ASSIGN(const auto registry, Registry::Start());
  Client client({.chunk_bytes = 1000});
  {
    ASSERT_OK_AND_ASSIGN(const auto upload, client->StartBlob(Ref(registry->host(), "shop/web")));
    ASSERT_OK(upload->Write(Bytes(2500)));
  }
  ASSERT_OK(registry->process().WaitForOutput("\"DELETE /v2/shop/web/blobs/uploads/"));
}

TEST(RegistryClientTest, AnUploadGoesOnAfterTheConnectionWasCut) {
  ASSERT_OK_AND_ASSIGN(const auto registry, Registry::Start());
  ASSERT_OK_AND_ASSIGN(const auto proxy, FaultyProxy::Start(registry->port()));
  Client client({.chunk_bytes = 2 << 20});
  const oci::Reference image = Ref(proxy->host(), "shop/web");
  const std::string bytes = Bytes(8 << 20);
  proxy->Add({.method = "PUT", .cut_request_after = 5 << 20});
  ASSERT_OK(client->PutBlob(image, Describe(bytes), Opener(bytes)));
  ASSERT_OK_AND_ASSIGN(const auto source, client->GetBlob(image, Describe(bytes)));
  EXPECT_THAT(base::ReadAll(*source, 16 << 20), IsOkAndHolds(bytes));

  const std::string pieces = Bytes(7 << 20, 2);
  proxy->Add({.method = "PATCH", .cut_request_after = 1 << 20});
  proxy->Add({.method = "PATCH", .status = 503});
  proxy->Add({.method = "PUT", .status = 500});
  ASSERT_OK_AND_ASSIGN(const auto upload, client->StartBlob(image));
  ASSERT_OK(upload->Write(pieces));
  ASSERT_OK(upload->Commit());
  ASSERT_OK_AND_ASSIGN(const auto again, client->GetBlob(image, Describe(pieces)));
  EXPECT_THAT(base::ReadAll(*again, 16 << 20), IsOkAndHolds(pieces));
  EXPECT_EQ(proxy->pending_count(), 0);
}

TEST(RegistryClientTest, ADownloadGoesOnAfterTheConnectionWasCut) {
  ASSERT_OK_AND_ASSIGN(const auto registry, Registry::Start());
  ASSERT_OK_AND_ASSIGN(const auto proxy, FaultyProxy::Start(registry->port()));
  Client client;
  const oci::Reference image = Ref(proxy->host(), "shop/web");
  const std::string bytes = Bytes(4 << 20);
  ASSERT_OK(client->PutBlob(image, Describe(bytes), Opener(bytes)));
  for (int cut = 1; cut <= 3; ++cut) {
    proxy->Add({.method = "GET", .path = "/blobs/sha256", .cut_response_after = cut * 300000u});
  }
  proxy->Add({.method = "GET", .path = "/blobs/sha256", .status = 429});
  ASSERT_OK_AND_ASSIGN(const auto source, client->GetBlob(image, Describe(bytes)));
  EXPECT_THAT(base::ReadAll(*source, 16 << 20), IsOkAndHolds(bytes));
  EXPECT_EQ(proxy->pending_count(), 0);
}

TEST(RegistryClientTest, StoppingEndsAnUploadThatHangs) {
  ASSERT_OK_AND_ASSIGN(const auto registry, Registry::Start());
  Client client;
  const oci::Reference image = Ref(registry->host(), "shop/web");
  std::stop_source stop;
  const BlobOpener opener = [&]() -> absl::StatusOr<std::unique_ptr<base::ByteSource>> {
    registry->process().Suspend();
    stop.request_stop();
    return std::make_unique<base::StringSource>(Bytes(1 << 20));
  };
  EXPECT_THAT(client->PutBlob(image, Describe(Bytes(1 << 20)), opener, stop.get_token()),
              StatusIs(absl::StatusCode::kCancelled));
  registry->process().Resume();
}

TEST(RegistryClientTest, ListsAllTagsAndKnowsAMissingRepository) {
  ASSERT_OK_AND_ASSIGN(const auto registry, Registry::Start());
  Client client;
  const oci::Reference image = Ref(registry->host(), "shop/web");
  const std::string config = "{}";
  ASSERT_OK(client->PutBlob(image, Describe(config), Opener(config)));
  const std::string manifest =
      absl::StrCat(R"({"schemaVersion":2,"mediaType":")", oci::kOciManifest,
                   R"(","config":{"mediaType":")", oci::kOciConfig, R"(","digest":")",
                   oci::Digest::Of(config).ToString(), R"(","size":2},"layers":[]})");
  for (int i = 0; i < 12; ++i) {
    ASSERT_OK(client->PutManifest(*image.WithTag(absl::StrCat("v", 10 + i)), manifest,
                                  oci::kOciManifest));
  }
  ASSERT_OK_AND_ASSIGN(const std::vector<std::string> tags, client->ListTags(image));
  EXPECT_EQ(tags.size(), 12);
  EXPECT_THAT(tags, ::testing::Contains("v21"));
  EXPECT_THAT(client->ListTags(Ref(registry->host(), "no/such")),
              StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace stevedore::transfer
