#include "coordinator/ready_runs.h"

#include <gtest/gtest.h>

namespace stevedore::coordinator {
namespace {

class ReadyRunsTest : public ::testing::Test {
 protected:
  ReadyRunsTest() {
    first_.submission = 1;
    second_.submission = 2;
  }
  coordinator::Run MakeRun(Build* owner, double priority, int platform = 0) {
    coordinator::Run run;
    run.owner = owner;
    run.priority = priority;
    run.platform_number = platform;
    run.sequence = ++sequence_;
    return run;
  }
  coordinator::Run* Next() {
    return ready_.Next([](int) { return true; }, {});
  }

  Build first_, second_;
  int64_t sequence_ = 0;
  ReadyRuns ready_;
};

TEST_F(ReadyRunsTest, LongestFirstThenOldest) {
  coordinator::Run a = MakeRun(&first_, 1), b = MakeRun(&first_, 2), c = MakeRun(&first_, 2);
  for (coordinator::Run* run : {&a, &b, &c}) ready_.Add(run);
  EXPECT_EQ(Next(), &b);
  ready_.Remove(&b);
  EXPECT_EQ(Next(), &c);
  EXPECT_EQ(ready_.size(), 2);
}

TEST_F(ReadyRunsTest, TheBuildWithTheSmallerShareIsNext) {
  coordinator::Run a = MakeRun(&first_, 100), b = MakeRun(&second_, 1);
  ready_.Add(&a);
  ready_.Add(&b);
  EXPECT_EQ(Next(), &a) << "equal shares: the oldest";
  first_.slots_in_use[0] = 2;
  second_.slots_in_use[0] = 1;
  EXPECT_EQ(Next(), &b);
  first_.weight = 4;
  EXPECT_EQ(Next(), &a);
}

TEST_F(ReadyRunsTest, OnlyPlatformsWithASlot) {
  coordinator::Run a = MakeRun(&first_, 2, 0), b = MakeRun(&first_, 1, 1);
  ready_.Add(&a);
  ready_.Add(&b);
  EXPECT_EQ(ready_.Next([](int platform) { return platform == 1; }, {}), &b);
  EXPECT_EQ(ready_.Next([](int) { return false; }, {}), nullptr);
  EXPECT_EQ(ready_.Next([](int) { return true; }, {&a}), &b);
}

TEST_F(ReadyRunsTest, CommitsComeFirst) {
  coordinator::Run a = MakeRun(&first_, 100), commit = MakeRun(&second_, 0);
  commit.moves.emplace_back();
  ready_.Add(&a);
  ready_.Add(&commit);
  EXPECT_EQ(Next(), &commit);
  ready_.Remove(&commit);
  ready_.Remove(&a);
  EXPECT_TRUE(ready_.empty());
}

}  // namespace
}  // namespace stevedore::coordinator
