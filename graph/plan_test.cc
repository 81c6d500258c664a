#include "graph/plan.h"

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/testing/status_matchers.h"

namespace stevedore::graph {
namespace {

using base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A plan with names: "base; app: base; web: app base".
class NamedPlan {
 public:
  static absl::StatusOr<NamedPlan> Of(const std::string& images) {
    NamedPlan named;
    std::vector<std::vector<std::string>> parent_names;
    for (absl::string_view image : absl::StrSplit(images, "; ")) {
      const std::vector<std::string> parts = absl::StrSplit(image, ": ");
      named.index_[parts[0]] = named.names_.size();
      named.names_.push_back(parts[0]);
      parent_names.push_back(parts.size() < 2 ? std::vector<std::string>{}
                                              : absl::StrSplit(parts[1], ' '));
    }
    std::vector<std::vector<Plan::Index>> parents(parent_names.size());
    for (size_t i = 0; i < parents.size(); ++i) {
      for (const std::string& name : parent_names[i]) parents[i].push_back(named.index_.at(name));
    }
    ASSIGN_OR_RETURN(named.plan_,
                     Plan::Create(parents, [&](Plan::Index i) { return named.names_[i]; }));
    return named;
  }

  // "app+" built, "app-" failed, "app~" worker lost. Whatever is ready is running by then.
  void Replay(const std::string& events) {
    Start();
    for (absl::string_view event : absl::StrSplit(events, ' ', absl::SkipEmpty())) {
      const Plan::Index image = index_.at(std::string(event.substr(0, event.size() - 1)));
      switch (event.back()) {
        case '+':
          plan_->Finish(image, Plan::Outcome::kSucceeded);
          break;
        case '-':
          plan_->Finish(image, Plan::Outcome::kFailed);
          break;
        case '~':
          plan_->Return(image);
          break;
      }
      Start();
    }
  }

  std::string Show() const {
    std::vector<std::string> states;
    for (const auto& [name, index] : index_) {
      states.push_back(absl::StrCat(name, "=", ToString(plan_->state(index))));
      if (const Plan::Index by = plan_->skipped_by(index); by != Plan::kNone) {
        absl::StrAppend(&states.back(), "(", names_[by], ")");
      }
    }
    return absl::StrJoin(states, " ");
  }

  const std::string& started() const { return started_; }
  Plan& plan() { return *plan_; }

 private:
  void Start() {
    for (Plan::Index image : plan_->TakeReady()) {
      absl::StrAppend(&started_, started_.empty() ? "" : " ", names_[image]);
    }
  }

  absl::StatusOr<Plan> plan_ = absl::UnknownError("no plan yet");
  std::map<std::string, Plan::Index> index_;
  std::vector<std::string> names_;
  std::string started_;
};

struct Scenario {
  std::string name, images, events, want_states, want_started;
};

class PlanTest : public ::testing::TestWithParam<Scenario> {};

TEST_P(PlanTest, EndsAs) {
  ASSERT_OK_AND_ASSIGN(NamedPlan plan, NamedPlan::Of(GetParam().images));
  plan.Replay(GetParam().events);
  EXPECT_EQ(plan.Show(), GetParam().want_states);
  EXPECT_EQ(plan.started(), GetParam().want_started);
}

INSTANTIATE_TEST_SUITE_P(
    , PlanTest,
    ::testing::ValuesIn(std::vector<Scenario>{
        {"ParentTriggersChild", "base; app: base", "base+", "app=running base=succeeded",
         "base app"},
        {"ChildWaitsForItsParent", "base; app: base", "", "app=waiting base=running", "base"},
        {"FailureSkipsDescendants", "base; app: base; web: app", "base-",
         "app=skipped(base) base=failed web=skipped(base)", "base"},
        {"SiblingsGoOnAfterAFailure", "base; app: base; job: base", "base+ app-",
         "app=failed base=succeeded job=running", "base app job"},
        {"DiamondStartsOnceBothSidesAreBuilt", "a; b: a; c: a; d: b c", "a+ b+ c+",
         "a=succeeded b=succeeded c=succeeded d=running", "a b c d"},
        {"DiamondWaitsForTheSlowerSide", "a; b: a; c: a; d: b c", "a+ c+",
         "a=succeeded b=running c=succeeded d=waiting", "a b c"},
        {"DiamondIsSkippedOnce", "a; b: a; c: a; d: b c", "a+ b- c-",
         "a=succeeded b=failed c=failed d=skipped(b)", "a b c"},
        {"OtherSideOfAFailedDiamondIsStillBuilt", "a; b: a; c: a; d: b c", "a+ b- c+",
         "a=succeeded b=failed c=succeeded d=skipped(b)", "a b c"},
        {"LostWorkerMeansAnotherTry", "a", "a~ a+", "a=succeeded", "a a"},
        {"LateReportChangesNothing", "a; b: a", "a- a+", "a=failed b=skipped(a)", "a"},
        {"ReportTwiceTriggersOnce", "a; b: a", "a+ a+", "a=succeeded b=running", "a b"},
        {"ReportOfAnImageThatWaitsIsIgnored", "a; b: a", "b+", "a=running b=waiting", "a"},
        {"SameParentTwiceCountsOnce", "a; b: a a", "a+", "a=succeeded b=running", "a b"},
        {"TwoTreesDoNotTouch", "a; b: a; x; y: x", "a- x+",
         "a=failed b=skipped(a) x=succeeded y=running", "a x y"},
    }),
    [](const auto& info) { return info.param.name; });

TEST(PlanRulesTest, CycleIsRefusedAndShownWhole) {
  EXPECT_THAT(NamedPlan::Of("root; a: c root; b: a; c: b").status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("a builds on c builds on b builds on a; remove one")));
  EXPECT_THAT(NamedPlan::Of("a: a").status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("a builds on a;")));
}

