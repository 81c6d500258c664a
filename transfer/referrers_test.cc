#include "transfer/referrers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/testing/status_matchers.h"
#include "oci/image/media_type.h"

namespace stevedore::transfer {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;

oci::Descriptor Entry(const std::string& content, const std::string& artifact_type) {
  return {.media_type = oci::kOciManifest,
          .digest = oci::Digest::Of(content),
          .size = content.size(),
          .artifact_type = artifact_type};
}

// A manifest with these further members.
std::string Manifest(const std::string& config_type, const std::string& members) {
  return absl::StrCat(R"({"schemaVersion":2,"mediaType":")", oci::kOciManifest,
                      R"(","config":{"mediaType":")", config_type, R"(","digest":")",
                      oci::Digest::Of("{}").ToString(), R"(","size":2},"layers":[])", members, "}");
}

std::string Subject(const oci::Digest& digest) {
  return absl::StrCat(R"(,"subject":{"mediaType":")", oci::kOciManifest, R"(","digest":")",
                      digest.ToString(), R"(","size":7})");
}

TEST(ReferrersTest, Defect13FallbackTagIsCutAsTheSpecificationSays) {
  const auto image =
      oci::Digest::Parse("sha256:a52d14350629d04b9c2a8170cb98491dd7b178e613ece1f86fcd9f0c7466a591");
  EXPECT_EQ(ReferrersTag(*image),
            "sha256-a52d14350629d04b9c2a8170cb98491dd7b178e613ece1f86fcd9f0c7466a591");
  const std::string tag = ReferrersTag(oci::Digest::Of("{}", base::HashAlgorithm::kSha512));
  EXPECT_EQ(tag, "sha512-27c74670adb75075fad058d5ceaf7b20c4e7786c83bae8a32f626f9782af34c9");
  EXPECT_EQ(tag.size(), 71);
}

TEST(ReferrersTest, Defect13ArtifactTypeOfAManifestIsItsConfigsIfItHasNone) {
  const oci::Digest subject = oci::Digest::Of("subject");
  const auto plain =
      ReferrerOf(Manifest("application/x.config",
                          absl::StrCat(Subject(subject), R"(,"annotations":{"a":"b"})")),
                 oci::kOciManifest);
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(plain->subject, subject);
  EXPECT_EQ(plain->descriptor.artifact_type, "application/x.config");
  EXPECT_EQ(plain->descriptor.annotations.at("a"), "b");
  const auto typed =
      ReferrerOf(Manifest(oci::kOciEmpty,
                          absl::StrCat(Subject(subject), R"(,"artifactType":"application/x.sig")")),
                 oci::kOciManifest);
  EXPECT_EQ(typed->descriptor.artifact_type, "application/x.sig");
  // An index has no config to take it from.
  const auto index = ReferrerOf(absl::StrCat(R"({"schemaVersion":2,"mediaType":")", oci::kOciIndex,
                                             R"(","manifests":[])", Subject(subject), "}"),
                                oci::kOciIndex);
  ASSERT_TRUE(index.has_value());
  EXPECT_EQ(index->descriptor.artifact_type, "");
}

TEST(ReferrersTest, MostDocumentsAreAttachedToNothing) {
  EXPECT_EQ(ReferrerOf(Manifest(oci::kOciConfig, ""), oci::kOciManifest), std::nullopt);
  EXPECT_EQ(ReferrerOf(R"({"subject": 1})", oci::kOciManifest), std::nullopt);
  EXPECT_EQ(ReferrerOf(R"(not json "subject")", oci::kOciIndex), std::nullopt);
}

TEST(ReferrersTest, EntersOnceAndTakesOut) {
  ASSERT_OK_AND_ASSIGN(const auto one, WithReferrer(std::nullopt, Entry("a", "x")));
  ASSERT_TRUE(one.has_value());
  ASSERT_OK_AND_ASSIGN(const auto two, WithReferrer(one, Entry("b", "y")));
  EXPECT_THAT(two->manifests(), ElementsAre(Entry("a", "x"), Entry("b", "y")));
  ASSERT_OK_AND_ASSIGN(const auto again, WithReferrer(two, Entry("a", "x")));
  EXPECT_EQ(again, std::nullopt);
  ASSERT_OK_AND_ASSIGN(const auto changed, WithReferrer(two, Entry("a", "z")));
  EXPECT_THAT(changed->manifests(), ElementsAre(Entry("b", "y"), Entry("a", "z")));
  ASSERT_OK_AND_ASSIGN(const auto less, WithoutReferrer(*two, oci::Digest::Of("a")));
  EXPECT_THAT(less->manifests(), ElementsAre(Entry("b", "y")));
  ASSERT_OK_AND_ASSIGN(const auto gone, WithoutReferrer(*less, oci::Digest::Of("a")));
  EXPECT_EQ(gone, std::nullopt);
}

TEST(ReferrersTest, FiltersByArtifactType) {
  EXPECT_THAT(FilterReferrers({Entry("a", "x"), Entry("b", "y")}, "y"),
              ElementsAre(Field(&oci::Descriptor::artifact_type, "y")));
  EXPECT_EQ(FilterReferrers({Entry("a", "x"), Entry("b", "y")}, "").size(), 2);
}

}  // namespace
}  // namespace stevedore::transfer
