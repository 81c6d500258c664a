#include "worker/base_record.h"

#include <optional>
#include <string>

#include "base/testing/status_matchers.h"
#include "oci/image/digest.h"
#include "oci/image/image_editor.h"
#include "oci/image/media_type.h"
#include "oci/image/platform.h"

namespace stevedore::worker {
namespace {

constexpr char kBaseDigest[] = "org.opencontainers.image.base.digest";

// One more layer, made of `content`, on `base`; none: the first.
oci::Image ImageOn(const std::optional<oci::Image>& base, const std::string& content,
                   oci::ImageFormat format = oci::ImageFormat::kOci) {
  oci::ImageEditor editor = base.has_value() ? *oci::ImageEditor::Create(*base, format)
                                             : oci::ImageEditor({"linux", "amd64"}, format);
  EXPECT_OK(editor.AppendLayer({.diff_id = oci::Digest::Of(content),
                                .descriptor = {.media_type = oci::kOciLayerGzip,
                                               .digest = oci::Digest::Of(content + ".gz"),
                                               .size = content.size()}}));
  return *editor.Finish();
}

TEST(BaseRecordTest, NamesTheManifestAndChangesNothingElse) {
  const oci::Image base = ImageOn(std::nullopt, "base");
  const oci::Image built = ImageOn(base, "app");
  oci::Image image = built;
  ASSERT_OK(RecordBase({.id = "base:1", .reference = "base:1", .image = base}, &image));
  EXPECT_EQ(image.manifest.annotations().at(kBaseDigest), base.manifest.digest().ToString());
  EXPECT_EQ(image.manifest.annotations().size(), 1u);
  EXPECT_EQ(image.manifest.config(), built.manifest.config());
  EXPECT_EQ(image.manifest.layers(), built.manifest.layers());
  EXPECT_EQ(image.config.bytes(), built.config.bytes());

  const oci::Image once = image;
  const oci::Image other = ImageOn(std::nullopt, "base");
  ASSERT_OK(RecordBase({.id = "base:1", .reference = "base:1", .image = other}, &image));
  EXPECT_EQ(image.manifest.bytes(), once.manifest.bytes()) << "what is said already stays";
}

TEST(BaseRecordTest, SaysNothingThatIsNotSo) {
  const oci::Image base = ImageOn(std::nullopt, "base");
  const oci::Image stranger = ImageOn(std::nullopt, "stranger");
  const oci::Image docker = ImageOn(base, "app", oci::ImageFormat::kDocker);
  const oci::Image bare = *oci::ImageEditor({"linux", "amd64"}).Finish();
  for (const auto& [below, above] : {std::pair{base, stranger}, {base, docker}, {bare, stranger}}) {
    oci::Image image = above;
    ASSERT_OK(RecordBase({.id = "base:1", .reference = "base:1", .image = below}, &image));
    EXPECT_EQ(image.manifest.bytes(), above.manifest.bytes());
  }
}

}  // namespace
}  // namespace stevedore::worker
