// The parts that real registries do not show; the rest is in tests/transfer.
#include "transfer/registry_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"
#include "oci/image/media_type.h"
#include "transfer/testing/scripted_registry.h"

namespace stevedore::transfer {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using http::testing::ReceivedRequest;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::ScriptedAnswer;
using testing::ScriptedRegistry;
using testing::WithoutWaiting;

class RegistryClientTest : public ::testing::Test {
 protected:
  ScriptedAnswer answer_;
  ScriptedRegistry::Script script_ = [this](const ReceivedRequest&, const std::string&) {
    return answer_;
  };
  ScriptedRegistry registry_{
      [this](const ReceivedRequest& r, const std::string& b) { return script_(r, b); }};
  std::vector<absl::Duration> waits_;
  credentials::MemoryCredentialStore nobody_;
  http::Client http_;
  RegistryClient client_{&http_, &nobody_, WithoutWaiting(&waits_)};
  oci::Reference image_ = registry_.Repository("a/b:1");
};

TEST_F(RegistryClientTest, TagPagesAreFollowedOnThisHostOnly) {
  std::string second = "</v2/a/b/tags/list?last=y>; rel=\"next\"";
  script_ = [&](const ReceivedRequest& request, const std::string&) -> ScriptedAnswer {
    if (absl::StrContains(request.target, "last=")) return {.body = R"({"tags":["z"]})"};
    return {.headers = {{"Link", second}}, .body = R"({"tags":["x","y"]})"};
  };
  EXPECT_THAT(client_.ListTags(image_), IsOkAndHolds(ElementsAre("x", "y", "z")));
  second = "<http://evil.example/tags>; rel=\"next\"";
  EXPECT_THAT(client_.ListTags(image_),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("evil.example")));
}

TEST_F(RegistryClientTest, AnEmptyRepositoryHasNoTags) {
  answer_ = {.body = R"({"name":"a/b","tags":null})"};
  EXPECT_THAT(client_.ListTags(image_), IsOkAndHolds(ElementsAre()));
  answer_ = {.body = "[]"};
  EXPECT_THAT(client_.ListTags(image_), StatusIs(absl::StatusCode::kInternal));
}

