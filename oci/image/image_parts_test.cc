#include "oci/image/image_parts.h"

#include "base/testing/status_matchers.h"

namespace stevedore::oci {
namespace {

using base::testing::StatusIs;
using ::testing::HasSubstr;
using Json = nlohmann::json;

// A foreign image, written with spaces, in another order of members and without some of them.
Image Foreign(const std::string& config_members = "") {
  const Digest layer = Digest::Of("layer");
  const std::string config = "{ \"os\": \"linux\", \"architecture\": \"amd64\"" + config_members +
                             ", \"rootfs\": {\"type\": \"layers\", \"diff_ids\": [\"" +
                             layer.ToString() + "\"]} }";
  const std::string manifest =
      "{ \"schemaVersion\": 2, \"artifactType\": \"x/y\", \"config\": {\"mediaType\": \"" +
      std::string(kOciConfig) + "\", \"digest\": \"" + Digest::Of(config).ToString() +
      "\", \"size\": " + std::to_string(config.size()) + "}, \"layers\": [{\"mediaType\": \"" +
      kOciLayer + "\", \"digest\": \"" + layer.ToString() + "\", \"size\": 5}] }";
  return {.config = *ImageConfig::Parse(config), .manifest = *Manifest::Parse(manifest)};
}

TEST(ImagePartsTest, WithoutAChangeNoByteChanges) {
  for (const char* members : {"", ", \"config\": null", ", \"history\": []"}) {
    const Image image = Foreign(members);
    ASSERT_OK_AND_ASSIGN(const TakenApart taken, TakeApart(image));
    ASSERT_OK_AND_ASSIGN(const Image again, PutTogether(taken.parts, &taken));
    EXPECT_EQ(again.config.bytes(), image.config.bytes());
    EXPECT_EQ(again.manifest.bytes(), image.manifest.bytes());
  }
}

TEST(ImagePartsTest, AChangeOfTheManifestLeavesTheConfig) {
  const Image image = Foreign();
  ASSERT_OK_AND_ASSIGN(const TakenApart taken, TakeApart(image));
  ImageParts parts = taken.parts;
  parts.annotations["a"] = "b";
  ASSERT_OK_AND_ASSIGN(const Image changed, PutTogether(parts, &taken));
  EXPECT_EQ(changed.config.bytes(), image.config.bytes());
  EXPECT_EQ(changed.manifest.annotations().at("a"), "b");
  EXPECT_EQ(changed.manifest.artifact_type(), "x/y");
  EXPECT_EQ(changed.manifest.config().digest, image.config.digest());
}

TEST(ImagePartsTest, AnotherFormatIsAChange) {
  const Image image = Foreign();
  ASSERT_OK_AND_ASSIGN(const TakenApart taken, TakeApart(image, ImageFormat::kDocker));
  ASSERT_OK_AND_ASSIGN(const Image changed, PutTogether(taken.parts, &taken));
  EXPECT_EQ(changed.manifest.media_type(), kDockerManifest);
  EXPECT_EQ(changed.manifest.config().media_type, kDockerConfig);
  EXPECT_EQ(changed.manifest.layers()[0].media_type, kDockerLayer);
}

TEST(ImagePartsTest, HistoryHasAnEntryForEachLayerWhenItIsWrittenAnew) {
  ASSERT_OK_AND_ASSIGN(const TakenApart taken,
                       TakeApart(Foreign(R"(, "history": [{"empty_layer": true}])")));
  EXPECT_EQ(taken.parts.history,
            Json::parse(R"([{"empty_layer":true},{"created_by":"stevedore"}])"));
  ASSERT_OK_AND_ASSIGN(const Image image, PutTogether(taken.parts));
  EXPECT_EQ(image.config.history().size(), 2u);
}

TEST(ImagePartsTest, RefusesWhatTheSpecRefuses) {
  ASSERT_OK_AND_ASSIGN(const TakenApart taken, TakeApart(Foreign()));
  ImageParts parts = taken.parts;
  parts.config["config"]["Env"] = "A=1";
  const absl::Status status = PutTogether(parts, &taken).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("Env")));
}

TEST(ImagePartsTest, TimesAreInUtcWithoutFractions) {
  EXPECT_EQ(Rfc3339(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(Rfc3339(1700000000), "2023-11-14T22:13:20Z");
}

}  // namespace
}  // namespace stevedore::oci
