#include "oci/image/manifest.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"
#include "nlohmann/json.hpp"
#include "oci/image/canonical_json.h"
#include "oci/image/media_type.h"

namespace stevedore::oci {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using ::testing::HasSubstr;

nlohmann::json Blob(const char* type, absl::string_view content) {
  return Descriptor{.media_type = type, .digest = Digest::Of(content), .size = content.size()}
      .ToJson();
}

nlohmann::json Document() {
  return {{"schemaVersion", 2},
          {"mediaType", kOciManifest},
          {"config", Blob(kOciConfig, "{}")},
          {"layers", {Blob(kOciLayerGzip, "one"), Blob(kOciLayer, "three")}},
          {"annotations", {{"a", "b"}}}};
}

TEST(ManifestTest, KeepsItsBytesAndTheirDigest) {
  // White space and member order of others must survive, or the digest would be another.
  const std::string bytes = Document().dump(3);
  ASSERT_OK_AND_ASSIGN(const Manifest manifest, Manifest::Parse(bytes));
  EXPECT_EQ(manifest.bytes(), bytes);
  EXPECT_EQ(manifest.digest(), Digest::Of(bytes));
  EXPECT_EQ(manifest.media_type(), kOciManifest);
  EXPECT_EQ(manifest.config().digest, Digest::Of("{}"));
  ASSERT_EQ(manifest.layers().size(), 2u);
  EXPECT_EQ(manifest.layers()[1].size, 5u);
  EXPECT_EQ(manifest.annotations().at("a"), "b");
  EXPECT_EQ(manifest.ImageBytes(), 10u);
  EXPECT_EQ(manifest.ToDescriptor().size, bytes.size());
}

TEST(ManifestTest, TheHeaderDecidesTheTypeWhenTheDocumentIsSilent) {
  nlohmann::json json = Document();
  json.erase("mediaType");
  EXPECT_EQ(Manifest::Parse(json.dump())->media_type(), kOciManifest);
  EXPECT_EQ(
      Manifest::Parse(json.dump(), absl::StrCat(kDockerManifest, "; charset=utf-8"))->media_type(),
      kDockerManifest);
  EXPECT_EQ(Manifest::Parse(json.dump(), "text/plain")->media_type(), kOciManifest);
  EXPECT_THAT(DetectMediaType("{\"manifests\":[]}"), IsOkAndHolds(std::string(kOciIndex)));
}

TEST(ManifestTest, RefusesADocumentOfTwoKinds) {
  nlohmann::json json = Document();
  json["manifests"] = nlohmann::json::array();
  EXPECT_THAT(Manifest::Parse(json.dump()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("CVE-2021-41190")));
  EXPECT_THAT(Manifest::Parse(Document().dump(), kDockerManifest),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("but came as")));
  EXPECT_THAT(Manifest::Parse(Document().dump(), kOciIndex),
              StatusIs(absl::StatusCode::kInvalidArgument));
  nlohmann::json silent = Document();
  silent.erase("mediaType");
  EXPECT_THAT(Manifest::Parse(silent.dump(), kOciIndex),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("layers")));
}

TEST(ManifestTest, RefusesWhatTheSchemaRefuses) {
  const std::vector<std::pair<std::string, nlohmann::json>> changes = {
      {"mediaType", "invalid"},
      {"mediaType", 1},
      {"mediaType", kOciIndex},
      {"mediaType", "application/vnd.docker.distribution.manifest.v1+json"},
      {"schemaVersion", 1},
      {"schemaVersion", "2"},
      {"config", {{"mediaType", kOciConfig}, {"size", "2"}}},
      {"layers", "x"},
      {"layers", {1}},
      {"subject", ".nope"},
      {"annotations", {{"a", 1}}},
      {"artifactType", 3},
  };
  for (const auto& [member, value] : changes) {
    nlohmann::json json = Document();
    json[member] = value;
    EXPECT_THAT(Manifest::Parse(json.dump()), StatusIs(absl::StatusCode::kInvalidArgument))
        << member << " " << value;
  }
  for (const char* member : {"config", "layers", "schemaVersion"}) {
    nlohmann::json json = Document();
    json.erase(member);
    EXPECT_THAT(Manifest::Parse(json.dump()),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(member)));
  }
  EXPECT_THAT(Manifest::Parse("[]"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Manifest::Parse(std::string(kMaxDocumentBytes + 1, ' ')),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST(ManifestTest, AcceptsArtifactsAndManifestsWithoutLayers) {
  nlohmann::json json = Document();
  json["layers"] = nlohmann::json::array();
  json["artifactType"] = "application/spdx+json";
  json["subject"] = Blob(kOciManifest, "subject");
  ASSERT_OK_AND_ASSIGN(const Manifest manifest, Manifest::Parse(json.dump()));
  EXPECT_EQ(manifest.artifact_type(), "application/spdx+json");
  ASSERT_TRUE(manifest.subject().has_value());
  EXPECT_EQ(manifest.subject()->size, 7u);
}

}  // namespace
}  // namespace stevedore::oci
