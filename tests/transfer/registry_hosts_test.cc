// Lists, deletions, attached artifacts, mirrors, certificates and proxies against real registries.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/byte_source.h"
#include "base/file.h"
#include "base/mutex.h"
#include "base/testing/status_matchers.h"
#include "credentials/credential_store.h"
#include "http/client.h"
#include "http/testing/loopback_server.h"
#include "oci/image/media_type.h"
#include "oci/image/reference.h"
#include "tests/harness/faulty_proxy.h"
#include "tests/harness/registry.h"
#include "tests/transfer/registry_test_client.h"
#include "transfer/host_settings.h"
#include "transfer/registry_client.h"

namespace stevedore::transfer {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using registry_test::Bytes;
using registry_test::Client;
using registry_test::Describe;
using registry_test::LoggedIn;
using registry_test::Opener;
using registry_test::PushEmptyConfig;
using registry_test::Ref;
using stevedore::testing::FaultyProxy;
using stevedore::testing::Registry;
using stevedore::testing::RegistryOptions;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(RegistryHostsTest, ListsAllRepositories) {
  for (const auto auth : {RegistryOptions::Auth::kNone, RegistryOptions::Auth::kToken}) {
    ASSERT_OK_AND_ASSIGN(const auto registry, Registry::Start({.auth = auth}));
    Client client(LoggedIn(*registry, "alice", "wonderland"));
    // More than one page.
    std::vector<std::string> names;
    for (int i = 0; i < 120; ++i) {
      names.push_back(absl::StrCat("shop/r", 1000 + i));
      const oci::Reference image = Ref(registry->host(), names.back() + ":1");
      ASSERT_OK(client->PutManifest(image, PushEmptyConfig(client, image), oci::kOciManifest));
    }
    const auto listed = client->ListRepositories(registry->host());
    if (auth == RegistryOptions::Auth::kNone) {
      EXPECT_THAT(listed, IsOkAndHolds(names));
    } else {
      // Alice may read repositories, not the catalogue: her token says so.
      EXPECT_THAT(listed, ::testing::AnyOf(IsOkAndHolds(names),
                                           StatusIs(absl::StatusCode::kPermissionDenied,
                                                    HasSubstr("repositories of"))));
    }
  }
}

TEST(RegistryHostsTest, Defect13ReferrersAreKeptUnderTheFallbackTag) {
  ASSERT_OK_AND_ASSIGN(const auto registry, Registry::Start());
  Client client;
  const oci::Reference image = Ref(registry->host(), "shop/web:1");
  const std::string subject = PushEmptyConfig(client, image);
  ASSERT_OK(client->PutManifest(image, subject, oci::kOciManifest));
  const oci::Digest digest = oci::Digest::Of(subject);
  EXPECT_THAT(client->ListReferrers(image, digest), IsOkAndHolds(ElementsAre()));
  // Several at once: none is lost.
  std::vector<std::string> attached(6);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 6; ++i) {
      attached[i] = PushEmptyConfig(
          client, image,
          absl::StrCat(R"(,"artifactType":"application/x.)", i % 2 == 0 ? "sig" : "sbom",
                       R"(","annotations":{"n":")", i, R"("},"subject":{"mediaType":")",
                       oci::kOciManifest, R"(","digest":")", digest.ToString(), R"(","size":)",
                       subject.size(), "}"));
      threads.emplace_back([&, i] {
        EXPECT_OK(client->PutManifest(image.WithDigest(oci::Digest::Of(attached[i])), attached[i],
                                      oci::kOciManifest));
      });
    }
  }
  ASSERT_OK_AND_ASSIGN(const auto all, client->ListReferrers(image, digest));
  EXPECT_EQ(all.size(), 6);
  ASSERT_OK_AND_ASSIGN(const auto signatures,
                       client->ListReferrers(image, digest, "application/x.sig"));
  EXPECT_EQ(signatures.size(), 3);
  for (const oci::Descriptor& entry : signatures) {
    EXPECT_EQ(entry.artifact_type, "application/x.sig");
    EXPECT_EQ(entry.annotations.count("n"), 1);
  }
  // What is deleted is no longer listed.
  ASSERT_OK(client->DeleteManifest(image.WithDigest(oci::Digest::Of(attached[0]))));
  ASSERT_OK_AND_ASSIGN(const auto rest, client->ListReferrers(image, digest));
  EXPECT_EQ(rest.size(), 5);
  for (const oci::Descriptor& entry : rest) {
    EXPECT_NE(entry.digest, oci::Digest::Of(attached[0]));
  }
}

