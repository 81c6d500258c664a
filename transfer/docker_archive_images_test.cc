#include "transfer/docker_archive_images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"
#include "oci/image/digest.h"
#include "oci/image/manifest.h"
#include "oci/image/media_type.h"
#include "transfer/testing/test_archive.h"

namespace stevedore::transfer {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::OpenBytes;
using testing::TestArchive;
using testing::TestImage;

// A gzip of nothing, whose bytes do for a layer that is stored compressed.
const std::string kGzip("\x1f\x8b\x08\0\0\0\0\0\0\xff\x03\0\0\0\0\0\0\0\0\0", 20);

absl::StatusOr<std::unique_ptr<DockerArchiveImages>> Open(const TestArchive& archive) {
  auto opened = OpenBytes(archive.Bytes());
  if (!opened.ok()) return opened.status();
  return DockerArchiveImages::Open(*std::move(opened), "docker-archive:test.tar");
}

std::string List(const std::string& config, const std::string& tags, const std::string& layers) {
  return absl::StrCat(R"([{"Config":")", config, R"(","RepoTags":)", tags, R"(,"Layers":)", layers,
                      "}]");
}

TEST(DockerArchiveImagesTest, AnImageHasTheDigestItHadBefore) {
  const TestImage image;
  ASSERT_OK_AND_ASSIGN(
      const auto images,
      Open(TestArchive()
               .Add("c.json", image.config)
               .Add("l/layer.tar", image.layer)
               .Add("l/VERSION", "1.0")
               .Add("l/json", "{}")
               .Add("repositories", R"({"alpine":{"3.20":"x"}})")
               .Add("manifest.json", List("c.json", R"(["alpine:3.20"])", R"(["l/layer.tar"])"))));
  EXPECT_THAT(images->ListTags(), IsOkAndHolds(ElementsAre("alpine:3.20")));
  for (const char* name : {"alpine:3.20", "docker.io/library/alpine:3.20", ""}) {
    ASSERT_OK_AND_ASSIGN(const RawManifest manifest, images->GetManifest(name));
    EXPECT_EQ(manifest.bytes, image.manifest);
  }
  EXPECT_EQ(images->GetManifest(image.digest())->media_type, oci::kOciManifest);
  EXPECT_THAT(images->GetManifest("alpine"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("alpine:3.20")));
  for (const auto& [blob, bytes] : {std::pair(image.ConfigDescriptor(), image.config),
                                    std::pair(image.LayerDescriptor(), image.layer)}) {
    ASSERT_OK_AND_ASSIGN(const auto source, images->OpenBlob(blob));
    EXPECT_THAT(base::ReadAll(*source, 1 << 20), IsOkAndHolds(bytes));
  }
}

TEST(DockerArchiveImagesTest, LayersAreWhatTheirFirstBytesSay) {
  const TestImage image;
  ASSERT_OK_AND_ASSIGN(const auto images,
                       Open(TestArchive()
                                .Add("c.json", image.config)
                                .Add("l", kGzip)
                                .Add("manifest.json", List("c.json", "null", R"(["l"])"))));
  ASSERT_OK_AND_ASSIGN(const RawManifest raw, images->GetManifest(""));
  ASSERT_OK_AND_ASSIGN(const auto manifest, oci::Manifest::Parse(raw.bytes));
  ASSERT_EQ(manifest.layers().size(), 1);
  EXPECT_EQ(manifest.layers()[0].media_type, oci::kOciLayerGzip);
  EXPECT_EQ(manifest.layers()[0].digest, oci::Digest::Of(kGzip));
  ASSERT_OK_AND_ASSIGN(const auto source, images->OpenBlob(manifest.layers()[0]));
  EXPECT_THAT(base::ReadAll(*source, 100), IsOkAndHolds(kGzip));
}

TEST(DockerArchiveImagesTest, HasAllImagesAndTheirSharedLayers) {
  const TestImage first;
  TestImage second;
  second.config.replace(second.config.find("amd64"), 5, "arm64");
  const std::string list = absl::StrCat(
      R"([{"Config":"a.json","RepoTags":["shop/web:1","shop/web:2"],"Layers":["a/layer.tar"]},)",
      R"({"Config":"b.json","RepoTags":[],"Layers":["b/layer.tar"]}])");
  ASSERT_OK_AND_ASSIGN(const auto images, Open(TestArchive()
                                                   .Add("a.json", first.config)
                                                   .Add("b.json", second.config)
                                                   .Add("a/layer.tar", first.layer)
                                                   .AddLink("b/layer.tar", "../a/layer.tar")
                                                   .Add("manifest.json", list)));
  EXPECT_THAT(images->ListTags(), IsOkAndHolds(ElementsAre("shop/web:1", "shop/web:2")));
  ASSERT_OK_AND_ASSIGN(const oci::Descriptor at, images->At(1));
  ASSERT_OK_AND_ASSIGN(const RawManifest raw, images->GetManifest(at.digest.ToString()));
  EXPECT_EQ(oci::Manifest::Parse(raw.bytes)->config().digest, oci::Digest::Of(second.config));
  EXPECT_THAT(images->At(2), StatusIs(absl::StatusCode::kNotFound, HasSubstr("it has 2")));
}

TEST(DockerArchiveImagesTest, LyingLayersShowWhenTheyAreRead) {
  const TestImage image;
  ASSERT_OK_AND_ASSIGN(const auto images,
                       Open(TestArchive()
                                .Add("c.json", image.config)
                                .Add("l", std::string(image.layer.size(), 'x'))
                                .Add("manifest.json", List("c.json", "[]", R"(["l"])"))));
  ASSERT_OK_AND_ASSIGN(const auto source, images->OpenBlob(image.LayerDescriptor()));
  EXPECT_THAT(base::ReadAll(*source, 1 << 20), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(DockerArchiveImagesTest, RefusesWhatIsWrong) {
  const TestImage image;
  const std::pair<std::string, const char*> rows[] = {
      {"{}", "no list"},
      {"[1]", "no object"},
      {"[{}]", "no Config"},
      {R"([{"Config":1}])", "no Config"},
      {List("c.json", "[1]", "[]"), "RepoTags"},
      {List("c.json", "{}", "[]"), "RepoTags"},
      {List("c.json", "[]", R"("l")"), "Layers"},
      {List("c.json", "[]", "[]"), "0 layers where the config has 1"},
      {List("none.json", "[]", "[]"), "none.json"},
      {List("c.json", "[]", R"(["../../etc/passwd"])"), "etc/passwd"},
      {List("../../etc/passwd", "[]", "[]"), "etc/passwd"},
      {List("l", "[]", R"(["l"])"), "`l`"},
      {"[", "manifest.json"},
      {std::string(5000, '['), "manifest.json"},
  };
  for (const auto& [list, part] : rows) {
    EXPECT_THAT(Open(TestArchive()
                         .Add("c.json", image.config)
                         .Add("l", image.layer)
                         .Add("manifest.json", list)),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(part)))
        << list.substr(0, 100);
  }
}

TEST(DockerArchiveImagesTest, NamesTheOtherKinds) {
  EXPECT_THAT(Open(TestArchive().Add("oci-layout", "{}")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("oci-archive:")));
  EXPECT_THAT(Open(TestArchive().Add("repositories", "{}")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("older than 1.10")));
}

TEST(DockerArchiveImagesTest, HasLimits) {
  const TestImage image;
  EXPECT_THAT(Open(TestArchive().Add("manifest.json", std::string((16 << 20) + 1, ' '))),
              StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(Open(TestArchive()
                       .Add("c.json", std::string((4 << 20) + 1, ' '))
                       .Add("manifest.json", List("c.json", "[]", "[]"))),
              StatusIs(absl::StatusCode::kResourceExhausted));
  std::string many = "[";
  for (int i = 0; i < 2001; ++i) many += i == 0 ? "1" : ",1";
  EXPECT_THAT(Open(TestArchive().Add("manifest.json", many + "]")),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("2001")));
}

}  // namespace
}  // namespace stevedore::transfer
