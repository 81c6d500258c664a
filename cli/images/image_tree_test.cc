#include "cli/images/image_tree.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"
#include "oci/image/artifact.h"
#include "oci/image/image_editor.h"
#include "oci/image/index.h"
#include "oci/image/media_type.h"
#include "oci/image/platform.h"
#include "transfer/image_reading.h"
#include "transfer/memory_images.h"

namespace stevedore::cli {
namespace {

using base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using transfer::MemoryImages;
using transfer::RawManifest;

RawManifest Put(MemoryImages& place, const std::string& bytes, const std::string& type) {
  const oci::Digest digest = oci::Digest::Of(bytes);
  EXPECT_OK(place.PutManifest(digest.ToString(), bytes, type));
  return {.bytes = bytes, .media_type = type, .digest = digest};
}

// An image with one layer, in `place`.
oci::Image MakeImage(MemoryImages& place, const char* platform, const std::string& layer) {
  const oci::Descriptor blob = place.AddBlob(layer, oci::kOciLayer);
  oci::ImageEditor editor(*oci::Platform::Parse(platform));
  EXPECT_OK(editor.AppendLayer({.diff_id = blob.digest, .descriptor = blob}));
  const oci::Image image = *editor.Finish();
  place.AddBlob(image.config.bytes());
  Put(place, image.manifest.bytes(), image.manifest.media_type());
  return image;
}

RawManifest PutIndex(MemoryImages& place, const std::vector<oci::Descriptor>& entries) {
  const oci::Index index = *oci::Index::Create(entries);
  return Put(place, index.bytes(), index.media_type());
}

// Sets the user of every image.
TreeEdit SetUser(const std::string& user) {
  TreeEdit edit;
  edit.image = [user](const oci::Image& image) -> absl::StatusOr<EditedImage> {
    oci::ImageEditor editor = *oci::ImageEditor::Create(image);
    editor.ChangeConfig({.user = user});
    return EditedImage{.image = *editor.Finish()};
  };
  return edit;
}

std::string UserOf(MemoryImages& place, const oci::Digest& manifest) {
  const oci::Image image = *transfer::ReadImage(place, manifest.ToString());
  return image.config.user();
}

TEST(ImageTreeTest, EditsOneImage) {
  MemoryImages from, to;
  const oci::Image image = MakeImage(from, "linux/amd64", "layer");
  ASSERT_OK_AND_ASSIGN(const RawManifest top, from.GetManifest(image.manifest.digest().ToString()));
  ASSERT_OK_AND_ASSIGN(const TreeResult result,
                       EditTree(from, top, to, "v2", SetUser("nobody"), {}));
  EXPECT_EQ(result.images, 1u);
  EXPECT_EQ(result.media_type, oci::kOciManifest);
  EXPECT_EQ(result.written.blobs_copied, 1u);
  EXPECT_EQ(to.GetManifest("v2")->digest, result.digest);
  EXPECT_EQ(UserOf(to, result.digest), "nobody");
  EXPECT_FALSE(to.finished());
}

TEST(ImageTreeTest, EditsEveryImageOfAnIndexAndKeepsWhatEntriesSay) {
  MemoryImages from, to;
  oci::Descriptor amd64 = oci::IndexEntry(MakeImage(from, "linux/amd64", "a"));
  amd64.annotations = {{"kept", "yes"}};
  // The entry says more than the config, as those of many builders do.
  oci::Descriptor arm64 = oci::IndexEntry(MakeImage(from, "linux/arm64", "b"));
  arm64.platform->variant = "v8";
  TreeEdit edit = SetUser("nobody");
  edit.entry_annotations = {{"entry", "new"}};
  edit.index = [](oci::IndexEditor& index) {
    index.Annotate({{"index", "new"}});
    return absl::OkStatus();
  };
  ASSERT_OK_AND_ASSIGN(const TreeResult result,
                       EditTree(from, PutIndex(from, {amd64, arm64}), to, "all", edit, {}));
  EXPECT_EQ(result.images, 2u);
  const RawManifest top = *to.GetManifest("all");
  ASSERT_OK_AND_ASSIGN(const oci::Index index, oci::Index::Parse(top.bytes));
  EXPECT_THAT(index.annotations(), ElementsAre(Pair("index", "new")));
  ASSERT_EQ(index.manifests().size(), 2u);
  EXPECT_THAT(index.manifests()[0].annotations,
              ElementsAre(Pair("entry", "new"), Pair("kept", "yes")));
  EXPECT_EQ(index.manifests()[1].platform->variant, "v8");
  for (const oci::Descriptor& entry : index.manifests()) {
    EXPECT_EQ(UserOf(to, entry.digest), "nobody");
  }
}

TEST(ImageTreeTest, AChangedPlatformReachesTheEntry) {
  MemoryImages from, to;
  const RawManifest top = PutIndex(from, {oci::IndexEntry(MakeImage(from, "linux/amd64", "a"))});
  TreeEdit edit;
  edit.image = [](const oci::Image& image) -> absl::StatusOr<EditedImage> {
    oci::ImageEditor editor = *oci::ImageEditor::Create(image);
    editor.SetPlatform(*oci::Platform::Parse("linux/arm/v7"));
    return EditedImage{.image = *editor.Finish()};
  };
  ASSERT_OK(EditTree(from, top, to, "all", edit, {}));
  EXPECT_EQ(oci::Index::Parse(to.GetManifest("all")->bytes)->manifests()[0].platform->ToString(),
            "linux/arm/v7");
}

TEST(ImageTreeTest, AttestationsOfWhatChangedAreLeftOutOthersComeAlong) {
  MemoryImages from, to;
  const oci::Image image = MakeImage(from, "linux/amd64", "a");
  const oci::Manifest artifact = *oci::MakeArtifact({.artifact_type = "x/y"});
  from.AddBlob("{}");
  Put(from, artifact.bytes(), artifact.media_type());
  oci::Descriptor attestation = artifact.ToDescriptor();
  attestation.platform = *oci::Platform::Parse("unknown/unknown");
  attestation.annotations[oci::kAttestedDigestAnnotation] = image.manifest.digest().ToString();
  const RawManifest top = PutIndex(from, {oci::IndexEntry(image), attestation});
  ASSERT_OK_AND_ASSIGN(const TreeResult changed,
                       EditTree(from, top, to, "changed", SetUser("nobody"), {}));
  EXPECT_EQ(changed.attestations, 1u);
  EXPECT_EQ(oci::Index::Parse(to.GetManifest("changed")->bytes)->manifests().size(), 1u);
  ASSERT_OK_AND_ASSIGN(const TreeResult same, EditTree(from, top, to, "same", {}, {}));
  EXPECT_EQ(same.attestations, 0u);
  EXPECT_EQ(same.digest, top.digest);
  EXPECT_OK(to.GetManifest(artifact.digest().ToString()));
}

TEST(ImageTreeTest, NestedIndexesAreEditedInside) {
  MemoryImages from, to;
  const RawManifest inner = PutIndex(from, {oci::IndexEntry(MakeImage(from, "linux/amd64", "a"))});
  const RawManifest outer = PutIndex(from, {oci::Index::Parse(inner.bytes)->ToDescriptor()});
  ASSERT_OK_AND_ASSIGN(const TreeResult result,
                       EditTree(from, outer, to, "all", SetUser("nobody"), {}));
  EXPECT_EQ(result.images, 1u);
  const oci::Descriptor nested = oci::Index::Parse(to.GetManifest("all")->bytes)->manifests()[0];
  const RawManifest middle = *to.GetManifest(nested.digest.ToString());
  EXPECT_EQ(UserOf(to, oci::Index::Parse(middle.bytes)->manifests()[0].digest), "nobody");
}

// Artifacts whose config is not an image config keep it byte for byte.
TEST(ImageTreeTest, ArtifactsChangeTheirAnnotationsOnly) {
  MemoryImages from, to;
  const oci::Descriptor config = from.AddBlob(" {\"odd\" : 1}", "application/vnd.x.config+json");
  const oci::Descriptor chart = from.AddBlob("chart", "application/vnd.x.content+tar");
  const oci::Manifest artifact =
      *oci::MakeArtifact({.artifact_type = "x/y", .blobs = {chart}, .config = config});
  const RawManifest top = Put(from, artifact.bytes(), artifact.media_type());
  EXPECT_THAT(EditTree(from, top, to, "v2", SetUser("nobody"), {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not an image")));
  TreeEdit edit;
  edit.artifact = [](const oci::Manifest& manifest) {
    return oci::ChangeAnnotations(manifest, {}, {{"a", "b"}});
  };
  ASSERT_OK(EditTree(from, top, to, "v2", edit, {}));
  const oci::Manifest changed = *oci::Manifest::Parse(to.GetManifest("v2")->bytes);
  EXPECT_EQ(changed.config(), config);
  EXPECT_EQ(*transfer::ReadSmallBlob(to, changed.config()), " {\"odd\" : 1}");
  EXPECT_THAT(changed.annotations(), ElementsAre(Pair("a", "b")));
}

TEST(ImageTreeTest, AnEditThatFailsPublishesNothing) {
  MemoryImages from, to;
  const oci::Image image = MakeImage(from, "linux/s390x", "a");
  TreeEdit edit;
  edit.image = [](const oci::Image&) -> absl::StatusOr<EditedImage> {
    return absl::FailedPreconditionError("no");
  };
  EXPECT_THAT(
      EditTree(from, *from.GetManifest(image.manifest.digest().ToString()), to, "v2", edit, {}),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("linux/s390x: no")));
  EXPECT_THAT(to.GetManifest("v2"), StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace stevedore::cli