TEST(RegistryHostsTest, DeletesByDigestAndSaysWhatCannotBeDeleted) {
  for (const auto auth : {RegistryOptions::Auth::kNone, RegistryOptions::Auth::kToken}) {
    ASSERT_OK_AND_ASSIGN(const auto registry, Registry::Start({.auth = auth}));
    Client client(LoggedIn(*registry, "alice", "wonderland"));
    const oci::Reference image = Ref(registry->host(), "shop/web:1");
    const std::string manifest = PushEmptyConfig(client, image);
    ASSERT_OK(client->PutManifest(image, manifest, oci::kOciManifest));
    const oci::Reference by_digest = image.WithDigest(oci::Digest::Of(manifest));
    // This registry does, or does not, delete tags; either way it is clear what happened.
    const absl::Status tag = client->DeleteManifest(image);
    if (tag.ok()) {
      EXPECT_THAT(client->HeadManifest(image), IsOkAndHolds(std::nullopt));
    } else {
      EXPECT_THAT(tag, StatusIs(absl::StatusCode::kUnimplemented,
                                AllOf(HasSubstr("does not delete tags"), HasSubstr("by its digest"),
                                      HasSubstr(by_digest.Canonical()))));
    }
    ASSERT_OK(client->DeleteManifest(by_digest));
    EXPECT_THAT(client->HeadManifest(by_digest), IsOkAndHolds(std::nullopt));
    EXPECT_THAT(client->DeleteManifest(by_digest), StatusIs(absl::StatusCode::kNotFound));
  }
}

TEST(RegistryHostsTest, AMirrorIsAskedFirstAndTheOriginIfItFails) {
  ASSERT_OK_AND_ASSIGN(const auto registry, Registry::Start());
  ASSERT_OK_AND_ASSIGN(const auto origin, FaultyProxy::Start(registry->port()));
  ASSERT_OK_AND_ASSIGN(const auto cache, Registry::Start());
  ASSERT_OK_AND_ASSIGN(const auto mirror, FaultyProxy::Start(cache->port()));
  RegistryClientOptions options;
  options.host_settings = [&](const std::string& host) {
    HostSettings settings;
    if (host == origin->host()) settings.mirrors = {mirror->host() + "/hub"};
    return settings;
  };
  Client client(options);
  const oci::Reference image = Ref(origin->host(), "shop/web:1");
  const std::string layer = Bytes(1 << 20);
  const std::string manifest = PushEmptyConfig(client, image);
  ASSERT_OK(client->PutBlob(image, Describe(layer), Opener(layer)));
  ASSERT_OK(client->PutManifest(image, manifest, oci::kOciManifest));
  const auto read = [&] {
    ASSERT_OK_AND_ASSIGN(const RawManifest got, client->GetManifest(image));
    EXPECT_EQ(got.bytes, manifest);
    ASSERT_OK_AND_ASSIGN(const auto source, client->GetBlob(image, Describe(layer)));
    EXPECT_THAT(base::ReadAll(*source, 8 << 20), IsOkAndHolds(layer));
  };
  // The mirror has nothing yet: that is no failure.
  read();
  EXPECT_EQ(mirror->RequestCount("GET /v2/hub/shop/web/"), 2);
  EXPECT_EQ(origin->RequestCount("GET /v2/shop/web/"), 2);
  // It has everything: the origin is left alone.
  const oci::Reference cached = Ref(cache->host(), "hub/shop/web:1");
  PushEmptyConfig(client, cached);
  ASSERT_OK(client->PutBlob(cached, Describe(layer), Opener(layer)));
  ASSERT_OK(client->PutManifest(cached, manifest, oci::kOciManifest));
  read();
  EXPECT_EQ(origin->RequestCount("GET /v2/shop/web/"), 2);
  // It breaks in the middle of a blob: the origin sends the rest.
  mirror->Add({.method = "GET", .path = "/blobs/", .cut_response_after = 300000u});
  ASSERT_OK_AND_ASSIGN(const auto source, client->GetBlob(image, Describe(layer)));
  EXPECT_THAT(base::ReadAll(*source, 8 << 20), IsOkAndHolds(layer));
  EXPECT_EQ(origin->RequestCount("GET /v2/shop/web/blobs/"), 2);
  // And is then left alone itself.
  const int before = mirror->RequestCount("GET");
  read();
  EXPECT_EQ(mirror->RequestCount("GET"), before);
}