TEST_F(RegistryClientTest, AManifestIsVerifiedWithAndWithoutTheHeader) {
  answer_ = {.body = "{}"};
  ASSERT_OK_AND_ASSIGN(const RawManifest manifest, client_.GetManifest(image_));
  EXPECT_EQ(manifest.digest, oci::Digest::Of("{}"));
  EXPECT_THAT(client_.GetManifest(image_.WithDigest(oci::Digest::Of("other"))),
              StatusIs(absl::StatusCode::kDataLoss));
  answer_.headers = {{"Docker-Content-Digest", oci::Digest::Of("other").ToString()}};
  EXPECT_THAT(client_.GetManifest(image_), StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(RegistryClientTest, AManifestHasALimit) {
  answer_ = {.body = std::string(kManifestLimitBytes + 1, ' ')};
  EXPECT_THAT(client_.GetManifest(image_), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(client_.PutManifest(image_, answer_.body, "x"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at most")));
}

TEST_F(RegistryClientTest, TheMediaTypeIsTheHeadersElseTheDocuments) {
  answer_ = {
      .headers = {{"Content-Type", "application/vnd.oci.image.index.v1+json; charset=utf-8"}},
      .body = "{}"};
  EXPECT_EQ(client_.GetManifest(image_)->media_type, "application/vnd.oci.image.index.v1+json");
  answer_ = {.headers = {{"Content-Type", "application/json"}},
             .body = R"({"mediaType":"application/vnd.docker.distribution.manifest.v2+json"})"};
  EXPECT_EQ(client_.GetManifest(image_)->media_type,
            "application/vnd.docker.distribution.manifest.v2+json");
  answer_ = {.body = R"({"manifests":[]})"};
  EXPECT_EQ(client_.GetManifest(image_)->media_type, "application/vnd.oci.image.index.v1+json");
}

TEST_F(RegistryClientTest, AHeadWithoutDigestIsAnsweredByAGet) {
  script_ = [&](const ReceivedRequest& request, const std::string&) -> ScriptedAnswer {
    if (request.method == "HEAD") return {};
    return {.body = "{}"};
  };
  ASSERT_OK_AND_ASSIGN(const auto found, client_.HeadManifest(image_));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->digest, oci::Digest::Of("{}"));
  EXPECT_EQ(found->size, 2);
}

TEST_F(RegistryClientTest, AManifestThatTheRegistryChangedIsDataLoss) {
  answer_ = {.status = 201,
             .headers = {{"Docker-Content-Digest", oci::Digest::Of("other").ToString()}}};
  EXPECT_THAT(client_.PutManifest(image_, "{}", "x"), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(client_.PutManifest(image_.WithDigest(oci::Digest::Of("other")), "{}", "x"),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(RegistryClientTest, ARefusedMountIsCancelled) {
  answer_ = {.status = 202, .headers = {{"Location", "/v2/a/b/blobs/uploads/id"}}};
  EXPECT_THAT(client_.MountBlob(image_, oci::Digest::Of("x"), "c/d"), IsOkAndHolds(false));
  EXPECT_THAT(registry_.requests(), Contains("DELETE /v2/a/b/blobs/uploads/id"));
  answer_ = {.status = 403};
  EXPECT_THAT(client_.MountBlob(image_, oci::Digest::Of("x"), "c/d"), IsOkAndHolds(false));
  EXPECT_THAT(client_.MountBlob(image_, oci::Digest::Of("x"), "../d"),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(RegistryClientTest, PingSaysWhatIsWrong) {
  EXPECT_OK(client_.Ping(registry_.server().host()));
  answer_ = {.status = 404};
  EXPECT_THAT(client_.Ping(registry_.server().host()), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(client_.Ping("no host"), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(RegistryClientTest, Defect13OnlyNotFoundLeadsToTheFallbackTag) {
  const oci::Digest subject = oci::Digest::Of("subject");
  answer_ = {.status = 404};
  EXPECT_THAT(client_.ListReferrers(image_, subject), IsOkAndHolds(ElementsAre()));
  EXPECT_THAT(registry_.requests(),
              ElementsAre(absl::StrCat("GET /v2/a/b/referrers/", subject.ToString()),
                          absl::StrCat("GET /v2/a/b/manifests/sha256-", subject.hex())));
  // Whoever may not read must not be told that nothing is attached.
  for (const int status : {401, 403, 500}) {
    answer_.status = status;
    EXPECT_FALSE(client_.ListReferrers(image_, subject).ok()) << status;
  }
}

TEST_F(RegistryClientTest, ReferrersArePagedAndFiltered) {
  const auto page = [](const std::string& type, const std::string& content) {
    return absl::StrCat(R"({"schemaVersion":2,"mediaType":")", oci::kOciIndex,
                        R"(","manifests":[{"mediaType":")", oci::kOciManifest, R"(","digest":")",
                        oci::Digest::Of(content).ToString(), R"(","size":1,"artifactType":")", type,
                        R"("}]})");
  };
  script_ = [&](const ReceivedRequest& request, const std::string&) -> ScriptedAnswer {
    if (absl::StrContains(request.target, "page=2")) return {.body = page("x/sig", "b")};
    return {.headers = {{"Link", "</v2/a/b/referrers/x?page=2>; rel=\"next\""}},
            .body = page("x/sbom", "a")};
  };
  EXPECT_EQ(client_.ListReferrers(image_, oci::Digest::Of("s"))->size(), 2);
  // This registry does not filter, so we do.
  ASSERT_OK_AND_ASSIGN(const auto signatures,
                       client_.ListReferrers(image_, oci::Digest::Of("s"), "x/sig"));
  ASSERT_EQ(signatures.size(), 1);
  EXPECT_EQ(signatures[0].digest, oci::Digest::Of("b"));
  EXPECT_THAT(registry_.requests(), Contains(HasSubstr("?artifactType=x%2Fsig")));
}

class AttachTest : public RegistryClientTest {
 protected:
  absl::Status Attach() {
    const std::string manifest = absl::StrCat(
        R"({"schemaVersion":2,"mediaType":")", oci::kOciManifest, R"(","config":{"mediaType":")",
        oci::kOciEmpty, R"(","digest":")", oci::Digest::Of("{}").ToString(),
        R"(","size":2},"layers":[],"subject":{"mediaType":")", oci::kOciManifest, R"(","digest":")",
        oci::Digest::Of("subject").ToString(), R"(","size":7}})");
    return client_
        .PutManifest(image_.WithDigest(oci::Digest::Of(manifest)), manifest, oci::kOciManifest)
        .status();
  }
  std::string tag_ = absl::StrCat("sha256-", oci::Digest::Of("subject").hex());
};

TEST_F(AttachTest, ARegistryThatUnderstandsIsLeftAlone) {
  answer_ = {.status = 201, .headers = {{"OCI-Subject", oci::Digest::Of("subject").ToString()}}};
  EXPECT_OK(Attach());
  EXPECT_EQ(registry_.requests().size(), 1);
}

TEST_F(AttachTest, Defect13FallbackTagIsWrittenUnlessSomebodyWasFaster) {
  int writes = 0;
  std::vector<std::string> conditions;
  script_ = [&](const ReceivedRequest& request, const std::string&) -> ScriptedAnswer {
    const bool fallback = absl::StrContains(request.target, tag_);
    if (request.method == "GET" && fallback && writes == 0) return {.status = 404};
    if (request.method == "GET" && fallback) {
      return {.headers = {{"ETag", "\"v1\""}},
              .body = absl::StrCat(R"({"schemaVersion":2,"mediaType":")", oci::kOciIndex,
                                   R"(","manifests":[]})")};
    }
    if (fallback) {
      conditions.push_back(absl::StrCat(request.headers.Find("If-None-Match").value_or("-"), " ",
                                        request.headers.Find("If-Match").value_or("-")));
      return {.status = writes++ == 0 ? 412 : 201};
    }
    return {.status = 201};
  };
  EXPECT_OK(Attach());
  EXPECT_THAT(conditions, ElementsAre("* -", "- \"v1\""));
  // Others who never stop changing it are not waited for without end.
  script_ = [&](const ReceivedRequest& request, const std::string&) -> ScriptedAnswer {
    if (!absl::StrContains(request.target, tag_)) return {.status = 201};
    return {.status = request.method == "GET" ? 404 : 412};
  };
  EXPECT_THAT(Attach(), StatusIs(absl::StatusCode::kAborted, HasSubstr(tag_)));
}

TEST_F(RegistryClientTest, DeletionsThatARegistryDoesNotKnow) {
  script_ = [&](const ReceivedRequest& request, const std::string&) -> ScriptedAnswer {
    if (request.method == "DELETE") return {.status = 405};
    return {.headers = {{"Docker-Content-Digest", oci::Digest::Of("{}").ToString()},
                        {"Content-Length", "2"}},
            .body = request.method == "HEAD" ? "" : "{}"};
  };
  EXPECT_THAT(client_.DeleteManifest(image_),
              StatusIs(absl::StatusCode::kUnimplemented,
                       HasSubstr(absl::StrCat("a/b@", oci::Digest::Of("{}").ToString()))));
  EXPECT_THAT(client_.DeleteManifest(image_.WithDigest(oci::Digest::Of("{}"))),
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("storage.delete.enabled")));
}

TEST_F(RegistryClientTest, EachWarningIsShownOnce) {
  std::vector<std::string> shown;
  RegistryClientOptions options = WithoutWaiting(&waits_);
  options.warn = [&](const std::string& registry, const std::string& warning) {
    shown.push_back(absl::StrCat(registry, ": ", warning));
  };
  RegistryClient client(&http_, &nobody_, options);
  answer_ = {.headers = {{"Warning", "299 - \"tag 1 will be deleted\""},
                         {"Warning", "199 - \"not for people\""}},
             .body = "{}"};
  EXPECT_OK(client.GetManifest(image_));
  EXPECT_OK(client.GetManifest(image_));
  EXPECT_THAT(shown, ElementsAre(AllOf(HasSubstr(registry_.server().host()),
                                       HasSubstr("tag 1 will be deleted"))));
}

TEST_F(RegistryClientTest, AHeadGoesToTheMirrorOnlyIfTheRegistryIsGone) {
  answer_ = {.headers = {{"Docker-Content-Digest", oci::Digest::Of("{}").ToString()},
                         {"Content-Length", "2"}}};
  RegistryClientOptions options = WithoutWaiting(&waits_);
  options.host_settings = [&](const std::string& host) {
    HostSettings settings;
    if (host != registry_.server().host()) settings.mirrors = {registry_.server().host()};
    return settings;
  };
  RegistryClient client(&http_, &nobody_, options);
  // Nobody listens there.
  const auto gone = oci::Reference::Parse("127.0.0.1:1/a/b:1");
  ASSERT_OK_AND_ASSIGN(const auto found, client.HeadManifest(*gone));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->digest, oci::Digest::Of("{}"));
}

}  // namespace
}  // namespace stevedore::transfer
