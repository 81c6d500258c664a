#include "transfer/convert.h"

#include <string>

#include "base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "oci/image/digest.h"

namespace stevedore::transfer {
namespace {

using ::stevedore::base::testing::IsOkAndHolds;
using ::stevedore::base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

nlohmann::json Descriptor(const std::string& type, const std::string& content) {
  return {{"mediaType", type},
          {"digest", oci::Digest::Of(content).ToString()},
          {"size", content.size()}};
}

nlohmann::json ImageJson(const std::string& type, const std::string& config,
                         const std::vector<std::string>& layers) {
  nlohmann::json json = {{"schemaVersion", 2},
                         {"mediaType", type},
                         {"config", Descriptor(config, "{}")},
                         {"layers", nlohmann::json::array()},
                         {"org.example", "kept"}};
  for (const std::string& layer : layers) json["layers"].push_back(Descriptor(layer, layer));
  return json;
}

oci::Manifest ParseManifest(const nlohmann::json& json) {
  return oci::Manifest::Parse(json.dump(2)).value();
}

// One row of the table of media types.
struct Row {
  const char* from;
  oci::ImageFormat to;
  const char* layer;
  const char* expected;  // Null: refused.
};

TEST(ConvertManifest, EachLayerTypeHasItsPartner) {
  const Row rows[] = {
      {oci::kOciManifest, oci::ImageFormat::kDocker, oci::kOciLayer, oci::kDockerLayer},
      {oci::kOciManifest, oci::ImageFormat::kDocker, oci::kOciLayerGzip, oci::kDockerLayerGzip},
      {oci::kOciManifest, oci::ImageFormat::kDocker, oci::kOciLayerZstd, nullptr},
      {oci::kOciManifest, oci::ImageFormat::kDocker,
       "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
       "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"},
      {oci::kOciManifest, oci::ImageFormat::kDocker, "application/vnd.in-toto+json", nullptr},
      {oci::kDockerManifest, oci::ImageFormat::kOci, oci::kDockerLayer, oci::kOciLayer},
      {oci::kDockerManifest, oci::ImageFormat::kOci, oci::kDockerLayerGzip, oci::kOciLayerGzip},
      {oci::kDockerManifest, oci::ImageFormat::kOci, oci::kDockerLayerZstd, oci::kOciLayerZstd},
      {oci::kDockerManifest, oci::ImageFormat::kOci,
       "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
       "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.layer);
    const bool oci = row.from == std::string(oci::kOciManifest);
    const oci::Manifest manifest =
        ParseManifest(ImageJson(row.from, oci ? oci::kOciConfig : oci::kDockerConfig, {row.layer}));
    const absl::StatusOr<oci::Manifest> converted = ConvertManifest(manifest, row.to);
    if (row.expected == nullptr) {
      EXPECT_THAT(converted, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(row.layer)));
      continue;
    }
    ASSERT_OK(converted);
    EXPECT_EQ(converted->layers()[0].media_type, row.expected);
    EXPECT_EQ(converted->media_type(), oci ? oci::kDockerManifest : oci::kOciManifest);
    EXPECT_EQ(converted->config().media_type, oci ? oci::kDockerConfig : oci::kOciConfig);
    EXPECT_EQ(converted->config().digest, manifest.config().digest);
    EXPECT_EQ(converted->layers()[0].digest, manifest.layers()[0].digest);
    EXPECT_THAT(converted->bytes(), HasSubstr("\"org.example\":\"kept\""));
  }
}

TEST(ConvertManifest, WhatIsRightKeepsItsBytes) {
  nlohmann::json json = ImageJson(oci::kOciManifest, oci::kOciConfig, {oci::kOciLayerGzip});
  for (const bool says_type : {true, false}) {
    if (!says_type) json.erase("mediaType");
    const oci::Manifest manifest = ParseManifest(json);
    const absl::StatusOr<oci::Manifest> converted =
        ConvertManifest(manifest, oci::ImageFormat::kOci);
    ASSERT_OK(converted);
    EXPECT_EQ(converted->bytes(), manifest.bytes());
  }
}

TEST(ConvertManifest, ArtifactsHaveNoFormInDockersFormat) {
  const oci::Manifest artifact = ParseManifest(
      ImageJson(oci::kOciManifest, oci::kOciEmpty, {"application/vnd.cyclonedx+json"}));
  EXPECT_THAT(ConvertManifest(artifact, oci::ImageFormat::kDocker),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("artifact")));
  EXPECT_OK(ConvertManifest(artifact, oci::ImageFormat::kOci));
}

TEST(ConvertManifest, ALayerTakesTheOldOnesPlace) {
  nlohmann::json json =
      ImageJson(oci::kOciManifest, oci::kOciConfig, {oci::kOciLayerGzip, oci::kOciLayer});
  json["layers"][1]["annotations"] = {{"a", "b"}};
  const oci::Descriptor other{
      .media_type = oci::kOciLayerZstd, .digest = oci::Digest::Of("other"), .size = 5};
  const absl::StatusOr<oci::Manifest> changed =
      ConvertManifest(ParseManifest(json), std::nullopt, {std::nullopt, other});
  ASSERT_OK(changed);
  EXPECT_EQ(changed->layers()[0].media_type, oci::kOciLayerGzip);
  EXPECT_EQ(changed->layers()[1].media_type, oci::kOciLayerZstd);
  EXPECT_EQ(changed->layers()[1].digest, other.digest);
  EXPECT_EQ(changed->layers()[1].size, 5u);
  EXPECT_EQ(changed->layers()[1].annotations.at("a"), "b");
}

nlohmann::json Child(const std::string& content, const std::string& architecture,
                     const std::string& variant = "") {
  nlohmann::json child = Descriptor(oci::kOciManifest, content);
  child["platform"] = {{"os", "linux"}, {"architecture", architecture}};
  if (!variant.empty()) child["platform"]["variant"] = variant;
  return child;
}

// amd64, arm64, arm/v7 and an attestation about arm64.
nlohmann::json IndexJson() {
  nlohmann::json attestation = Child("attestation", "unknown");
  attestation["platform"]["os"] = "unknown";
  attestation["annotations"] = {
      {"vnd.docker.reference.digest", oci::Digest::Of("arm64").ToString()},
      {"vnd.docker.reference.type", "attestation-manifest"}};
  return {{"schemaVersion", 2},
          {"mediaType", oci::kOciIndex},
          {"annotations", {{"who", "me"}}},
          {"unknown", {1, 2}},
          {"manifests",
           {Child("amd64", "amd64"), Child("arm64", "arm64", "v8"), Child("arm", "arm", "v7"),
            attestation}}};
}

oci::Index ParseIndex(const nlohmann::json& json) { return oci::Index::Parse(json.dump()).value(); }

TEST(SelectChildren, WhatServesAPlatformAndWhatSpeaksOfIt) {
  const oci::Index index = ParseIndex(IndexJson());
  const auto select = [&index](const std::string& text) {
    return SelectChildren(index, {oci::Platform::Parse(text).value()});
  };
  EXPECT_THAT(select("linux/arm64"), IsOkAndHolds(ElementsAre(false, true, false, true)));
  EXPECT_THAT(select("linux/arm"), IsOkAndHolds(ElementsAre(false, false, true, false)));
  EXPECT_THAT(select("linux"), IsOkAndHolds(ElementsAre(true, true, true, true)));
  EXPECT_THAT(select("linux/arm/v6"),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("linux/arm/v6; index " + index.digest().ToString() +
                                 " has linux/amd64, linux/arm64/v8, linux/arm/v7")));
}