TEST(RegistryHostsTest, AMirrorThatLiesIsNotBelieved) {
  ASSERT_OK_AND_ASSIGN(const auto registry, Registry::Start());
  ASSERT_OK_AND_ASSIGN(const auto mirror, FaultyProxy::Start(registry->port()));
  RegistryClientOptions options;
  options.host_settings = [&](const std::string& host) {
    HostSettings settings;
    if (host == registry->host()) settings.mirrors = {mirror->host()};
    return settings;
  };
  Client client(options);
  const oci::Reference image = Ref(registry->host(), "shop/web:1");
  const std::string manifest = PushEmptyConfig(client, image);
  ASSERT_OK(client->PutManifest(image, manifest, oci::kOciManifest));
  mirror->Add({.path = "/manifests/", .status = 200, .body = "{\"other\":1}"});
  ASSERT_OK_AND_ASSIGN(const RawManifest got,
                       client->GetManifest(image.WithDigest(oci::Digest::Of(manifest))));
  EXPECT_EQ(got.bytes, manifest);
  EXPECT_EQ(mirror->pending_count(), 0);
}

TEST(RegistryHostsTest, CertificatesOfTheHostsFolderAreUsed) {
  ASSERT_OK_AND_ASSIGN(const auto registry, Registry::Start({.tls = true}));
  ASSERT_OK_AND_ASSIGN(const auto folder, base::TemporaryDirectory::Create());
  const std::string host_folder = base::JoinPath(folder.path(), registry->host());
  ASSERT_OK(base::MakeDirectories(host_folder));
  ASSERT_OK_AND_ASSIGN(const std::string pem, base::ReadFile(registry->ca_file()));
  ASSERT_OK(base::WriteFileAtomically(base::JoinPath(host_folder, "ca.crt"), pem));
  Client client({.host_settings = FindHostSettings({}, {folder.path()})});
  EXPECT_OK(client->Ping(registry->host()));
  HostSettings blocked;
  blocked.blocked = true;
  blocked.said_in = "stevedore.yaml:3:5";
  Client refused({.host_settings = FindHostSettings({{registry->host(), blocked}}, {})});
  EXPECT_THAT(
      refused->Ping(registry->host()),
      StatusIs(absl::StatusCode::kFailedPrecondition,
               AllOf(HasSubstr("is blocked by stevedore.yaml:3:5"), HasSubstr(registry->host()))));
}

// A small forward proxy: plain requests with absolute URLs, and CONNECT. Every name leads to
// `target_port` of this machine.
class ForwardProxy {
 public:
  explicit ForwardProxy(int target_port) : target_port_(target_port) {
    server_ = *http::testing::LoopbackServer::Start(
        [this](http::testing::Connection& client) { Serve(client); });
  }
  std::string url() const { return server_->url(); }
  std::vector<std::string> requests() const {
    base::MutexLock lock(&mu_);
    return requests_;
  }

