#include "tests/harness/docker_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/testing/status_matchers.h"

namespace stevedore::testing {
namespace {

TEST(DockerEngineTest, RunsAnImageMadeFromBusybox) {
  const absl::StatusOr<std::unique_ptr<DockerEngine>> engine = DockerEngine::Start();
  if (absl::IsFailedPrecondition(engine.status())) GTEST_SKIP() << engine.status().message();
  ASSERT_OK(engine);
  ASSERT_OK_AND_ASSIGN(const ProcessResult tar,
                       Process::Run({.argv = {"tar", "-C", "/", "-c", "bin/busybox"}}));
  ASSERT_EQ(tar.exit_code, 0) << tar.err;
  ASSERT_OK_AND_ASSIGN(const ProcessResult imported,
                       (*engine)->Docker({"import", "-", "box:1"}, tar.out));
  ASSERT_EQ(imported.exit_code, 0) << imported.err;
  ASSERT_OK_AND_ASSIGN(const ProcessResult run,
                       (*engine)->Docker({"run", "--rm", "--network", "none", "box:1",
                                          "/bin/busybox", "echo", "hello"}));
  EXPECT_EQ(run.out, "hello\n") << run.err;
}

}  // namespace
}  // namespace stevedore::testing
