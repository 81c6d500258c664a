#include "transfer/image_export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/byte_sink.h"
#include "base/byte_source.h"
#include "base/testing/status_matchers.h"
#include "oci/image/image_editor.h"
#include "oci/image/index.h"
#include "oci/image/manifest.h"
#include "oci/image/media_type.h"
#include "oci/layer/tar_reader.h"
#include "oci/layer/testing/layer_text.h"
#include "transfer/memory_images.h"

namespace stevedore::transfer {
namespace {

using base::testing::StatusIs;
using oci::testing::LayerTar;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Words = std::vector<std::string>;

class ImageExportTest : public ::testing::Test {
 protected:
  oci::Image Put(const std::vector<Words>& layers, const std::string& tag,
                 const oci::Platform& platform = oci::Platform::Host()) {
    oci::ImageEditor editor(platform);
    for (const Words& words : layers) {
      const oci::Descriptor blob = images_.AddBlob(LayerTar(words), oci::kOciLayer);
      EXPECT_OK(editor.AppendLayer({.diff_id = blob.digest, .descriptor = blob}));
    }
    oci::Image image = *editor.Finish();
    images_.AddBlob(image.config.bytes());
    EXPECT_OK(images_.PutManifest(tag, image.manifest.bytes(), image.manifest.media_type()));
    return image;
  }

  absl::StatusOr<ImageExport> Export(const std::string& name,
                                     const ImageExportOptions& options = {}) {
    out_.clear();
    base::StringSink sink(&out_);
    return ExportImage(images_, name, options, &sink);
  }

  Words Paths() const {
    Words paths;
    base::StringSource source(out_);
    oci::TarReader reader(&source);
    while (true) {
      const absl::StatusOr<std::optional<oci::TarEntry>> entry = reader.Next();
      EXPECT_OK(entry.status());
      if (!entry.ok() || !entry->has_value()) return paths;
      paths.push_back((*entry)->entry.path);
    }
  }

  MemoryImages images_;
  std::string out_;
};

TEST_F(ImageExportTest, WritesWhatIsSeenAndNothingThatLeadsOutside) {
  Put({{"a=A", "d/", "d/x=X"}, {".wh.a", "b=B", "l->../../etc/passwd"}}, "v1");
  ASSERT_OK_AND_ASSIGN(const ImageExport exported, Export("v1"));
  EXPECT_FALSE(exported.raw);
  EXPECT_EQ(exported.entries, 3u);
  EXPECT_THAT(exported.dropped, ElementsAre("l"));
  EXPECT_THAT(Paths(), ElementsAre("d", "d/x", "b"));
}

TEST_F(ImageExportTest, OnePlatformOfAnIndex) {
  const oci::Image arm = Put({{"arm=1"}}, "arm", {.os = "linux", .architecture = "arm64"});
  const oci::Image risc = Put({{"risc=1"}}, "risc", {.os = "linux", .architecture = "riscv64"});
  std::vector<oci::Descriptor> entries = {arm.manifest.ToDescriptor(),
                                          risc.manifest.ToDescriptor()};
  entries[0].platform = arm.config.platform();
  entries[1].platform = risc.config.platform();
  ASSERT_OK_AND_ASSIGN(const oci::Index index, oci::Index::Create(entries));
  ASSERT_OK(images_.PutManifest("all", index.bytes(), index.media_type()));
  ASSERT_OK(Export("all", {.platform = risc.config.platform()}));
  EXPECT_THAT(Paths(), ElementsAre("risc"));
  EXPECT_THAT(Export("all", {.platform = oci::Platform{.os = "linux", .architecture = "s390x"}}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("linux/riscv64")));
}

TEST_F(ImageExportTest, FilesOfArtifactsComeRaw) {
  const oci::Descriptor config = images_.AddBlob("{}", oci::kOciEmpty);
  const oci::Descriptor file = images_.AddBlob("just text", "text/plain");
  const auto put = [&](int files, const std::string& tag) {
    std::string layers;
    for (int i = 0; i < files; ++i) {
      layers += absl::StrCat(i > 0 ? "," : "", "{\"mediaType\":\"text/plain\",\"digest\":\"",
                             file.digest.ToString(), "\",\"size\":", file.size, "}");
    }
    EXPECT_OK(images_.PutManifest(
        tag,
        absl::StrCat("{\"schemaVersion\":2,\"mediaType\":\"", oci::kOciManifest,
                     "\",\"config\":{\"mediaType\":\"", oci::kOciEmpty, "\",\"digest\":\"",
                     config.digest.ToString(), "\",\"size\":2},\"layers\":[", layers, "]}"),
        oci::kOciManifest));
  };
  put(1, "one");
  ASSERT_OK_AND_ASSIGN(const ImageExport exported, Export("one"));
  EXPECT_TRUE(exported.raw);
  EXPECT_EQ(out_, "just text");
  put(2, "two");
  EXPECT_THAT(Export("two"), StatusIs(absl::StatusCode::kInvalidArgument,
                                      HasSubstr("is no file system: one of its 2 layers is "
                                                "`text/plain`")));
}

TEST_F(ImageExportTest, HostileLayersAreNamed) {
  Put({{"a"}, {"../../etc/passwd"}}, "v1");
  EXPECT_THAT(Export("v1"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("layer 2 (sha256:")));
  EXPECT_THAT(Export("none"), StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace stevedore::transfer
