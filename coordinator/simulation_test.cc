// Random faults under a seed, and random graphs against a model. A failure prints its seed; replay
// it with
// --test_env=STEVEDORE_SEED=N.

#include "coordinator/testing/simulation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "coordinator/testing/scheduler_bench.h"

namespace stevedore::coordinator {
namespace {

using testing::Faults;
using testing::SchedulerBench;
using testing::Simulation;

TEST(SimulationTest, InvariantsHoldWhateverFails) {
  uint64_t first = 1;
  uint64_t count = 40;
  if (const char* seed = std::getenv("STEVEDORE_SEED"); seed != nullptr) {
    ASSERT_TRUE(absl::SimpleAtoi(seed, &first)) << "STEVEDORE_SEED=" << seed;
    count = 1;
  }
  for (uint64_t seed = first; seed < first + count; ++seed) {
    Simulation simulation(seed, Faults());
    simulation.Run(/*builds=*/12, /*steps=*/600);
    const bool ended = simulation.violation().empty() && simulation.Settle();
    ASSERT_EQ(simulation.violation(), "") << "replay with STEVEDORE_SEED=" << seed;
    ASSERT_TRUE(ended) << "builds hang: " << simulation.Summary()
                       << "; replay with STEVEDORE_SEED=" << seed;
  }
}

TEST(SimulationTest, WithoutFaultsEveryBuildSucceeds) {
  Simulation simulation(7, Faults{.coordinator_crash = 0,
                                  .worker_crash = 0,
                                  .worker_pause = 0,
                                  .cancel = 0,
                                  .duplicate = 0,
                                  .loss = 0,
                                  .user_failure = 0,
                                  .infrastructure_failure = 0,
                                  .hand_back = 0});
  simulation.Run(20, 200);
  EXPECT_TRUE(simulation.Settle());
  EXPECT_EQ(simulation.violation(), "");
  EXPECT_EQ(simulation.Summary(), "BUILD_STATE_SUCCEEDED=20 ");
}

// A task succeeds if neither it nor an ancestor fails; it fails if it does and no ancestor; else it
// is skipped, naming an ancestor that failed.
TEST(SimulationTest, RandomGraphsEndAsTheModelSays) {
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    std::mt19937 random(seed);
    const int size = 2 + static_cast<int>(random() % 30);
    std::vector<std::vector<int>> parents(size);
    std::set<int> broken;
    std::string graph;
    for (int i = 0; i < size; ++i) {
      absl::StrAppend(&graph, i == 0 ? "" : "; ", "i", i, ":");
      for (int p = 0; p < i; ++p) {
        if (random() % 100 >= 20) continue;
        parents[i].push_back(p);
        absl::StrAppend(&graph, " i", p);
      }
      if (random() % 100 < 15) broken.insert(i);
    }
    std::vector<std::string> want(size);
    for (int i = 0; i < size; ++i) {
      bool skipped = false;
      for (const int p : parents[i]) skipped |= want[p] != "succeeded";
      want[i] = skipped ? "skipped" : broken.contains(i) ? "failed" : "succeeded";
    }
    SchedulerBench bench;
    const std::string build = bench.Submit("r1", graph);
    const auto fails = [&](const std::string& image) {
      return broken.contains(std::stoi(image.substr(1)));
    };
    while (bench.State(build) == "running") {
      bench.Call("w", 1 + static_cast<int>(random() % 4));
      if (bench.Work("w").empty()) break;
      const std::string image = bench.Work("w").begin()->second.build().image().id();
      fails(image) ? bench.Fail("w", image) : bench.Succeed("w", image);
      if (random() % 10 == 0) bench.TakeOver();
    }
    const Build& state = **bench.scheduler().Find(build);
    for (int i = 0; i < size; ++i) {
      const std::string name = bench.Show(build);
      EXPECT_THAT(" " + name + " ", ::testing::HasSubstr(absl::StrCat(" i", i, "=", want[i], " ")));
      if (want[i] == "skipped") {
        ASSERT_GE(state.tasks[i].skipped_by, 0);
        EXPECT_EQ(want[state.tasks[i].skipped_by], "failed");
      }
    }
    EXPECT_EQ(bench.State(build), broken.empty() ? "succeeded" : "failed");
  }
}

}  // namespace
}  // namespace stevedore::coordinator
