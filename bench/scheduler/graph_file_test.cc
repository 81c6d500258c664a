#include "bench/scheduler/graph_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "coordinator/build.h"

namespace stevedore::bench {
namespace {

TEST(GraphFileTest, ReadsNodesAndParentsInsideTheSet) {
  ASSERT_OK_AND_ASSIGN(const coordinator::Submission submission,
                       SubmissionOfGraph("# comment\na\t\nb\ta,ext:c\nc\tb\n", {"linux/amd64"},
                                         [](absl::string_view node) { return node != "c"; }));
  ASSERT_EQ(submission.images.size(), 2);
  EXPECT_EQ(submission.images[1].id(), "b:1");
  ASSERT_EQ(submission.images[1].parents_size(), 1);
  EXPECT_EQ(submission.images[1].parents(0), "a:1");
}

TEST(GraphFileTest, TheRealGraphsAreBuilds) {
  for (const char* file : {"ocp_19_branches.tsv", "wolfi_condensed_2026-08.tsv"}) {
    ASSERT_OK_AND_ASSIGN(const std::string text,
                         base::ReadFile(std::string("bench/scheduler/graphs/") + file));
    ASSERT_OK_AND_ASSIGN(coordinator::Submission submission,
                         SubmissionOfGraph(text, {"linux/amd64"}, [](auto) { return true; }));
    submission.header.set_request_id("r");
    EXPECT_GT(submission.images.size(), 3000);
    EXPECT_OK(coordinator::Build::Create(std::move(submission), 50'000));
  }
}

}  // namespace
}  // namespace stevedore::bench
