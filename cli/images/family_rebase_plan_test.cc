#include "cli/images/family_rebase_plan.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"
#include "cli/images/family.h"
#include "cli/images/family_image.h"
#include "cli/images/testing/small_images.h"
#include "oci/image/digest.h"
#include "oci/image/image.h"
#include "oci/image/rebase.h"
#include "oci/image/reference.h"

namespace stevedore::cli {
namespace {

using base::testing::StatusIs;
using ::testing::AllOf;
using testing::AsFamilyImage;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::MakeSmallImage;
using testing::SmallMember;

// One base, old and new, and what is planned on it.
class FamilyRebasePlanTest : public ::testing::Test {
 protected:
  FamilyRebasePlanTest() {
    old_ = MakeSmallImage({.layers = {"debian", "libssl 1"}, .changes = {.env = {{"SSL", "1"}}}});
    new_ = MakeSmallImage({.layers = {"debian", "libssl 2"}, .changes = {.env = {{"SSL", "2"}}}});
    base_.id = "base:1";
    base_.reference = *oci::Reference::Parse("localhost:5000/base:1");
    base_.image = AsFamilyImage({new_});
    archive_[old_.manifest.digest().ToString()] = AsFamilyImage({old_});
  }

  // Plans an image called `id` of those that were planned before.
  PlannedImage Plan(const FamilyMember& member, const std::vector<oci::Image>& images) {
    if (planner_ == nullptr) {
      planner_ = std::make_unique<RebasePlanner>(
          &base_,
          [this](const std::string& id,
                 const oci::Digest& digest) -> absl::StatusOr<std::optional<FamilyImage>> {
            if (!fetch_error_.ok()) return fetch_error_;
            const auto found =
                archive_.find(digest.empty() ? absl::StrCat("tag ", id) : digest.ToString());
            if (found == archive_.end()) return std::optional<FamilyImage>();
            return std::optional<FamilyImage>(found->second);
          });
    }
    members_.push_back(std::make_unique<FamilyMember>(member));
    images_.push_back(images.empty() ? nullptr
                                     : std::make_unique<FamilyImage>(AsFamilyImage(images)));
    absl::StatusOr<PlannedImage> planned =
        planner_->Plan(*members_.back(), images_.back().get(), member.reference);
    error_ = planned.status();
    return planned.value_or(PlannedImage());
  }

  oci::Image old_, new_;
  NewBase base_;
  std::map<std::string, FamilyImage> archive_;  // By digest, and by "tag ID".
  absl::Status fetch_error_;
  absl::Status error_;

