#include "cli/images/family_image.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/testing/status_matchers.h"
#include "cli/images/testing/small_images.h"
#include "oci/image/canonical_json.h"
#include "oci/image/digest.h"
#include "oci/image/image.h"
#include "oci/image/media_type.h"
#include "oci/image/platform.h"
#include "transfer/memory_images.h"

namespace stevedore::cli {
namespace {

using base::testing::StatusIs;
using testing::AsFamilyImage;
using ::testing::HasSubstr;
using testing::MakeSmallImage;
using testing::PutSmallImage;

oci::Image ImageFor(const oci::Platform& platform) {
  return MakeSmallImage({.layers = {"layer of " + platform.ToString()}, .platform = platform});
}

TEST(FamilyImageTest, ReadsOneManifestOrAllOfAnIndex) {
  transfer::MemoryImages images;
  const FamilyImage one = AsFamilyImage({ImageFor({"linux", "amd64"})});
  const FamilyImage two =
      AsFamilyImage({ImageFor({"linux", "amd64"}), ImageFor({"linux", "arm", "v7"})});
  PutSmallImage(one, "one", images);
  PutSmallImage(two, "two", images);

  ASSERT_OK_AND_ASSIGN(const auto read, ReadFamilyImage(images, "one", {}));
  ASSERT_TRUE(read.has_value());
  EXPECT_FALSE(read->is_index);
  EXPECT_EQ(read->document.digest, one.document.digest);
  ASSERT_OK_AND_ASSIGN(const auto index, ReadFamilyImage(images, "two", {}));
  ASSERT_TRUE(index.has_value() && index->is_index);
  ASSERT_EQ(index->variants.size(), 2u);
  EXPECT_EQ(index->variants[1].platform.ToString(), "linux/arm/v7");
  EXPECT_EQ(index->variants[1].image.config.bytes(), two.variants[1].image.config.bytes());
  ASSERT_OK_AND_ASSIGN(const auto none, ReadFamilyImage(images, "three", {}));
  EXPECT_FALSE(none.has_value());
}

TEST(FamilyImageTest, APlatformIsFoundWhateverItsSystemsVersion) {
  const FamilyImage image =
      AsFamilyImage({ImageFor({"linux", "arm", "v6"}), ImageFor({"linux", "arm", "v7"}),
                     ImageFor({"linux", "arm64"}), ImageFor({"windows", "amd64", "", "10.0.1"})});
  const std::pair<oci::Platform, int> table[] = {
      {{"linux", "arm", "v7"}, 1},   {{"linux", "arm"}, 0},
      {{"linux", "arm64", "v8"}, 2}, {{"windows", "amd64", "", "10.0.2"}, 3},
      {{"linux", "amd64"}, -1},
  };
  for (const auto& [platform, position] : table) {
    const FamilyVariant* const found = image.Find(platform);
    EXPECT_EQ(found == nullptr ? -1 : found - image.variants.data(), position)
        << platform.ToString();
  }
}

// An index as BuildKit writes it: an attestation beside the image, and annotations.
FamilyImage WithAttestation(transfer::MemoryImages& images) {
  const oci::Image image = ImageFor({"linux", "amd64"});
  const FamilyImage plain = AsFamilyImage({image, ImageFor({"linux", "arm64"})});
  PutSmallImage(plain, "plain", images);
  nlohmann::json json = *oci::ParseJson(plain.document.bytes);
  nlohmann::json attestation = json["manifests"][0];
  attestation["digest"] = oci::Digest::Of("an attestation").ToString();
  attestation["platform"] = {{"os", "unknown"}, {"architecture", "unknown"}};
  attestation["annotations"] = {
      {"vnd.docker.reference.type", "attestation-manifest"},
      {"vnd.docker.reference.digest", image.manifest.digest().ToString()}};
  json["manifests"].insert(json["manifests"].begin() + 1, attestation);
  json["manifests"][0]["annotations"] = {{"kept", "yes"}};
  json["annotations"] = {{"org.opencontainers.image.base.digest", "sha256:old"}, {"mine", "1"}};
  const std::string bytes = *oci::CanonicalJson(json);
  EXPECT_OK(images.PutManifest("attested", bytes, oci::kOciIndex));
  return **ReadFamilyImage(images, "attested", {});
}

TEST(FamilyImageTest, AnIndexKeepsWhatIsNotAboutTheOldImage) {
  transfer::MemoryImages images;
  const FamilyImage old = WithAttestation(images);
  ASSERT_EQ(old.variants.size(), 2u);
  ASSERT_EQ(old.attached.size(), 1u);
  const oci::Image other = MakeSmallImage({.layers = {"other"}});
  ASSERT_OK_AND_ASSIGN(
      const transfer::RawManifest replaced,
      ReplaceVariants(old, {other, old.variants[1].image}, oci::Digest::Of("base")));
  EXPECT_EQ(replaced.digest, oci::Digest::Of(replaced.bytes));
  EXPECT_EQ(replaced.media_type, oci::kOciIndex);
  const nlohmann::json json = *oci::ParseJson(replaced.bytes);
  ASSERT_EQ(json["manifests"].size(), 2u) << replaced.bytes;
  EXPECT_EQ(json["manifests"][0]["digest"], other.manifest.digest().ToString());
  EXPECT_EQ(json["manifests"][0]["size"], other.manifest.bytes().size());
  EXPECT_EQ(json["manifests"][0]["annotations"]["kept"], "yes");
  EXPECT_EQ(json["manifests"][1]["digest"], old.variants[1].image.manifest.digest().ToString());
  EXPECT_EQ(json["annotations"]["org.opencontainers.image.base.digest"],
            oci::Digest::Of("base").ToString());
  EXPECT_EQ(json["annotations"]["mine"], "1");
}

TEST(FamilyImageTest, WhatIsNoImageIsRefused) {
  transfer::MemoryImages images;
  const oci::Descriptor config = images.AddBlob("{}", oci::kOciEmpty);
  const std::string artifact = *oci::CanonicalJson({{"schemaVersion", 2},
                                                    {"mediaType", oci::kOciManifest},
                                                    {"artifactType", "text/plain"},
                                                    {"config", config.ToJson()},
                                                    {"layers", nlohmann::json::array()}});
  ASSERT_OK(images.PutManifest("artifact", artifact, oci::kOciManifest));
  EXPECT_THAT(ReadFamilyImage(images, "artifact", {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("it is an artifact")));
  const FamilyImage inner =
      AsFamilyImage({ImageFor({"linux", "amd64"}), ImageFor({"linux", "arm64"})});
  PutSmallImage(inner, "inner", images);
  const std::string nested = *oci::CanonicalJson({{"schemaVersion", 2},
                                                  {"mediaType", oci::kOciIndex},
                                                  {"manifests",
                                                   {{{"mediaType", oci::kOciIndex},
                                                     {"digest", inner.document.digest.ToString()},
                                                     {"size", inner.document.bytes.size()}}}}});
  ASSERT_OK(images.PutManifest("nested", nested, oci::kOciIndex));
  EXPECT_THAT(ReadFamilyImage(images, "nested", {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not only manifests")));
}

}  // namespace
}  // namespace stevedore::cli
