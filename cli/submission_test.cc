#include "cli/submission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "base/testing/status_matchers.h"
#include "coordinator/submission.h"
#include "stevedore/v1/build_service.pb.h"

namespace stevedore::cli {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

SelectionWithParents Sample() {
  SelectionWithParents selected;
  graph::ResolvedImage image;
  image.id = "web:1";
  image.reference = "web:1";
  image.tags = {"web:latest"};
  image.platforms = {"linux/amd64"};
  image.parents = {"base:2"};
  image.driver = "assemble";
  image.where = {"images.yaml", 3, 5};
  selected.selection.images.push_back(image);
  selected.parents.push_back({"base:2", "docker.io/library/base:2", {{"linux/amd64", "sha256:a"}}});
  return selected;
}

TEST(SubmissionTest, ReferencesAreFullAndRequestsAreTheirOwn) {
  SubmissionOptions options;
  options.targets = {"web"};
  options.push_tags = true;
  ASSERT_OK_AND_ASSIGN(const coordinator::Submission one,
                       MakeSubmission(Sample(), {}, ContextMemory("/nowhere"), options));
  ASSERT_OK_AND_ASSIGN(const coordinator::Submission two,
                       MakeSubmission(Sample(), {}, ContextMemory("/nowhere"), options));
  EXPECT_NE(one.header.request_id(), two.header.request_id());
  EXPECT_TRUE(one.header.push_tags());
  EXPECT_EQ(one.images[0].reference(), "docker.io/library/web:1");
  EXPECT_THAT(one.images[0].tags(), ElementsAre("docker.io/library/web:latest"));
  ASSERT_EQ(one.header.external_images_size(), 1);
  EXPECT_EQ(one.header.external_images(0).manifests().at("linux/amd64"), "sha256:a");
}

TEST(SubmissionTest, BadReferenceNamesThePlace) {
  SelectionWithParents selected = Sample();
  selected.selection.images[0].reference = "not a reference";
  EXPECT_THAT(MakeSubmission(selected, {}, ContextMemory("/nowhere"), {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("images.yaml:3:5")));
}

TEST(SubmissionTest, SubmitterIsThePersonOrTheJob) {
  ::unsetenv("CI_JOB_URL");
  ::unsetenv("BUILD_URL");
  ::setenv("USER", "ada", 1);
  EXPECT_THAT(SubmitterName(), ::testing::StartsWith("ada@"));
  ::setenv("STEVEDORE_SUBMITTER", "nightly", 1);
  EXPECT_EQ(SubmitterName(), "nightly");
  ::unsetenv("STEVEDORE_SUBMITTER");
}

}  // namespace
}  // namespace stevedore::cli
