#include "cli/images/family_promotion.h"

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "base/testing/status_matchers.h"
#include "cli/images/family.h"
#include "cli/images/family_image.h"
#include "cli/images/testing/small_images.h"
#include "oci/image/image.h"
#include "oci/image/reference.h"
#include "transfer/copier.h"
#include "transfer/memory_images.h"

namespace stevedore::cli {
namespace {

using base::testing::StatusIs;
using ::testing::AllOf;
using testing::AsFamilyImage;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::MakeSmallImage;
using testing::PutSmallImage;
using ::testing::SizeIs;
using testing::SmallMember;

// Repositories in memory, by name.
class MemoryPlaces final : public FamilyPlaces {
 public:
  absl::StatusOr<FamilyPlace> Open(const oci::Reference& image) override {
    const std::shared_ptr<transfer::MemoryImages> images = At(image.Name());
    return FamilyPlace{images, images};
  }
  std::shared_ptr<transfer::MemoryImages> At(const std::string& name) {
    base::MutexLock lock(&mu_);
    std::shared_ptr<transfer::MemoryImages>& images = places_[name];
    if (images == nullptr) images = std::make_shared<transfer::MemoryImages>(name);
    return images;
  }

 private:
  base::Mutex mu_;
  std::map<std::string, std::shared_ptr<transfer::MemoryImages>> places_ ABSL_GUARDED_BY(mu_);
};

class FamilyPromotionTest : public ::testing::Test {
 protected:
  FamilyPromotionTest() {
    base_ = MakeSmallImage({.layers = {"debian"}});
    arm_base_ = MakeSmallImage({.layers = {"debian arm"}, .platform = {"linux", "arm64"}});
    app_ = MakeSmallImage({.base = base_, .layers = {"app"}});
    other_app_ = MakeSmallImage({.base = base_, .layers = {"other app"}});
    PutSmallImage(AsFamilyImage({base_, arm_base_}), "1.2.3", *places_.At("localhost:5000/base"));
    Put("app", "1.0.0", app_);
    Put("app", "stable", app_);
    Put("app", "edge", other_app_);
    FamilyMember app = SmallMember("app:1.0.0", {"base:1.2.3"}, 1);
    app.tags = {"stable", "edge", "never"};
    request_.family.members = {SmallMember("base:1.2.3", {}), app};
    request_.target.registry = "registry.test";
    request_.jobs = 2;
  }

  void Put(const std::string& name, const std::string& tag, const oci::Image& image) {
    PutSmallImage(AsFamilyImage({image}), tag, *places_.At("localhost:5000/" + name));
  }
  // What a tag names at the target; empty if nothing.
  oci::Digest At(const std::string& repository, const std::string& tag) {
    const auto found = *places_.At(repository)->HeadManifest(tag);
    return found.has_value() ? found->digest : oci::Digest();
  }
  absl::StatusOr<FamilyPromotionReport> Run() {
    transfer::Copier copier;
    return PromoteFamily(request_, places_, copier, {});
  }

