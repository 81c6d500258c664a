#include "worker/publish.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"
#include "oci/image/image_editor.h"
#include "oci/image/reference.h"
#include "oci/layout/layout.h"
#include "worker/drivers/driver.h"
#include "worker/executor.h"
#include "worker/layout_provider.h"
#include "worker/repository_provider.h"
#include "worker/testing/images.h"

namespace stevedore::worker {
namespace {

using ::stevedore::base::testing::StatusIs;

class PublishTest : public ::testing::Test {
 protected:
  // A parent of one layer in one layout, and an image on it whose own layer is in another.
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(reference_, oci::Reference::Parse("localhost:5000/shop/base:1"));
    parent_image_ = testing::ImageOf({"base layer"});
    testing::Store(from_, parent_image_, {"base layer"});
    built_.image = testing::ImageOf({"own layer"}, &parent_image_);
    built_.inherited.push_back(InheritedLayer{testing::LayerOf("base layer"), 0});
    ASSERT_OK(to_.PutBlob("own layer"));
    ASSERT_OK_AND_ASSIGN(source_, LayoutProvider(&from_).Open(reference_));
    ASSERT_OK_AND_ASSIGN(target_, LayoutProvider(&to_).Open(reference_));
    // As two registries: nothing can be mounted.
    source_.mount_domain = "a";
    target_.mount_domain = "b";
  }

  base::TemporaryDirectory directory_ = base::TemporaryDirectory::Create().value();
  oci::Layout from_ = oci::Layout::OpenOrCreate(directory_.path() + "/from").value();
  oci::Layout to_ = oci::Layout::OpenOrCreate(directory_.path() + "/to").value();
  oci::Reference reference_;
  oci::Image parent_image_;
  BuiltImage built_;
  Repository source_;
  Repository target_;
  RunMonitor monitor_;
};

TEST_F(PublishTest, CopiesWhatCannotBeMounted) {
  ASSERT_OK(Publish(built_, target_, {{reference_, source_}}, monitor_, {}));
  EXPECT_TRUE(to_.HasBlob(oci::Digest::Of("base layer")));
  EXPECT_TRUE(to_.HasBlob(built_.image.config.digest()));
  EXPECT_OK(to_.Find(built_.image.manifest.digest().ToString()));
  EXPECT_EQ(monitor_.progress().done_bytes, 10);
  EXPECT_THAT(to_.References(), base::testing::IsOkAndHolds(std::vector<std::string>()));
}

TEST_F(PublishTest, SkipsWhatIsThere) {
  ASSERT_OK(to_.PutBlob("base layer"));
  ASSERT_OK(base::RemoveTree(from_.directory()));
  ASSERT_OK(Publish(built_, target_, {{reference_, source_}}, monitor_, {}));
  EXPECT_EQ(monitor_.progress().done_bytes, 0);
}

TEST_F(PublishTest, NamesTheLayerThatCannotBeHad) {
  ASSERT_OK(base::RemoveTree(from_.directory()));
  EXPECT_THAT(Publish(built_, target_, {{reference_, source_}}, monitor_, {}),
              StatusIs(absl::StatusCode::kNotFound, ::testing::HasSubstr("push layer sha256:")));
  EXPECT_THAT(Publish(built_, target_, {}, monitor_, {}), StatusIs(absl::StatusCode::kInternal));
}

}  // namespace
}  // namespace stevedore::worker
