#include "transfer/memory_images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"
#include "nlohmann/json.hpp"
#include "oci/image/index.h"
#include "oci/image/media_type.h"

namespace stevedore::transfer {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Manifest(MemoryImages& images, const std::string& more = "") {
  const oci::Descriptor config = images.AddBlob("{}", oci::kOciConfig);
  return absl::StrCat(R"({"schemaVersion":2,"mediaType":")", oci::kOciManifest, R"(","config":)",
                      config.ToJson().dump(), R"(,"layers":[])", more, "}");
}

TEST(MemoryImagesTest, ListsWhatWasPut) {
  MemoryImages images;
  EXPECT_THAT(images.Only(), StatusIs(absl::StatusCode::kNotFound, HasSubstr("no images")));
  const std::string manifest = Manifest(images);
  ASSERT_OK(images.PutManifest("1.0", manifest, oci::kOciManifest));
  ASSERT_OK(images.PutManifest("1.1", manifest, oci::kOciManifest));
  EXPECT_THAT(images.ListTags(), IsOkAndHolds(ElementsAre("1.0", "1.1")));
  EXPECT_EQ(images.GetManifest("")->bytes, manifest);  // Two names of one image.
  ASSERT_OK(images.PutManifest("other", Manifest(images, R"(,"annotations":{"a":"b"})"),
                               oci::kOciManifest));
  EXPECT_THAT(images.GetManifest(""),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("1.0, 1.1, other")));
  EXPECT_EQ(images.At(2)->annotations.at(oci::kRefNameAnnotation), "other");
  EXPECT_THAT(images.At(3), StatusIs(absl::StatusCode::kNotFound, HasSubstr("it has 3")));
  ASSERT_OK(images.DeleteManifest("1.0"));
  EXPECT_THAT(images.DeleteManifest("1.0"), StatusIs(absl::StatusCode::kNotFound));
  ASSERT_OK(images.DeleteManifest(oci::Digest::Of(manifest).ToString()));
  EXPECT_THAT(images.ListTags(), IsOkAndHolds(ElementsAre("other")));
}

TEST(MemoryImagesTest, AnIndexTakesOverItsManifests) {
  MemoryImages images;
  const std::string child = Manifest(images);
  const std::string digest = oci::Digest::Of(child).ToString();
  ASSERT_OK(images.PutManifest(digest, child, oci::kOciManifest));
  ASSERT_OK_AND_ASSIGN(const auto index, oci::Index::Create({{.media_type = oci::kOciManifest,
                                                              .digest = oci::Digest::Of(child),
                                                              .size = child.size()}}));
  ASSERT_OK(images.PutManifest("all", index.bytes(), oci::kOciIndex));
  EXPECT_EQ(images.Only()->digest, index.digest());
  EXPECT_THAT(images.At(1), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(images.GetManifest(digest)->bytes, child);
}

TEST(MemoryImagesTest, RemembersFinish) {
  MemoryImages images("memory (test)");
  EXPECT_FALSE(images.finished());
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THAT(images.Finish(stop.get_token()), StatusIs(absl::StatusCode::kCancelled));
  ASSERT_OK(images.Finish());
  EXPECT_TRUE(images.finished());
  EXPECT_EQ(images.Describe(), "memory (test)");
}

}  // namespace
}  // namespace stevedore::transfer