 private:
  std::unique_ptr<RebasePlanner> planner_;
  std::vector<std::unique_ptr<FamilyMember>> members_;
  std::vector<std::unique_ptr<FamilyImage>> images_;
};

TEST_F(FamilyRebasePlanTest, BecomesWhatABuildOnTheNewBaseMakes) {
  const oci::Image app =
      MakeSmallImage({.base = old_, .layers = {"app"}, .changes = {.env = {{"APP", "x"}}}});
  const oci::Image site = MakeSmallImage({.base = app, .layers = {"site"}});
  const oci::Image new_app =
      MakeSmallImage({.base = new_, .layers = {"app"}, .changes = {.env = {{"APP", "x"}}}});
  const oci::Image new_site = MakeSmallImage({.base = new_app, .layers = {"site"}});

  const PlannedImage first = Plan(SmallMember("app:1", {"base:1"}), {app});
  ASSERT_EQ(first.outcome, RebaseOutcome::kRebased) << first.why;
  EXPECT_EQ(first.document.bytes, new_app.manifest.bytes());
  EXPECT_THAT(first.variants[0].said.inherited, ElementsAre("Env.SSL"));
  EXPECT_EQ(first.variants[0].old_parent, old_.manifest.digest());
  EXPECT_EQ(first.variants[0].new_parent, new_.manifest.digest());

  const PlannedImage second = Plan(SmallMember("site:1", {"app:1"}, 1), {site});
  ASSERT_EQ(second.outcome, RebaseOutcome::kRebased) << second.why;
  EXPECT_EQ(second.document.bytes, new_site.manifest.bytes());
  EXPECT_THAT(second.variants[0].image.config.env(), ElementsAre("SSL=2", "APP=x"));
}

TEST_F(FamilyRebasePlanTest, WhatStandsOnItAlreadyStaysAsItIs) {
  const oci::Image app = MakeSmallImage({.base = new_, .layers = {"app"}});
  const PlannedImage planned = Plan(SmallMember("app:1", {"base:1"}), {app});
  EXPECT_EQ(planned.outcome, RebaseOutcome::kUnchanged);
  EXPECT_EQ(planned.document.bytes, app.manifest.bytes());
  // Without annotation, layers tell.
  const oci::Image quiet = MakeSmallImage({.base = new_, .layers = {"quiet"}, .annotated = false});
  EXPECT_EQ(Plan(SmallMember("quiet:1", {"base:1"}), {quiet}).outcome, RebaseOutcome::kUnchanged);
  const oci::Image site = MakeSmallImage({.base = app, .layers = {"site"}});
  EXPECT_EQ(Plan(SmallMember("site:1", {"app:1"}, 1), {site}).outcome, RebaseOutcome::kUnchanged);
}

TEST_F(FamilyRebasePlanTest, WhatAnImageWasBuiltOnIsFoundOrAskedFor) {
  const oci::Image app = MakeSmallImage({.base = old_, .layers = {"app"}, .annotated = false});
  const PlannedImage unknown = Plan(SmallMember("app:1", {"base:1"}), {app});
  EXPECT_EQ(unknown.outcome, RebaseOutcome::kCannot);
  EXPECT_THAT(unknown.why, AllOf(HasSubstr("nobody knows which base:1 it was built on"),
                                 HasSubstr("--old-base")));
}

TEST_F(FamilyRebasePlanTest, TheDefinitionsBaseAndTheUsersWordAreTried) {
  const oci::Image app = MakeSmallImage({.base = old_, .layers = {"app"}, .annotated = false});
  archive_["tag base:1"] = AsFamilyImage({old_});
  EXPECT_EQ(Plan(SmallMember("app:1", {"base:1"}), {app}).outcome, RebaseOutcome::kRebased);
}

TEST_F(FamilyRebasePlanTest, TheUsersWordCountsWhereTheImagesOwnLeadsNowhere) {
  archive_.clear();
  base_.old = AsFamilyImage({old_});
  const oci::Image told = MakeSmallImage({.base = old_, .layers = {"app"}});
  EXPECT_EQ(Plan(SmallMember("told:1", {"base:1"}), {told}).outcome, RebaseOutcome::kRebased);
  const oci::Image other_old = MakeSmallImage({.layers = {"debian", "libssl 1"}});
  const oci::Image lost = MakeSmallImage({.base = other_old, .layers = {"lost"}});
  EXPECT_EQ(Plan(SmallMember("lost:1", {"base:1"}), {lost}).outcome, RebaseOutcome::kRebased);
  const oci::Image alien =
      MakeSmallImage({.base = MakeSmallImage({.layers = {"alpine"}}), .layers = {"app"}});
  const PlannedImage cannot = Plan(SmallMember("alien:1", {"base:1"}), {alien});
  EXPECT_EQ(cannot.outcome, RebaseOutcome::kCannot);
  EXPECT_THAT(cannot.why, HasSubstr("which is not in the repository of base:1"));
}

TEST_F(FamilyRebasePlanTest, ChildrenOfAnOlderParentAreFoundByTheirAnnotation) {
  const oci::Image first = MakeSmallImage({.base = old_, .layers = {"app 1"}});
  const oci::Image second = MakeSmallImage({.base = old_, .layers = {"app 2"}});
  archive_[first.manifest.digest().ToString()] = AsFamilyImage({first});
  Plan(SmallMember("app:1", {"base:1"}), {second});
  const oci::Image site = MakeSmallImage({.base = first, .layers = {"site"}});
  const PlannedImage planned = Plan(SmallMember("site:1", {"app:1"}, 1), {site});
  ASSERT_EQ(planned.outcome, RebaseOutcome::kRebased) << planned.why;
  const oci::Image new_app = MakeSmallImage({.base = new_, .layers = {"app 2"}});
  EXPECT_EQ(planned.document.bytes,
            MakeSmallImage({.base = new_app, .layers = {"site"}}).manifest.bytes());

  const oci::Image quiet = MakeSmallImage({.base = first, .layers = {"quiet"}, .annotated = false});
  const PlannedImage cannot = Plan(SmallMember("quiet:1", {"app:1"}, 1), {quiet});
  EXPECT_EQ(cannot.outcome, RebaseOutcome::kCannot);
  EXPECT_THAT(cannot.why, HasSubstr("its first layers are not those of app:1"));
}

TEST_F(FamilyRebasePlanTest, ReasonsPassDownToDescendants) {
  const PlannedImage gone = Plan(SmallMember("gone:1", {"base:1"}), {});
  EXPECT_EQ(gone.outcome, RebaseOutcome::kCannot);
  EXPECT_THAT(gone.why, HasSubstr("localhost:5000/gone:1 is not in its registry"));
  const oci::Image child = MakeSmallImage({.base = old_, .layers = {"child"}});
  const PlannedImage skipped = Plan(SmallMember("child:1", {"gone:1"}, 1), {child});
  EXPECT_EQ(skipped.outcome, RebaseOutcome::kSkipped);
  EXPECT_EQ(skipped.why, "it builds on gone:1, which could not be rebased");
  EXPECT_EQ(Plan(SmallMember("leaf:1", {"child:1"}, 2), {child}).outcome, RebaseOutcome::kSkipped);
}

TEST_F(FamilyRebasePlanTest, EveryPlatformOrNone) {
  const oci::Platform arm = {"linux", "arm64"};
  const oci::Image arm_old = MakeSmallImage({.layers = {"debian arm", "ssl 1"}, .platform = arm});
  const oci::Image arm_new = MakeSmallImage({.layers = {"debian arm", "ssl 2"}, .platform = arm});
  const oci::Image app = MakeSmallImage({.base = old_, .layers = {"app"}});
  const oci::Image arm_app = MakeSmallImage({.base = arm_old, .layers = {"app arm"}});
  archive_[arm_old.manifest.digest().ToString()] = AsFamilyImage({arm_old});
  const PlannedImage half = Plan(SmallMember("app:1", {"base:1"}), {app, arm_app});
  EXPECT_EQ(half.outcome, RebaseOutcome::kCannot);
  EXPECT_THAT(half.why, HasSubstr("linux/arm64: localhost:5000/base:1 is not there for "
                                  "linux/arm64; it is for linux/amd64"));

  NewBase both = base_;
  both.image = AsFamilyImage({new_, arm_new});
  RebasePlanner planner(
      &both,
      [this](const std::string&, const oci::Digest& digest)
          -> absl::StatusOr<std::optional<FamilyImage>> { return archive_.at(digest.ToString()); });
  const FamilyMember member = SmallMember("app:1", {"base:1"});
  const FamilyImage index = AsFamilyImage({app, arm_app});
  ASSERT_OK_AND_ASSIGN(const PlannedImage whole, planner.Plan(member, &index, member.reference));
  ASSERT_EQ(whole.outcome, RebaseOutcome::kRebased) << whole.why;
  EXPECT_EQ(whole.document.bytes,
            AsFamilyImage({MakeSmallImage({.base = new_, .layers = {"app"}}),
                           MakeSmallImage({.base = arm_new, .layers = {"app arm"}})})
                .document.bytes);
}

TEST_F(FamilyRebasePlanTest, LayersInTheMiddleStayAndSoDoesTheImage) {
  const oci::Image lib = MakeSmallImage({.base = old_, .layers = {"lib"}});
  const oci::Image web = MakeSmallImage({.base = old_, .layers = {"web"}});
  Plan(SmallMember("lib:1", {"base:1"}), {lib});
  Plan(SmallMember("web:1", {"base:1"}), {web});
  // A diamond: base, web, and of lib what is its own. Nothing of the old base is in its middle.
  const oci::Image site = MakeSmallImage({.base = web, .layers = {"lib", "site"}});
  EXPECT_EQ(Plan(SmallMember("site:1", {"web:1", "lib:1"}, 1), {site}).outcome,
            RebaseOutcome::kRebased);
  // Somebody stacked one whole image on another.
  const oci::Image pile = MakeSmallImage({.base = web, .layers = {"libssl 1", "lib"}});
  const PlannedImage cannot = Plan(SmallMember("pile:1", {"web:1", "lib:1"}, 1), {pile});
  EXPECT_EQ(cannot.outcome, RebaseOutcome::kCannot);
  EXPECT_THAT(cannot.why, HasSubstr("are in its middle"));
  const oci::Image other = MakeSmallImage({.layers = {"alpine", "debian", "libssl 1", "lib"}});
  const PlannedImage above = Plan(SmallMember("above:1", {"alpine:3", "lib:1"}, 1), {other});
  EXPECT_EQ(above.outcome, RebaseOutcome::kCannot);
  EXPECT_THAT(above.why, HasSubstr("layers that lib:1 had from its old base are in its middle"));
  // What a Dockerfile copied out of another stage, no layer tells.
  const PlannedImage copied =
      Plan(SmallMember("copied:1", {"web:1", "lib:1"}, 1, "docker"), {site});
  EXPECT_EQ(copied.outcome, RebaseOutcome::kCannot);
  EXPECT_THAT(copied.why, HasSubstr("it also takes from lib:1"));
}

TEST_F(FamilyRebasePlanTest, NamesOfTheBaseMoveWithIt) {
  oci::Image app = MakeSmallImage(
      {.base = old_,
       .layers = {"app"},
       .changes = {.labels = {{oci::kBaseDigestAnnotation, old_.manifest.digest().ToString()}}}});
  app = *oci::WithAnnotations(app, {{oci::kBaseNameAnnotation, "localhost:5000/base:0"}});
  const PlannedImage planned = Plan(SmallMember("app:1", {"base:1"}), {app});
  ASSERT_EQ(planned.outcome, RebaseOutcome::kRebased) << planned.why;
  const oci::Image& image = planned.variants[0].image;
  const std::string digest = new_.manifest.digest().ToString();
  EXPECT_EQ(image.manifest.annotations().at(oci::kBaseDigestAnnotation), digest);
  EXPECT_EQ(image.manifest.annotations().at(oci::kBaseNameAnnotation), "localhost:5000/base:1");
  EXPECT_EQ(image.config.labels().at(oci::kBaseDigestAnnotation), digest);
  EXPECT_EQ(image.manifest.config().digest, image.config.digest());
}

TEST_F(FamilyRebasePlanTest, WhoCannotBeAskedIsAnError) {
  fetch_error_ = absl::UnavailableError("the registry is down");
  archive_.clear();
  const oci::Image app = MakeSmallImage({.base = old_, .layers = {"app"}});
  Plan(SmallMember("app:1", {"base:1"}), {app});
  EXPECT_THAT(error_, StatusIs(absl::StatusCode::kUnavailable, HasSubstr("is down")));
}

}  // namespace
}  // namespace stevedore::cli
