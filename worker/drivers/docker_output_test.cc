#include "worker/drivers/docker_output.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace stevedore::worker {
namespace {

using ::testing::ElementsAre;

class DockerOutputTest : public ::testing::Test {
 protected:
  void Stream(const std::string& text) {
    transfer::EngineMessage message;
    message.stream = text;
    output_.Take(message);
  }

  std::vector<std::string> log_, steps_;
  DockerOutput output_{[this](absl::string_view line) { log_.emplace_back(line); },
                       [this](absl::string_view step) { steps_.emplace_back(step); }};
};

TEST_F(DockerOutputTest, LinesStepsAndContainers) {
  Stream("Step 1/2 : FROM busybox\n");
  Stream(" ---> 0123456789ab\n");
  Stream("Step 2/2 : RUN make\n");
  Stream(" ---> Running in aaaaaaaaaaaa\n");
  Stream("half");
  Stream(" line\nlast without end");
  EXPECT_THAT(output_.containers(), ElementsAre("aaaaaaaaaaaa"));
  Stream("Removing intermediate container aaaaaaaaaaaa\n");
  EXPECT_THAT(output_.containers(), ElementsAre());
  EXPECT_THAT(steps_, ElementsAre("step 1/2", "step 2/2"));
  EXPECT_THAT(log_,
              ElementsAre("Step 1/2 : FROM busybox", " ---> 0123456789ab", "Step 2/2 : RUN make",
                          " ---> Running in aaaaaaaaaaaa", "half line", "last without end",
                          "Removing intermediate container aaaaaaaaaaaa"));
  transfer::EngineMessage aux;
  aux.aux_json = R"({"ID":"sha256:12"})";
  output_.Take(aux);
  EXPECT_EQ(output_.image_id(), "sha256:12");
}

TEST_F(DockerOutputTest, BarsThatMoveAreNotLogged) {
  transfer::EngineMessage message{.status = "Downloading", .id = "ab", .progress = "[=>"};
  output_.Take(message);
  message.progress.clear();
  message.status = "Pull complete";
  output_.Take(message);
  EXPECT_THAT(log_, ElementsAre("ab: Pull complete"));
}

TEST_F(DockerOutputTest, AnErrorIsReportedWithItsStep) {
  Stream("Step 1/3 : RUN first\nnot this\n");
  Stream("Step 2/3 : RUN second\n ---> Running in aaaaaaaaaaaa\n");
  Stream("no end");
  output_.Take({.error = "returned a non-zero code: 3", .error_code = 3});
  EXPECT_EQ(output_.error(), "returned a non-zero code: 3");
  EXPECT_EQ(log_[log_.size() - 2], "no end");
  EXPECT_EQ(log_.back(), "ERROR: returned a non-zero code: 3");
  EXPECT_EQ(output_.ErrorReport(), "Step 2/3 : RUN second: returned a non-zero code: 3");
}

}  // namespace
}  // namespace stevedore::worker
