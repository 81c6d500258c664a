#include "transfer/sync_plan.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"

namespace stevedore::transfer {
namespace {

using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

SyncJob Job(TagRules rules) {
  SyncJob job;
  job.name = "web";
  job.source = *ParseEndpoint("oci:from");
  job.destination = *ParseEndpoint("oci:to");
  job.tags = std::move(rules);
  return job;
}

std::vector<std::string> Tags(int count, const std::string& prefix = "t") {
  std::vector<std::string> tags;
  for (int i = 0; i < count; ++i) tags.push_back(absl::StrCat(prefix, i));
  return tags;
}

TEST(SyncPlanTest, NothingIsDeletedUnlessAsked) {
  const SyncPlan plan = PlanSync(Job({.tags = {"a"}}), {}, {"a", "b"});
  EXPECT_THAT(plan.wanted, ElementsAre("a"));
  EXPECT_THAT(plan.extraneous, IsEmpty());
  EXPECT_OK(plan.deletion);
}

TEST(SyncPlanTest, WhatNoRuleSelectsIsExtraneous) {
  SyncJob job = Job({.tags = {"latest"}, .versions = {*VersionRange::Parse("^1")}});
  job.delete_extraneous = true;
  const SyncPlan plan =
      PlanSync(job, {"1.0", "1.1", "2.0"}, {"2.0", "1.0", "latest", "1.1", "0.9"});
  EXPECT_THAT(plan.wanted, ElementsAre("latest", "1.1", "1.0"));
  EXPECT_THAT(plan.extraneous, ElementsAre("0.9", "2.0"));
  EXPECT_OK(plan.deletion);
}

TEST(SyncPlanTest, SignaturesAreNotExtraneous) {
  SyncJob job = Job({.tags = {"a"}});
  job.delete_extraneous = true;
  const std::string fallback = "sha256-" + std::string(64, 'a');
  EXPECT_THAT(PlanSync(job, {}, {"a", fallback, fallback + ".sig"}).extraneous, IsEmpty());
}

TEST(SyncPlanTest, ASuffixSaysWhichTagsAreOurs) {
  SyncJob job = Job({.tags = {"1", "2"}});
  job.delete_extraneous = true;
  job.tag_suffix = "-copy";
  EXPECT_THAT(PlanSync(job, {}, {"1", "1-copy", "3-copy", "other"}).extraneous,
              ElementsAre("3-copy"));
}

TEST(SyncPlanTest, TheLimitInTags) {
  SyncJob job = Job({.all = true});
  job.delete_extraneous = true;
  std::vector<std::string> there = Tags(100);
  const std::vector<std::string> source(there.begin() + 10, there.end());
  EXPECT_OK(PlanSync(job, source, there).deletion);
  there.push_back("one-more");
  EXPECT_THAT(PlanSync(job, source, there).deletion,
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("11 of 101 tags of oci:to"), HasSubstr("web"),
                             HasSubstr("10 tags and 50 percent"), HasSubstr("--dry-run"))));
  EXPECT_THAT(PlanSync(job, source, there).extraneous, SizeIs(11));
}

TEST(SyncPlanTest, TheLimitInPercent) {
  SyncJob job = Job({.all = true});
  job.delete_extraneous = true;
  EXPECT_OK(PlanSync(job, {"a", "b"}, {"a", "b", "c", "d"}).deletion);
  EXPECT_THAT(PlanSync(job, {"a"}, {"a", "b", "c"}).deletion,
              StatusIs(absl::StatusCode::kFailedPrecondition));
  // A source that suddenly has nothing does not empty the mirror.
  EXPECT_THAT(PlanSync(job, {}, {"a"}).deletion, StatusIs(absl::StatusCode::kFailedPrecondition));
  job.delete_limit.percent = 100;
  EXPECT_OK(PlanSync(job, {}, {"a"}).deletion);
}

}  // namespace
}  // namespace stevedore::transfer