 private:
  void Serve(http::testing::Connection& client) {
    while (true) {
      auto request = client.ReadRequest();
      if (!request.ok()) return;
      {
        base::MutexLock lock(&mu_);
        requests_.push_back(absl::StrCat(request->method, " ", request->target));
      }
      auto server = http::testing::ConnectLoopback(target_port_);
      if (!server.ok()) return;
      http::testing::Connection upstream(server->get());
      if (request->method == "CONNECT") {
        if (!client.Write("HTTP/1.1 200 Connected\r\n\r\n").ok()) return;
        const std::jthread back([&] { Pump(upstream, client); });
        Pump(client, upstream);
        ::shutdown(server->get(), SHUT_RDWR);
        return;
      }
      const auto body = client.ReadExactly(request->ContentLength());
      if (!body.ok()) return;
      // "GET http://name/path HTTP/1.1": the origin gets the path, and no second request.
      std::string head = request->head;
      const size_t scheme = head.find("http://");
      head.erase(scheme, head.find('/', scheme + 7) - scheme);
      head.insert(head.find("\r\n") + 2, "Connection: close\r\n");
      if (!upstream.Write(head + *body).ok()) return;
      Pump(upstream, client);
      return;
    }
  }
  static void Pump(http::testing::Connection& from, http::testing::Connection& to) {
    char buffer[16 << 10];
    while (true) {
      const auto read = from.Read(buffer, sizeof buffer);
      if (!read.ok() || *read == 0) return;
      if (!to.Write(absl::string_view(buffer, *read)).ok()) return;
    }
  }

  const int target_port_;
  mutable base::Mutex mu_;
  std::vector<std::string> requests_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<http::testing::LoopbackServer> server_;
};

TEST(RegistryHostsTest, SpeaksThroughProxies) {
  for (const bool tls : {false, true}) {
    ASSERT_OK_AND_ASSIGN(const auto registry, Registry::Start({.tls = tls}));
    const ForwardProxy proxy(registry->port());
    ::setenv("http_proxy", proxy.url().c_str(), 1);
    ::setenv("https_proxy", proxy.url().c_str(), 1);
    // A name that only the proxy can look up.
    Client client({.insecure_registries = {"registry.proxied.test"}});
    const oci::Reference image = *oci::Reference::Parse("registry.proxied.test/shop/web:1");
    const std::string manifest = PushEmptyConfig(client, image);
    EXPECT_OK(client->PutManifest(image, manifest, oci::kOciManifest));
    EXPECT_EQ(client->GetManifest(image)->bytes, manifest);
    ::unsetenv("http_proxy");
    ::unsetenv("https_proxy");
    EXPECT_THAT(proxy.requests(),
                ::testing::Contains(tls ? "CONNECT registry.proxied.test:443"
                                        : "GET http://registry.proxied.test/v2/shop/web/"
                                          "manifests/1"));
  }
}

TEST(RegistryHostsTest, WaitsAsLongAsTheRegistryAsks) {
  ASSERT_OK_AND_ASSIGN(const auto registry, Registry::Start());
  ASSERT_OK_AND_ASSIGN(const auto proxy, FaultyProxy::Start(registry->port()));
  std::vector<absl::Duration> waits;
  RegistryClientOptions options;
  options.wait = [&](absl::Duration wait, std::stop_token) { waits.push_back(wait); };
  http::Client http;
  const credentials::MemoryCredentialStore nobody;
  RegistryClient client(&http, &nobody, options);
  const oci::Reference image = Ref(proxy->host(), "shop/web:1");
  proxy->Add({.method = "HEAD", .status = 429, .headers = {{"Retry-After", "7"}}});
  EXPECT_THAT(client.HeadManifest(image), IsOkAndHolds(std::nullopt));
  const std::string bytes = Bytes(1000);
  proxy->Add({.method = "PUT", .status = 429, .headers = {{"Retry-After", "11"}}});
  EXPECT_OK(client.PutBlob(image, Describe(bytes), Opener(bytes)));
  EXPECT_THAT(waits, ElementsAre(absl::Seconds(7), absl::Seconds(11)));
}

}  // namespace
}  // namespace stevedore::transfer
