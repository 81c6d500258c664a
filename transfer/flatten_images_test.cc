#include "transfer/flatten_images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "oci/image/image_editor.h"
#include "oci/image/index.h"
#include "oci/image/media_type.h"
#include "oci/layer/testing/layer_text.h"
#include "transfer/image_check.h"
#include "transfer/image_reading.h"
#include "transfer/memory_images.h"

namespace stevedore::transfer {
namespace {

using base::testing::StatusIs;
using oci::testing::LayerTar;
using Words = std::vector<std::string>;

class FlattenImagesTest : public ::testing::Test {
 protected:
  FlattenImagesTest() : scratch_(*base::TemporaryDirectory::Create()) {
    options_.scratch_directory = scratch_.path();
  }

  oci::Descriptor Put(const std::vector<Words>& layers, const std::string& tag,
                      const std::string& architecture) {
    oci::ImageEditor editor({.os = "linux", .architecture = architecture});
    for (const Words& words : layers) {
      const oci::Descriptor blob = from_.AddBlob(LayerTar(words), oci::kOciLayer);
      EXPECT_OK(editor.AppendLayer({.diff_id = blob.digest, .descriptor = blob}));
    }
    const oci::Image image = *editor.Finish();
    from_.AddBlob(image.config.bytes());
    EXPECT_OK(from_.PutManifest(tag, image.manifest.bytes(), image.manifest.media_type()));
    oci::Descriptor entry = image.manifest.ToDescriptor();
    entry.platform = image.config.platform();
    return entry;
  }

  const base::TemporaryDirectory scratch_;
  MemoryImages from_, to_;
  FlattenImagesOptions options_;
};

TEST_F(FlattenImagesTest, OneImage) {
  const oci::Descriptor old = Put({{"a=A", "b=B"}, {".wh.a"}}, "v1", "amd64");
  ASSERT_OK_AND_ASSIGN(const FlattenedImages flat,
                       FlattenImages(from_, "v1", to_, "flat", options_));
  EXPECT_EQ(flat.images, 1u);
  EXPECT_EQ(flat.layers_before, 2u);
  ASSERT_OK_AND_ASSIGN(const oci::Image image, ReadImage(to_, "flat"));
  EXPECT_EQ(image.manifest.digest(), flat.digest);
  ASSERT_EQ(image.config.history().size(), 1u);
  EXPECT_EQ(image.config.history()[0].created_by, "stevedore flatten " + old.digest.ToString());
  ASSERT_OK_AND_ASSIGN(const ImageCheckReport report, CheckImage(to_, "flat"));
  EXPECT_TRUE(report.ok());
  // The same from a spool, and to no tag.
  options_.spool = true;
  ASSERT_OK_AND_ASSIGN(const FlattenedImages again, FlattenImages(from_, "v1", to_, "", options_));
  EXPECT_EQ(again.digest, flat.digest);
}

TEST_F(FlattenImagesTest, EachImageOfAnIndexWithoutWhatSpokeOfThem) {
  std::vector<oci::Descriptor> inner = {Put({{"a"}, {"b"}}, "arm", "arm64")};
  ASSERT_OK_AND_ASSIGN(const oci::Index nested, oci::Index::Create(inner));
  ASSERT_OK(from_.PutManifest("inner", nested.bytes(), nested.media_type()));
  std::vector<oci::Descriptor> entries = {Put({{"a"}, {"c"}}, "amd", "amd64"),
                                          nested.ToDescriptor(), Put({{"x"}}, "att", "unknown")};
  entries[0].annotations["note"] = "kept";
  entries[2].platform = oci::Platform{.os = "unknown", .architecture = "unknown"};
  entries[2].annotations["vnd.docker.reference.type"] = "attestation-manifest";
  ASSERT_OK_AND_ASSIGN(const oci::Index index,
                       oci::Index::Create(entries, oci::ImageFormat::kOci, {{"who", "me"}}));
  ASSERT_OK(from_.PutManifest("all", index.bytes(), index.media_type()));
  ASSERT_OK_AND_ASSIGN(const FlattenedImages flat,
                       FlattenImages(from_, "all", to_, "flat", options_));
  EXPECT_EQ(flat.images, 2u);
  EXPECT_EQ(flat.left_out, 1u);
  ASSERT_OK_AND_ASSIGN(const RawManifest raw, to_.GetManifest("flat"));
  EXPECT_EQ(raw.digest, flat.digest);
  ASSERT_OK_AND_ASSIGN(const oci::Index made, oci::Index::Parse(raw.bytes));
  ASSERT_EQ(made.manifests().size(), 2u);
  EXPECT_EQ(made.annotations().at("who"), "me");
  EXPECT_EQ(made.manifests()[0].annotations.at("note"), "kept");
  EXPECT_EQ(made.manifests()[0].platform->architecture, "amd64");
  EXPECT_EQ(made.manifests()[1].media_type, oci::kOciIndex);
  ASSERT_OK_AND_ASSIGN(const ImageCheckReport report, CheckImage(to_, "flat"));
  EXPECT_TRUE(report.ok());
  EXPECT_EQ(report.manifests, 2u);
  // One of them alone.
  options_.platform = oci::Platform{.os = "linux", .architecture = "arm64"};
  ASSERT_OK_AND_ASSIGN(const FlattenedImages one,
                       FlattenImages(from_, "all", to_, "arm", options_));
  EXPECT_EQ(one.images, 1u);
  ASSERT_OK_AND_ASSIGN(const oci::Image image, ReadImage(to_, "arm"));
  EXPECT_EQ(image.config.platform().architecture, "arm64");
}

TEST_F(FlattenImagesTest, NothingIsWrittenUnderATagWhenItFails) {
  Put({{"a"}, {".wh."}}, "v1", "amd64");
  EXPECT_THAT(FlattenImages(from_, "v1", to_, "flat", options_),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(to_.GetManifest("flat"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(FlattenImages(from_, "none", to_, "flat", options_),
              StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace stevedore::transfer