  oci::Image base_, arm_base_, app_, other_app_;
  MemoryPlaces places_;
  FamilyPromotionRequest request_;
};

TEST_F(FamilyPromotionTest, EveryImageTagAndPlatform) {
  ASSERT_OK_AND_ASSIGN(const FamilyPromotionReport report, Run());
  EXPECT_EQ(report.failures(), 0);
  ASSERT_THAT(report.images, SizeIs(3));
  EXPECT_EQ(report.images[0].id, "base:1.2.3");
  EXPECT_THAT(report.images[1].targets,
              ElementsAre("registry.test/app:1.0.0", "registry.test/app:stable"));
  EXPECT_THAT(report.images[1].notes, ElementsAre("its tag never is not there"));
  EXPECT_THAT(report.images[2].targets, ElementsAre("registry.test/app:edge"));
  EXPECT_EQ(At("registry.test/base", "1.2.3"), AsFamilyImage({base_, arm_base_}).document.digest);
  EXPECT_EQ(At("registry.test/base", arm_base_.manifest.digest().ToString()),
            arm_base_.manifest.digest());
  EXPECT_EQ(At("registry.test/app", "stable"), app_.manifest.digest());
  EXPECT_EQ(At("registry.test/app", "edge"), other_app_.manifest.digest());
  // The base's layer is not counted again with the images that share it: config and layer.
  EXPECT_EQ(report.images[1].blobs_sent, 2u);

  ASSERT_OK_AND_ASSIGN(const FamilyPromotionReport again, Run());
  for (const PromotedImage& image : again.images) EXPECT_TRUE(image.result.unchanged) << image.id;
}

TEST_F(FamilyPromotionTest, ToANamespaceWithOtherTags) {
  request_.target.registry.reset();
  request_.target.name_space = "stable/shop";
  request_.target.tags = {"latest"};
  request_.target.force_source_tag = true;
  request_.target.semver_templates = {"{{ .Major }}.{{ .Minor }}", "{{ .Major }}"};
  ASSERT_OK_AND_ASSIGN(const FamilyPromotionReport report, Run());
  ASSERT_THAT(report.images, SizeIs(2));
  EXPECT_THAT(
      report.images[1].targets,
      ElementsAre("localhost:5000/stable/shop/app:latest", "localhost:5000/stable/shop/app:1.0.0",
                  "localhost:5000/stable/shop/app:1.0", "localhost:5000/stable/shop/app:1"));
  EXPECT_EQ(At("localhost:5000/stable/shop/app", "1"), app_.manifest.digest());
  EXPECT_EQ(At("localhost:5000/stable/shop/app", "latest"), app_.manifest.digest());
}

TEST_F(FamilyPromotionTest, DryRunsShowWhatWouldMoveOnce) {
  request_.copy.dry_run = true;
  ASSERT_OK_AND_ASSIGN(const FamilyPromotionReport report, Run());
  EXPECT_EQ(At("registry.test/base", "1.2.3"), oci::Digest());
  ASSERT_THAT(report.images, SizeIs(3));
  EXPECT_EQ(report.images[0].blobs_sent, 4u);
  EXPECT_EQ(report.images[1].blobs_sent, 2u) << "the base's layer comes with the base";
  EXPECT_GT(report.images[1].bytes_sent, 0u);
  EXPECT_THAT(PromotionTable(report), AllOf(HasSubstr("would promote"), HasSubstr("TO SEND"),
                                            HasSubstr("registry.test/app:1.0.0, stable")));
  EXPECT_THAT(PromotionSummary(report, absl::Seconds(1)),
              HasSubstr("3 images in 4 tags to promote (0 were there already), 0 failed"));
}

TEST_F(FamilyPromotionTest, OneThatIsNotThereIsToldAndTheOthersGo) {
  request_.family.members.push_back(SmallMember("gone:1", {"base:1.2.3"}, 1));
  ASSERT_OK_AND_ASSIGN(const FamilyPromotionReport report, Run());
  EXPECT_EQ(report.failures(), 1);
  EXPECT_THAT(report.images.back().why, HasSubstr("not in its registry"));
  EXPECT_EQ(At("registry.test/app", "1.0.0"), app_.manifest.digest());
  const auto json = PromotionJson(report, absl::Seconds(1));
  EXPECT_EQ(json["failed"], 1);
  EXPECT_EQ(json["images"][3]["result"], "failed");
  EXPECT_EQ(json["images"][1]["digest"], app_.manifest.digest().ToString());
}

TEST_F(FamilyPromotionTest, TargetsThatMakeNoSense) {
  request_.target.registry.reset();
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kInvalidArgument,
                              HasSubstr("would be promoted to where it is")));
  request_.target.registry = "registry.test";
  request_.target.tags = {"latest"};
  FamilyMember second = SmallMember("app:2", {"base:1.2.3"}, 1);
  request_.family.members.push_back(second);
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kInvalidArgument,
                              HasSubstr("images app:1.0.0 and app:2 would both be promoted to "
                                        "registry.test/app:latest")));
  request_.target.tags = {"no tag"};
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("image base:1.2.3")));
}

}  // namespace
}  // namespace stevedore::cli
