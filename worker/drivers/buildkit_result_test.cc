#include "worker/drivers/buildkit_result.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "oci/image/media_type.h"
#include "oci/image/reference.h"
#include "transfer/layout_repository.h"
#include "worker/testing/images.h"

namespace stevedore::worker {
namespace {

using base::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class TakeLayoutImageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(base::TemporaryDirectory folder, base::TemporaryDirectory::Create());
    folder_.emplace(std::move(folder));
    ASSERT_OK_AND_ASSIGN(oci::Layout result,
                         oci::Layout::OpenOrCreate(base::JoinPath(folder_->path(), "result")));
    result_.emplace(std::move(result));
    ASSERT_OK_AND_ASSIGN(oci::Layout output,
                         oci::Layout::OpenOrCreate(base::JoinPath(folder_->path(), "output")));
    output_.emplace(std::move(output));
    repository_.emplace(&*output_, *oci::Reference::Parse("localhost:5000/web"));
    request_.output = &*repository_;
    request_.platform = {.os = "linux", .architecture = "amd64"};
  }

  // Blobs of an image that the layout's index does not list by itself.
  void StoreUnlisted(const oci::Image& image, const std::vector<std::string>& layers) {
    for (const std::string& bytes : layers) ASSERT_OK(result_->PutBlob(bytes));
    ASSERT_OK(result_->PutBlob(image.config.bytes()));
    ASSERT_OK(result_->PutBlob(image.manifest.bytes()));
  }
  absl::StatusOr<BuiltImage> Take() { return TakeLayoutImage(request_, *result_, {}); }

  std::optional<base::TemporaryDirectory> folder_;
  std::optional<oci::Layout> result_, output_;
  std::optional<transfer::LayoutRepository> repository_;
  BuildRequest request_;
};

TEST_F(TakeLayoutImageTest, DocumentsStayAndLayersGoToTheOutput) {
  const oci::Image image = testing::ImageOf({"one", "two"});
  testing::Store(*result_, image, {"one", "two"}, "web");
  ASSERT_OK_AND_ASSIGN(const BuiltImage built, Take());
  EXPECT_EQ(built.image.manifest.digest(), image.manifest.digest());
  EXPECT_EQ(built.image.config.bytes(), image.config.bytes());
  EXPECT_EQ(built.new_layer_bytes, 6U);
  EXPECT_THAT(built.inherited, SizeIs(0));
  for (const oci::Descriptor& layer : image.manifest.layers()) {
    EXPECT_OK(output_->ReadBlob(layer.digest));
  }
}

TEST_F(TakeLayoutImageTest, LayersOfAParentAreInherited) {
  const oci::Image parent = testing::ImageOf({"one"});
  const oci::Image image = testing::ImageOf({"two"}, &parent);
  testing::Store(*result_, image, {"one", "two"}, "web");
  request_.parents.push_back({.id = "base:1", .reference = "r/base:1", .image = parent});
  ASSERT_OK_AND_ASSIGN(const BuiltImage built, Take());
  ASSERT_THAT(built.inherited, SizeIs(1));
  EXPECT_EQ(built.inherited[0].parent, 0);
  EXPECT_EQ(built.inherited[0].descriptor.digest, parent.manifest.layers()[0].digest);
  EXPECT_EQ(built.image.manifest.digest(), image.manifest.digest());
  EXPECT_EQ(built.new_layer_bytes, 3U);
  EXPECT_FALSE(output_->ReadBlob(parent.manifest.layers()[0].digest).ok());
}

TEST_F(TakeLayoutImageTest, AnIndexWithAttestations) {
  const oci::Image image = testing::ImageOf({"one"});
  StoreUnlisted(image, {"one"});
  const std::string attestation = absl::StrCat(
      R"({"mediaType":")", oci::kOciManifest, R"(","digest":"sha256:)", std::string(64, 'a'),
      R"(","size":3,"platform":{"os":"unknown","architecture":"unknown"}})");
  const std::string index = absl::StrCat(
      R"({"schemaVersion":2,"mediaType":")", oci::kOciIndex, R"(","manifests":[)", attestation,
      R"(,{"mediaType":")", oci::kOciManifest, R"(","digest":")",
      image.manifest.digest().ToString(), R"(","size":)", image.manifest.bytes().size(),
      R"(,"platform":{"os":"linux","architecture":"amd64"}}]})");
  ASSERT_OK(result_->PutManifest(index, oci::kOciIndex, "web"));
  ASSERT_OK_AND_ASSIGN(const BuiltImage built, Take());
  EXPECT_EQ(built.image.manifest.digest(), image.manifest.digest());

  request_.platform = {.os = "linux", .architecture = "s390x"};
  EXPECT_THAT(Take(), StatusIs(absl::StatusCode::kInvalidArgument,
                               HasSubstr("has no image for linux/s390x")));
}

TEST_F(TakeLayoutImageTest, LayersAndDiffIdsMustAgree) {
  const oci::Image image = testing::ImageOf({"one", "two"});
  const oci::Image other = testing::ImageOf({"one"});
  StoreUnlisted(image, {"one", "two"});
  StoreUnlisted(other, {"one"});
  std::string manifest(image.manifest.bytes());
  const std::string from = image.config.digest().ToString();
  manifest.replace(manifest.find(from), from.size(), other.config.digest().ToString());
  ASSERT_OK(result_->PutManifest(manifest, oci::kOciManifest, "web"));
  EXPECT_THAT(Take(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("2 layers and 1 diff ids")));
}

TEST_F(TakeLayoutImageTest, AnEmptyLayoutSaysSo) {
  EXPECT_THAT(Take(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("has no image for")));
}

}  // namespace
}  // namespace stevedore::worker