TEST(PlanRulesTest, UnknownParentIsRefused) {
  EXPECT_THAT(Plan::Create({{}, {7}}), StatusIs(absl::StatusCode::kInvalidArgument,
                                                HasSubstr("#1 builds on image number 7")));
}

TEST(PlanRulesTest, ReadyImageMayFinishWithoutBeingTaken) {
  ASSERT_OK_AND_ASSIGN(Plan plan, Plan::Create({{}, {0}, {1}}));
  EXPECT_THAT(plan.Finish(0, Plan::Outcome::kSucceeded).ready, ElementsAre(1));
  EXPECT_THAT(plan.TakeReady(), ElementsAre(1));
  EXPECT_THAT(plan.Finish(1, Plan::Outcome::kFailed).skipped, ElementsAre(2));
  EXPECT_TRUE(plan.done());
  EXPECT_THAT(plan.TakeReady(), IsEmpty());
}

TEST(PlanRulesTest, EmptyPlanIsDone) {
  ASSERT_OK_AND_ASSIGN(Plan plan, Plan::Create({}));
  EXPECT_TRUE(plan.done());
}

TEST(PlanRulesTest, TakesNoMoreThanAsked) {
  ASSERT_OK_AND_ASSIGN(Plan plan, Plan::Create({{}, {}, {}}));
  EXPECT_THAT(plan.TakeReady(2), ElementsAre(0, 1));
  plan.Return(1);
  EXPECT_THAT(plan.TakeReady(1), ElementsAre(1));  // Before image 2, which never ran.
}

TEST(PlanRulesTest, RemainingDurationFollowsTheLongestPath) {
  ASSERT_OK_AND_ASSIGN(Plan plan, Plan::Create({{}, {0}, {0}, {1, 2}}));
  EXPECT_THAT(plan.RemainingDurations({1.0, 5.0, 2.0, 10.0}), ElementsAre(16, 15, 12, 10));
}

TEST(PlanRulesTest, FanOutOfManyIsTriggeredByOneCompletion) {
  constexpr int kImages = 100'000;
  std::vector<std::vector<Plan::Index>> parents(kImages);
  for (int i = 1; i < kImages; ++i) parents[i] = {i < kImages / 2 ? 0 : i - kImages / 2};
  ASSERT_OK_AND_ASSIGN(Plan plan, Plan::Create(parents));
  size_t built = 0;
  while (!plan.done()) {
    for (Plan::Index image : plan.TakeReady()) {
      plan.Finish(image, Plan::Outcome::kSucceeded);
      ++built;
    }
  }
  EXPECT_EQ(built, kImages);
}

}  // namespace
}  // namespace stevedore::graph
