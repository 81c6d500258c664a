#include "transfer/docker_archive_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/testing/status_matchers.h"
#include "oci/image/digest.h"
#include "transfer/memory_images.h"
#include "transfer/testing/test_archive.h"

namespace stevedore::transfer {
namespace {

using base::testing::StatusIs;
using ::testing::HasSubstr;
using testing::PutTestImage;
using testing::TestImage;

TEST(DockerArchiveWriterTest, WritesTheKnownArchive) {
  const TestImage image;
  ASSERT_EQ(image.digest(),
            "sha256:a52d14350629d04b9c2a8170cb98491dd7b178e613ece1f86fcd9f0c7466a591");
  MemoryImages images;
  ASSERT_OK(PutTestImage(images, "v1", image));
  ASSERT_OK_AND_ASSIGN(const auto archive,
                       OpenDockerArchive({{.manifest = *oci::Manifest::Parse(image.manifest),
                                           .config = *oci::ImageConfig::Parse(image.config),
                                           .names = {"lib/app:v1"}}},
                                         &images, "", {}));
  ASSERT_OK_AND_ASSIGN(const std::string bytes, base::ReadAll(*archive, 1 << 20));
  EXPECT_EQ(bytes.size(), 6144);
  EXPECT_EQ(oci::Digest::Of(bytes).hex(),
            "affbe7ead7d5616c73a4ff71fb79e3cee53c6d3ef2dd7120a268b77381e512ad");
}

TEST(DockerArchiveWriterTest, FailsWhereABlobFails) {
  const TestImage image;
  MemoryImages images;
  ASSERT_OK_AND_ASSIGN(const auto archive,
                       OpenDockerArchive({{.manifest = *oci::Manifest::Parse(image.manifest),
                                           .config = *oci::ImageConfig::Parse(image.config)}},
                                         &images, "", {}));
  EXPECT_THAT(base::ReadAll(*archive, 1 << 20),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("layer.tar")));
}

TEST(DockerArchiveWriterTest, RefusesLayersThatTheConfigHasNot) {
  const TestImage image;
  MemoryImages images;
  EXPECT_THAT(
      OpenDockerArchive({{.manifest = *oci::Manifest::Parse(image.manifest),
                          .config = *oci::ImageConfig::Parse(
                              R"({"architecture":"amd64","os":"linux","rootfs":{"diff_ids":[],)"
                              R"("type":"layers"}})")}},
                        &images, "", {}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("1 layers")));
}

}  // namespace
}  // namespace stevedore::transfer
