#include "transfer/image_reading.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/byte_source.h"
#include "base/testing/status_matchers.h"
#include "oci/image/digest.h"
#include "oci/image/image_editor.h"
#include "oci/image/index.h"
#include "oci/image/media_type.h"
#include "oci/image/platform.h"
#include "transfer/image_source.h"

namespace stevedore::transfer {
namespace {

using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

// Documents and blobs by digest, tags beside them.
class FakeImages final : public ImageSource {
 public:
  std::string Put(const std::string& bytes, const std::string& media_type) {
    const std::string digest = oci::Digest::Of(bytes).ToString();
    documents_[digest] = RawManifest{bytes, media_type, oci::Digest::Of(bytes)};
    return digest;
  }
  void PutBlob(const std::string& bytes) { blobs_[oci::Digest::Of(bytes).ToString()] = bytes; }
  // An image without layers; its descriptor, with the platform.
  oci::Descriptor PutImage(const std::string& platform) {
    const auto parsed = oci::Platform::Parse(platform);
    const auto image = oci::ImageEditor(*parsed).Finish();
    PutBlob(image->config.bytes());
    Put(image->manifest.bytes(), image->manifest.media_type());
    oci::Descriptor descriptor = image->manifest.ToDescriptor();
    descriptor.platform = *parsed;
    return descriptor;
  }
  oci::Descriptor PutIndex(const std::vector<oci::Descriptor>& entries) {
    const auto index = oci::Index::Create(entries);
    Put(index->bytes(), index->media_type());
    return index->ToDescriptor();
  }

  absl::StatusOr<RawManifest> GetManifest(const std::string& name, std::stop_token) override {
    ++requests;
    const auto it = documents_.find(name);
    if (it == documents_.end()) return absl::NotFoundError(absl::StrCat("no ", name));
    return it->second;
  }
  absl::StatusOr<std::optional<oci::Descriptor>> HeadManifest(const std::string&,
                                                              std::stop_token) override {
    return std::nullopt;
  }
  absl::StatusOr<std::unique_ptr<base::ByteSource>> OpenBlob(const oci::Descriptor& blob,
                                                             std::stop_token) override {
    ++requests;
    const auto it = blobs_.find(blob.digest.ToString());
    if (it == blobs_.end()) return absl::NotFoundError("no such blob");
    return std::make_unique<base::StringSource>(it->second);
  }
  std::string Describe() const override { return "a fake"; }

  int requests = 0;

 private:
  std::map<std::string, RawManifest> documents_;
  std::map<std::string, std::string> blobs_;
};

oci::Platform PlatformNamed(const std::string& name) { return *oci::Platform::Parse(name); }

TEST(ImageReadingTest, ReadsASingleImageWithTwoRequests) {
  FakeImages images;
  const oci::Descriptor image = images.PutImage("linux/s390x");
  const auto read = ReadImage(images, image.digest.ToString());
  ASSERT_OK(read.status());
  EXPECT_EQ(read->manifest.digest(), image.digest);
  EXPECT_EQ(read->config.platform().architecture, "s390x");
  EXPECT_EQ(images.requests, 2);
}

TEST(ImageReadingTest, SingleImageForAnotherPlatformIsNotFound) {
  FakeImages images;
  const oci::Descriptor image = images.PutImage("linux/s390x");
  EXPECT_THAT(ReadImage(images, image.digest.ToString(), PlatformNamed("linux/arm64")).status(),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr("linux/arm64"), HasSubstr("linux/s390x only"))));
}

TEST(ImageReadingTest, SelectsThePlatformOfANestedIndex) {
  FakeImages images;
  const oci::Descriptor wanted = images.PutImage("linux/arm64/v8");
  const oci::Descriptor inner = images.PutIndex({images.PutImage("linux/s390x"), wanted});
  const oci::Descriptor outer = images.PutIndex({images.PutImage("linux/riscv64"), inner});
  const auto read = ReadImage(images, outer.digest.ToString(), PlatformNamed("linux/arm64"));
  ASSERT_OK(read.status());
  EXPECT_EQ(read->manifest.digest(), wanted.digest);
  EXPECT_THAT(ReadImage(images, outer.digest.ToString(), PlatformNamed("linux/mips")).status(),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("platforms: linux/riscv64, linux/s390x, linux/arm64/v8")));
}

TEST(ImageReadingTest, AsksEntriesWithoutPlatform) {
  FakeImages images;
  oci::Descriptor entry = images.PutImage("linux/s390x");
  entry.platform.reset();
  const oci::Descriptor index = images.PutIndex({entry});
  const auto read = ReadImage(images, index.digest.ToString(), PlatformNamed("linux/s390x"));
  ASSERT_OK(read.status());
  EXPECT_EQ(read->manifest.digest(), entry.digest);
}

TEST(ImageReadingTest, IndexesNestedWithoutEndAreRefused) {
  FakeImages images;
  oci::Descriptor entry = images.PutImage("linux/amd64");
  for (int depth = 0; depth < kIndexDepthLimit + 1; ++depth) entry = images.PutIndex({entry});
  EXPECT_THAT(ReadImage(images, entry.digest.ToString()).status(),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("nested deeper than 8")));
}

TEST(ImageReadingTest, ArtifactIsNoImage) {
  FakeImages images;
  images.PutBlob("{}");
  const std::string digest =
      images.Put(absl::StrCat(R"({"schemaVersion":2,"mediaType":")", oci::kOciManifest,
                              R"(","artifactType":"a/b","config":{"mediaType":")", oci::kOciEmpty,
                              R"(","digest":")", oci::Digest::Of("{}").ToString(),
                              R"(","size":2},"layers":[]})"),
                 oci::kOciManifest);
  EXPECT_THAT(ReadImage(images, digest).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is an artifact")));
}

TEST(ImageReadingTest, SmallBlobThatClaimsToBeLargeIsNotRead) {
  FakeImages images;
  EXPECT_THAT(
      ReadSmallBlob(images, {.media_type = "", .digest = oci::Digest::Of("x"), .size = 5 << 20}),
      StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("at most 4194304")));
  EXPECT_EQ(images.requests, 0);
}

}  // namespace
}  // namespace stevedore::transfer
