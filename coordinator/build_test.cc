#include "coordinator/build.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/status_matchers.h"
#include "coordinator/testing/scheduler_bench.h"

namespace stevedore::coordinator {
namespace {

using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::SubmissionOf;

TEST(BuildTest, ATaskIsAnImageOnAPlatform) {
  ASSERT_OK_AND_ASSIGN(auto build, Build::Create(SubmissionOf("r",
                                                              "a @linux/amd64,linux/arm64; "
                                                              "b: a @linux/arm64,linux/amd64"),
                                                 100));
  ASSERT_EQ(build->tasks.size(), 4);
  EXPECT_THAT(build->tasks[2].parents, ElementsAre(1)) << "arm64 on arm64";
  EXPECT_THAT(build->tasks[3].parents, ElementsAre(0));
  EXPECT_EQ(build->TaskName(2), "b (linux/arm64)");
}

TEST(BuildTest, RefusesWhatCanNeverWorkAndNamesTheImage) {
  const struct {
    const char* graph;
    const char* message;
  } kCases[] = {
      {"", "no images"},
      {"a; a", "a was sent twice"},
      {"a: b", "image a builds on b, which is neither"},
      {"a @linux/amd64; b: a @linux/arm64", "b is built for linux/arm64, but its parent a is not"},
  };
  for (const auto& c : kCases) {
    EXPECT_THAT(Build::Create(SubmissionOf("r", c.graph), 100),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(c.message)))
        << c.graph;
  }
  EXPECT_THAT(Build::Create(SubmissionOf("r", "a: c; b: a; c: b"), 100),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("a"), HasSubstr("b"), HasSubstr("c"))));
  EXPECT_THAT(Build::Create(SubmissionOf("", "a"), 100),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("request id")));
  EXPECT_THAT(Build::Create(SubmissionOf("r", "a; b; c"), 2),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("3 tasks")));
}

TEST(BuildTest, RefusesOneTagForTwoImages) {
  Submission submission = SubmissionOf("r", "a; b");
  submission.images[1].add_tags("r/a:1");
  EXPECT_THAT(Build::Create(submission, 100),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("a and b would both be tagged r/a:1")));
}

TEST(BuildTest, RefusesOptionsThatAreNoObject) {
  Submission submission = SubmissionOf("r", "a");
  submission.images[0].set_options_json("[1");
  EXPECT_THAT(Build::Create(submission, 100),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("image a")));
}

TEST(BuildTest, AnExternalParentNeedsThePlatform) {
  Submission submission = SubmissionOf("r", "a: out");
  submission.header.add_external_images()->set_id("out");
  EXPECT_THAT(Build::Create(submission, 100),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("its parent out is not")));
  (*submission.header.mutable_external_images(0)->mutable_manifests())["linux/amd64"] = "sha256:o";
  ASSERT_OK_AND_ASSIGN(auto build, Build::Create(submission, 100));
  EXPECT_EQ(build->ParentDigest(build->tasks[0], 0), "sha256:o");
}

TEST(BuildTest, TouchedTasksComeLast) {
  ASSERT_OK_AND_ASSIGN(auto build, Build::Create(SubmissionOf("r", "a; b; c"), 100));
  build->Touch(0);
  EXPECT_THAT(build->changes, ElementsAre(1, 2, 0));
  EXPECT_EQ(build->tasks[0].version, build->version);
}

}  // namespace
}  // namespace stevedore::coordinator
