// The parts that real registries do not show; the rest is in tests/transfer.
#include "transfer/registry_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"
#include "transfer/testing/scripted_registry.h"

namespace stevedore::transfer {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using http::testing::ReceivedRequest;
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

}  // namespace
}  // namespace stevedore::transfer
