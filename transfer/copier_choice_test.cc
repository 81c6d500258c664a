// What of an image is copied, and what it becomes.
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/byte_source.h"
#include "base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "oci/image/digest.h"
#include "oci/image/index.h"
#include "oci/image/manifest.h"
#include "oci/image/media_type.h"
#include "oci/layer/compression.h"
#include "oci/layer/decompress.h"
#include "transfer/copier.h"
#include "transfer/testing/copy_place.h"

namespace stevedore::transfer {
namespace {

using ::stevedore::base::testing::StatusIs;
using testing::AddArtifact;
using testing::AddImage;
using testing::AddIndex;
using testing::At;
using testing::DigestAt;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Place;

// Defect of a predecessor: nested indexes could not be copied.
TEST(Copier, NestedIndexesGoFromTheInsideOut) {
  Place from, to;
  const oci::Descriptor leaf = AddImage(from, "", {"deep"});
  const oci::Descriptor inner = AddIndex(from, "", {leaf});
  const oci::Descriptor outer = AddIndex(from, "1.0", {inner, AddImage(from, "", {"x"}, "arm64")});
  Copier copier;
  const auto result = copier.Copy(from, "1.0", to, "1.0");
  ASSERT_OK(result);
  EXPECT_EQ(result->digest, outer.digest);
  const std::vector<std::string> log = to.TakeLog();
  EXPECT_LT(At(log, "PUT manifest " + leaf.digest.ToString()),
            At(log, "PUT manifest " + inner.digest.ToString()));
  EXPECT_LT(At(log, "PUT manifest " + inner.digest.ToString()), At(log, "PUT manifest 1.0"));
  // Half of it known: only the rest is looked at.
  AddIndex(from, "2.0", {inner, AddImage(from, "", {"y"}, "arm")});
  from.TakeLog();
  ASSERT_OK(copier.Copy(from, "2.0", to, "2.0"));
  EXPECT_EQ(from.Count("GET manifest"), 2);
}

TEST(Copier, IndexesNestedWithoutEndAreRefused) {
  Place from, to;
  oci::Descriptor index = AddIndex(from, "", {AddImage(from, "", {"x"})});
  for (int i = 0; i < 10; ++i) index = AddIndex(from, "deep", {index});
  Copier copier;
  EXPECT_THAT(copier.Copy(from, "deep", to, "deep"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("lies below 8 others")));
  EXPECT_EQ(to.Count("PUT"), 0);
}

TEST(Copier, ChosenPlatformsMakeANewIndex) {
  Place from, to;
  const oci::Descriptor arm = AddImage(from, "", {"arm"}, "arm64");
  AddIndex(from, "1.0", {AddImage(from, "", {"amd"}), arm, AddImage(from, "", {"s"}, "s390x")});
  Copier copier;
  const CopyOptions options{.platforms = {{.os = "linux", .architecture = "arm64"},
                                          {.os = "linux", .architecture = "s390x"}}};
  const auto result = copier.Copy(from, "1.0", to, "1.0", options);
  ASSERT_OK(result);
  EXPECT_TRUE(result->digests_changed);
  EXPECT_EQ(result->blobs_copied, 4u);
  const auto raw = to.images().GetManifest("1.0");
  ASSERT_OK(raw);
  const oci::Index index = oci::Index::Parse(raw->bytes).value();
  ASSERT_EQ(index.manifests().size(), 2u);
  EXPECT_EQ(index.manifests()[0], arm);
  // Again: known after reading the source's index alone.
  from.TakeLog();
  to.TakeLog();
  const auto again = copier.Copy(from, "1.0", to, "1.0", options);
  ASSERT_OK(again);
  EXPECT_TRUE(again->unchanged);
  EXPECT_THAT(from.TakeLog(), ElementsAre("GET manifest 1.0"));
  EXPECT_THAT(to.TakeLog(), ElementsAre("HEAD manifest 1.0", "finish"));
}

TEST(Copier, OnePlatformIsAPlainManifest) {
  Place from, to;
  const oci::Descriptor arm = AddImage(from, "", {"arm"}, "arm64");
  const oci::Descriptor nested = AddIndex(from, "", {arm});
  AddIndex(from, "1.0", {AddImage(from, "", {"amd"}), nested});
  Copier copier;
  const CopyOptions options{.all_platforms = false,
                            .platforms = {{.os = "linux", .architecture = "arm64"}}};
  const auto result = copier.Copy(from, "1.0", to, "1.0", options);
  ASSERT_OK(result);
  EXPECT_EQ(result->digest, arm.digest);
  EXPECT_FALSE(result->digests_changed);
  EXPECT_EQ(DigestAt(to, "1.0"), arm.digest);
  EXPECT_THAT(copier.Copy(from, "1.0", to, "1.0",
                          {.all_platforms = false,
                           .platforms = {{.os = "windows", .architecture = "amd64"}}}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("linux/amd64")));
}

TEST(Copier, AnImageForAnotherPlatformIsNotFound) {
  Place from, to;
  AddImage(from, "1.0", {"arm"}, "arm64");
  Copier copier;
  EXPECT_THAT(copier.Copy(from, "1.0", to, "1.0",
                          {.platforms = {{.os = "linux", .architecture = "amd64"}}}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("linux/arm64 only")));
}

TEST(Copier, IndexOnlyLeavesItsManifestsWhereTheyAre) {
  Place from, to;
  const oci::Descriptor index = AddIndex(from, "1.0", {AddImage(from, "", {"amd"})});
  Copier copier;
  const auto result = copier.Copy(from, "1.0", to, "1.0", {.index_only = true});
  ASSERT_OK(result);
  EXPECT_EQ(result->digest, index.digest);
  EXPECT_EQ(to.Count("PUT"), 1);
  // The tag is right, but what it names is not there: a recheck brings it.
  ASSERT_OK(copier.Copy(from, "1.0", to, "1.0", {.recheck = true}));
  EXPECT_EQ(to.Count("PUT blob"), 2);
}

TEST(Copier, AttachedArtifactsComeWithTheOption) {
  Place from, to;
  const oci::Descriptor image = AddImage(from, "1.0", {"x"});
  const oci::Descriptor sbom = AddArtifact(from, image, "application/sbom");
  const oci::Descriptor signature = AddArtifact(from, sbom, "application/signature");
  const oci::Descriptor other = AddArtifact(from, image, "application/other");
  Copier copier;
  ASSERT_OK(copier.Copy(from, "1.0", to, "1.0"));
  EXPECT_EQ(to.Count("PUT manifest"), 1);
  const auto result = copier.Copy(
      from, "1.0", to, "1.0",
      {.referrers = true, .artifact_types = {"application/sbom", "application/signature"}});
  ASSERT_OK(result);
  EXPECT_EQ(result->manifests_copied, 2u);
  EXPECT_EQ(DigestAt(to, sbom.digest.ToString()), sbom.digest);
  EXPECT_EQ(DigestAt(to, signature.digest.ToString()), signature.digest);
  EXPECT_EQ(to.Count("PUT manifest " + other.digest.ToString()), 0);
  EXPECT_THAT(
      copier.Copy(from, "1.0", to, "1.0", {.referrers = true, .format = oci::ImageFormat::kDocker}),
      StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(Copier, ATagAppearsAfterAllThatIsAttached) {
  Place from, to;
  const oci::Descriptor image = AddImage(from, "1.0", {"x"});
  const oci::Descriptor sbom = AddArtifact(from, image, "application/sbom");
  Copier copier;
  ASSERT_OK(copier.Copy(from, "1.0", to, "1.0", {.referrers = true}));
  const std::vector<std::string> log = to.TakeLog();
  EXPECT_LT(At(log, "PUT manifest " + sbom.digest.ToString()), At(log, "PUT manifest 1.0"));
}

// Defect of a predecessor: the format was accepted and ignored.
TEST(Copier, ConvertsBetweenFormats) {
  Place from, to;
  AddIndex(from, "1.0", {AddImage(from, "", {"a"}), AddImage(from, "", {"b"}, "arm64")});
  Copier copier;
  const CopyOptions options{.format = oci::ImageFormat::kDocker};
  const auto result = copier.Copy(from, "1.0", to, "1.0", options);
  ASSERT_OK(result);
  EXPECT_TRUE(result->digests_changed);
  EXPECT_EQ(result->media_type, oci::kDockerManifestList);
  const oci::Index index = oci::Index::Parse(to.images().GetManifest("1.0")->bytes).value();
  for (const oci::Descriptor& child : index.manifests()) {
    EXPECT_EQ(child.media_type, oci::kDockerManifest);
    const auto raw = to.images().GetManifest(child.digest.ToString());
    ASSERT_OK(raw);
    const oci::Manifest manifest = oci::Manifest::Parse(raw->bytes).value();
    EXPECT_EQ(manifest.config().media_type, oci::kDockerConfig);
    EXPECT_EQ(manifest.layers()[0].media_type, oci::kDockerLayer);
  }
  to.TakeLog();
  const auto again = copier.Copy(from, "1.0", to, "1.0", options);
  ASSERT_OK(again);
  EXPECT_TRUE(again->unchanged);
  EXPECT_EQ(to.Count("HEAD blob"), 0);
  EXPECT_THAT(copier.Copy(from, "1.0", to, "2.0",
                          {.format = oci::ImageFormat::kDocker, .preserve_digests = true}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("preserved")));
  EXPECT_EQ(to.Count("PUT"), 0);
}

TEST(Copier, RecompressesLayersAndChecksTheirTars) {
  Place from, to;
  const std::string layer(300'000, 'x');
  AddImage(from, "1.0", {layer});
  Copier copier;
  for (const char* text : {"gzip", "zstd"}) {
    const auto result =
        copier.Copy(from, "1.0", to, text, {.compression = oci::Compression::Parse(text).value()});
    ASSERT_OK(result);
    EXPECT_TRUE(result->digests_changed);
    const oci::Manifest manifest =
        oci::Manifest::Parse(to.images().GetManifest(text)->bytes).value();
    EXPECT_EQ(manifest.layers()[0].media_type, absl::StrCat(oci::kOciLayer, "+", text));
    EXPECT_LT(manifest.layers()[0].size, 3'000u);
    auto tar = oci::OpenDecompressed(to.images().OpenBlob(manifest.layers()[0]).value());
    ASSERT_OK(tar);
    EXPECT_EQ(base::ReadAll(*tar->source, 1 << 20).value(), layer);
  }
  // And back: the same image as at first.
  Place back;
  const auto undone = copier.Copy(to, "gzip", back, "1.0",
                                  {.compression = oci::Compression::Parse("none").value()});
  ASSERT_OK(undone);
  EXPECT_EQ(
      oci::Manifest::Parse(back.images().GetManifest("1.0")->bytes).value().layers()[0].digest,
      oci::Digest::Of(layer));
  EXPECT_THAT(copier.Copy(from, "1.0", to, "x",
                          {.format = oci::ImageFormat::kDocker,
                           .compression = oci::Compression::Parse("zstd").value()}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(Copier, ForeignLayersStayWhereTheyAre) {
  Place from, to;
  const oci::Descriptor foreign{
      .media_type = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
      .digest = oci::Digest::Of("windows"),
      .size = 7,
      .urls = {"https://example.com/windows"}};
  AddImage(from, "1.0", {}, "amd64", {{"layers", {foreign.ToJson()}}});
  Copier copier;
  const auto result = copier.Copy(from, "1.0", to, "1.0");
  ASSERT_OK(result);
  EXPECT_EQ(result->blobs_copied, 1u);
  from.Add("windows", foreign.media_type);
  ASSERT_OK(copier.Copy(from, "1.0", to, "1.0", {.foreign_layers = true, .recheck = true}));
  EXPECT_EQ(to.Count("PUT blob " + foreign.digest.ToString()), 1);
}

}  // namespace
}  // namespace stevedore::transfer