TEST(ConvertIndex, KeepsWhatIsLeftAndAllOtherMembers) {
  const oci::Index index = ParseIndex(IndexJson());
  const absl::StatusOr<oci::Index> filtered =
      ConvertIndex(index, std::nullopt,
                   {std::nullopt, index.manifests()[1], std::nullopt, index.manifests()[3]});
  ASSERT_OK(filtered);
  ASSERT_EQ(filtered->manifests().size(), 2u);
  // Variants survive (a predecessor lost them).
  EXPECT_EQ(filtered->manifests()[0].platform->variant, "v8");
  EXPECT_EQ(filtered->manifests()[1], index.manifests()[3]);
  EXPECT_EQ(filtered->annotations().at("who"), "me");
  EXPECT_THAT(filtered->bytes(), HasSubstr("\"unknown\":[1,2]"));
}

TEST(ConvertIndex, NothingLeftOutKeepsTheBytes) {
  const oci::Index index = ParseIndex(IndexJson());
  const std::vector<std::optional<oci::Descriptor>> all(index.manifests().begin(),
                                                        index.manifests().end());
  const absl::StatusOr<oci::Index> same = ConvertIndex(index, std::nullopt, all);
  ASSERT_OK(same);
  EXPECT_EQ(same->digest(), index.digest());
}

TEST(ConvertIndex, AttestationsFollowWhatTheySpeakOf) {
  const oci::Index index = ParseIndex(IndexJson());
  std::vector<std::optional<oci::Descriptor>> children(index.manifests().begin(),
                                                       index.manifests().end());
  children[1]->digest = oci::Digest::Of("converted");
  children[1]->media_type = oci::kDockerManifest;
  const absl::StatusOr<oci::Index> changed =
      ConvertIndex(index, oci::ImageFormat::kDocker, children);
  ASSERT_OK(changed);
  EXPECT_EQ(changed->media_type(), oci::kDockerManifestList);
  EXPECT_EQ(changed->manifests()[1].digest, oci::Digest::Of("converted"));
  EXPECT_EQ(changed->manifests()[1].platform->variant, "v8");
  EXPECT_EQ(changed->manifests()[3].annotations.at("vnd.docker.reference.digest"),
            oci::Digest::Of("converted").ToString());
}

}  // namespace
}  // namespace stevedore::transfer
