#include "oci/image/artifact.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"
#include "oci/image/digest.h"
#include "oci/image/media_type.h"

namespace stevedore::oci {
namespace {

using base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::Pair;

constexpr char kSpdx[] = "{\"spdxVersion\":\"SPDX-2.3\"}";

ArtifactContents Spdx() {
  return {.artifact_type = "application/spdx+json",
          .blobs = {{.media_type = "application/spdx+json",
                     .digest = Digest::Of(kSpdx),
                     .size = sizeof(kSpdx) - 1}},
          .subject = Descriptor{
              .media_type = kOciManifest,
              .digest = *Digest::Parse(
                  "sha256:a52d14350629d04b9c2a8170cb98491dd7b178e613ece1f86fcd9f0c7466a591"),
              .size = 397}};
}

TEST(ArtifactTest, KnownAnswersN1) {
  ASSERT_OK_AND_ASSIGN(const Manifest n1, MakeArtifact(Spdx()));
  EXPECT_EQ(n1.bytes().size(), 571u);
  EXPECT_EQ(n1.digest().hex(), "cf03f5f8d6312e0e2ce1a6d8d9eba585a40d66691108546f755c21fa8ca004b6");
  ArtifactContents seed = Spdx();
  seed.config = EmptyDescriptor();
  seed.config->media_type = kOciConfig;
  ASSERT_OK_AND_ASSIGN(const Manifest n1_seed, MakeArtifact(seed));
  EXPECT_EQ(n1_seed.bytes().size(), 578u);
  EXPECT_EQ(n1_seed.digest().hex(),
            "85d5dddcf746a56e9dbfe8b383891e6673e7c6eb7a3c01bcdf1c798e83becd9e");
}

TEST(ArtifactTest, WithoutBlobsTheEmptyOneStandsIn) {
  ASSERT_OK_AND_ASSIGN(const Manifest manifest, MakeArtifact({.artifact_type = "x/y"}));
  EXPECT_THAT(manifest.layers(), ElementsAre(EmptyDescriptor()));
  EXPECT_FALSE(HasImageConfig(manifest));
}

// Artifacts whose config is not an image config keep that config, and every other byte of meaning.
TEST(ArtifactTest, AnnotatingLeavesAForeignConfigAlone) {
  const Descriptor config{.media_type = "application/vnd.cncf.helm.config.v1+json",
                          .digest = Digest::Of("x"),
                          .size = 1};
  const std::string bytes = absl::StrCat(
      R"({"schemaVersion": 2, "vendor": [1], "config": {"mediaType": ")", config.media_type,
      R"(", "digest": ")", config.digest.ToString(),
      R"(", "size": 1, "more": 1}, "layers": [], "annotations": {"a": "1", "b": "2"}})");
  ASSERT_OK_AND_ASSIGN(const Manifest chart, Manifest::Parse(bytes));
  EXPECT_FALSE(HasImageConfig(chart));
  ASSERT_OK_AND_ASSIGN(const Manifest changed, ChangeAnnotations(chart, {"a"}, {{"c", "3"}}));
  EXPECT_EQ(changed.config(), config);
  EXPECT_THAT(changed.annotations(), ElementsAre(Pair("b", "2"), Pair("c", "3")));
  EXPECT_EQ(changed.bytes(),
            absl::StrCat(R"({"annotations":{"b":"2","c":"3"},"config":{"digest":")",
                         config.digest.ToString(), R"(","mediaType":")", config.media_type,
                         R"(","more":1,"size":1},"layers":[],"schemaVersion":2,"vendor":[1]})"));
  EXPECT_EQ(ChangeAnnotations(chart, {"none"}, {{"b", "2"}})->bytes(), bytes);
  EXPECT_THAT(ChangeAnnotations(chart, {}, {{"c", "\xff"}}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace stevedore::oci
