#include "worker/drivers/buildkit/progress_log.h"

#include <string>
#include <vector>

#include "control.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace stevedore::worker {
namespace {

namespace wire = ::moby::buildkit::v1;
using ::testing::ElementsAre;

class ProgressLogTest : public ::testing::Test {
 protected:
  wire::Vertex& Vertex(wire::StatusResponse& status, const std::string& digest,
                       const std::string& name) {
    wire::Vertex& vertex = *status.add_vertexes();
    vertex.set_digest(digest);
    vertex.set_name(name);
    return vertex;
  }
  void Output(wire::StatusResponse& status, const std::string& digest, const std::string& text) {
    wire::VertexLog& log = *status.add_logs();
    log.set_vertex(digest);
    log.set_msg(text);
  }

  std::vector<std::string> lines_;
  std::vector<std::string> phases_;
  ProgressLog log_{
      [this](absl::string_view line) { lines_.emplace_back(line); },
      [this](const std::string& phase, int /*done*/, int /*known*/) { phases_.push_back(phase); }};
};

TEST_F(ProgressLogTest, AStepFromBeginToEnd) {
  wire::StatusResponse begin;
  Vertex(begin, "a", "[1/2] FROM base").mutable_started()->set_seconds(10);
  Output(begin, "a", "half ");
  log_.Add(begin);
  wire::StatusResponse more;
  Output(more, "a", "line\nwhole\nlast");
  log_.Add(more);
  wire::StatusResponse end;
  wire::Vertex& vertex = Vertex(end, "a", "[1/2] FROM base");
  vertex.mutable_started()->set_seconds(10);
  vertex.mutable_completed()->set_seconds(12);
  log_.Add(end);
  log_.Add(end);  // Said twice.
  EXPECT_THAT(lines_, ElementsAre("#1 [1/2] FROM base", "#1 | half line", "#1 | whole", "#1 | last",
                                  "#1 done in 2.0s"));
}

TEST_F(ProgressLogTest, CachedAndFailedSteps) {
  wire::StatusResponse status;
  wire::Vertex& cached = Vertex(status, "a", "[1/2] COPY . .");
  cached.set_cached(true);
  cached.mutable_started()->set_seconds(1);
  cached.mutable_completed()->set_seconds(1);
  wire::Vertex& failed = Vertex(status, "b", "[2/2] RUN false");
  failed.mutable_started()->set_seconds(1);
  failed.mutable_completed()->set_seconds(1);
  failed.set_error("exit code: 1");
  Output(status, "b", "oh no\n");
  log_.Add(status);
  EXPECT_THAT(lines_, ElementsAre("#1 [2/2] RUN false", "#1 | oh no", "#2 [1/2] COPY . .",
                                  "#2 cached", "#1 failed: exit code: 1"));
  EXPECT_EQ(log_.FailedOutput(), "oh no\n");
}

TEST_F(ProgressLogTest, ProgressBarsShowTheirLastState) {
  wire::StatusResponse status;
  Vertex(status, "a", "RUN x").mutable_started()->set_seconds(1);
  Output(status, "a", "10%\r50%\r100%\r\nend");
  log_.Add(status);
  log_.Flush();
  EXPECT_THAT(lines_, ElementsAre("#1 RUN x", "#1 | 100%", "#1 | end"));
}

}  // namespace
}  // namespace stevedore::worker
