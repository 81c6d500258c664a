#include "transfer/image_layers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>

#include "base/byte_source.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "oci/image/image_editor.h"
#include "oci/image/media_type.h"
#include "transfer/memory_images.h"

namespace stevedore::transfer {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using ::testing::HasSubstr;

// Counts how often blobs are asked for.
class CountingImages final : public ImageSource {
 public:
  explicit CountingImages(MemoryImages* images) : images_(images) {}
  absl::StatusOr<RawManifest> GetManifest(const std::string& name, std::stop_token stop) override {
    return images_->GetManifest(name, stop);
  }
  absl::StatusOr<std::optional<oci::Descriptor>> HeadManifest(const std::string& name,
                                                              std::stop_token stop) override {
    return images_->HeadManifest(name, stop);
  }
  absl::StatusOr<std::unique_ptr<base::ByteSource>> OpenBlob(const oci::Descriptor& blob,
                                                             std::stop_token stop) override {
    ++opened;
    return images_->OpenBlob(blob, stop);
  }
  std::string Describe() const override { return "counted"; }

  int opened = 0;

 private:
  MemoryImages* const images_;
};

class ImageLayersTest : public ::testing::Test {
 protected:
  ImageLayersTest() : scratch_(*base::TemporaryDirectory::Create()) {
    oci::ImageEditor editor({.os = "linux", .architecture = "amd64"});
    const oci::Descriptor blob = memory_.AddBlob("some bytes", oci::kOciLayer);
    EXPECT_OK(editor.AppendLayer({.diff_id = blob.digest, .descriptor = blob}));
    image_ = *editor.Finish();
  }

  static absl::StatusOr<std::string> Read(const oci::LayerStream& layer) {
    absl::StatusOr<std::unique_ptr<base::ByteSource>> source = layer.open();
    if (!source.ok()) return source.status();
    return base::ReadAll(**source, 1000);
  }

  const base::TemporaryDirectory scratch_;
  MemoryImages memory_;
  CountingImages images_{&memory_};
  oci::Image image_;
};

TEST_F(ImageLayersTest, ComeFromThePlaceEachTime) {
  ASSERT_OK_AND_ASSIGN(const auto layers, OpenImageLayers(images_, image_, {}));
  ASSERT_EQ(layers.size(), 1u);
  EXPECT_EQ(layers[0].diff_id, image_.config.diff_ids()[0]);
  EXPECT_THAT(layers[0].name, HasSubstr("layer 1 (sha256:"));
  EXPECT_THAT(Read(layers[0]), IsOkAndHolds("some bytes"));
  EXPECT_THAT(Read(layers[0]), IsOkAndHolds("some bytes"));
  EXPECT_EQ(images_.opened, 2);
}

TEST_F(ImageLayersTest, ComeFromTheSpoolOnceTheyWereReadToTheEnd) {
  ASSERT_OK_AND_ASSIGN(const auto layers,
                       OpenImageLayers(images_, image_, {.spool_directory = scratch_.path()}));
  {
    ASSERT_OK_AND_ASSIGN(const auto source, layers[0].open());
    char byte;
    ASSERT_THAT(source->Read(&byte, 1), IsOkAndHolds(1u));
  }
  EXPECT_THAT(Read(layers[0]), IsOkAndHolds("some bytes"));
  EXPECT_EQ(images_.opened, 2) << "half a copy is none";
  EXPECT_THAT(Read(layers[0]), IsOkAndHolds("some bytes"));
  EXPECT_THAT(Read(layers[0]), IsOkAndHolds("some bytes"));
  EXPECT_EQ(images_.opened, 2);
}

TEST_F(ImageLayersTest, DocumentsThatDisagreeAreRefused) {
  oci::Image other = image_;
  oci::ImageEditor editor({.os = "linux", .architecture = "amd64"});
  other.config = editor.Finish()->config;
  EXPECT_THAT(OpenImageLayers(images_, other, {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("has 1 layers")));
}

}  // namespace
}  // namespace stevedore::transfer
