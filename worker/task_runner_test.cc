#include "worker/task_runner.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "context/tree.h"
#include "oci/image/digest.h"
#include "oci/image/image_editor.h"
#include "oci/image/reference.h"
#include "oci/layout/layout.h"
#include "stevedore/v1/worker_service.pb.h"
#include "transfer/image_sink.h"
#include "worker/context_provider.h"
#include "worker/drivers/driver.h"
#include "worker/executor.h"
#include "worker/layout_provider.h"
#include "worker/testing/images.h"

namespace stevedore::worker {
namespace {

using ::testing::HasSubstr;

// Adds one layer that names the files of the context, or does what the test says. Thread-safe.
class FakeDriver final : public Driver {
 public:
  absl::string_view name() const override { return "fake"; }
  absl::StatusOr<BuiltImage> Build(const BuildRequest& request, std::stop_token stop) override {
    ++builds;
    if (instead) return instead(stop);
    request.log("building " + request.id);
    request.progress({"layer 1/1", 5, 10});
    std::string content = "files:";
    if (request.context != nullptr) {
      for (const context::TreeEntry& entry : request.context->entries()) content += entry.path;
    }
    absl::StatusOr<std::unique_ptr<transfer::BlobUpload>> upload = request.output->StartBlob();
    if (!upload.ok()) return upload.status();
    EXPECT_OK((*upload)->Write(content));
    EXPECT_OK((*upload)->Commit());
    BuiltImage built;
    const oci::Image* const base = request.parents.empty() ? nullptr : &request.parents[0].image;
    built.image = testing::ImageOf({content}, base);
    if (base != nullptr) {
      for (const oci::Descriptor& layer : base->manifest.layers()) {
        built.inherited.push_back({layer, 0});
      }
    }
    return built;
  }

  int builds = 0;
  std::function<absl::StatusOr<BuiltImage>(std::stop_token)> instead;
};

class TaskRunnerTest : public ::testing::Test {
 protected:
  TaskRunnerTest() {
    auto driver = std::make_unique<FakeDriver>();
    driver_ = driver.get();
    drivers_["fake"] = std::move(driver);
    v1::BuildRun* const build = assignment_.mutable_build();
    build->set_platform("linux/amd64");
    build->mutable_image()->set_id("web:1.0");
    build->mutable_image()->set_reference("localhost:5000/web:1.0");
    build->mutable_image()->set_driver("fake");
  }
  v1::Outcome Run(std::stop_token stop = {}) {
    return runner_.Execute(assignment_, monitor_, std::move(stop));
  }
  void AddContext(const std::string& path, const oci::Digest& digest) {
    v1::BuildContext* const context = assignment_.mutable_build()->mutable_image()->add_contexts();
    context->set_path(path);
    context->set_tree_digest(digest.ToString());
  }

  base::TemporaryDirectory directory_ = base::TemporaryDirectory::Create().value();
  oci::Layout layout_ = oci::Layout::OpenOrCreate(directory_.path() + "/images").value();
  LayoutProvider repositories_{&layout_};
  DiskContextProvider contexts_{directory_.path(), nullptr};
  FakeDriver* driver_;
  DriverSet drivers_;
  TaskRunner runner_{&repositories_, &contexts_, &drivers_};
  RunMonitor monitor_;
  v1::Assignment assignment_;
};

TEST_F(TaskRunnerTest, BuildsAndPushesByDigestOnly) {
  const v1::Outcome outcome = Run();
  ASSERT_EQ(outcome.kind(), v1::Outcome::KIND_SUCCEEDED) << outcome.error();
  EXPECT_EQ(outcome.result().platform(), "linux/amd64");
  EXPECT_GT(outcome.result().size(), 0);
  EXPECT_GT(outcome.result().image_bytes(), 6);
  EXPECT_OK(layout_.Find(outcome.result().digest()));
  EXPECT_FALSE(layout_.Find("localhost:5000/web:1.0").ok());
  EXPECT_THAT(monitor_.log().Tail(1000), HasSubstr("building web:1.0\n"));
  EXPECT_EQ(monitor_.progress().phase, "push");
}

TEST_F(TaskRunnerTest, AKnownResultThatIsThereIsNotBuilt) {
  const v1::Outcome first = Run();
  *assignment_.mutable_build()->mutable_known_result() = first.result();
  const v1::Outcome second = Run();
  EXPECT_EQ(second.kind(), v1::Outcome::KIND_REUSED);
  EXPECT_EQ(second.result().digest(), first.result().digest());
  EXPECT_EQ(driver_->builds, 1);
  assignment_.mutable_build()->mutable_known_result()->set_digest(
      oci::Digest::Of("gone").ToString());
  EXPECT_EQ(Run().kind(), v1::Outcome::KIND_SUCCEEDED);
  EXPECT_EQ(driver_->builds, 2);
}

TEST_F(TaskRunnerTest, ParentsAreReadByDigest) {
  const oci::Image base = testing::ImageOf({"base"});
  testing::Store(layout_, base, {"base"});
  v1::ParentImage* const parent = assignment_.mutable_build()->add_parents();
  parent->set_id("base:1");
  parent->set_reference("localhost:5000/base:1");
  parent->set_digest(base.manifest.digest().ToString());
  const v1::Outcome outcome = Run();
  ASSERT_EQ(outcome.kind(), v1::Outcome::KIND_SUCCEEDED) << outcome.error();

  parent->set_digest(oci::Digest::Of("other").ToString());
  const v1::Outcome missing = Run();
  EXPECT_EQ(missing.kind(), v1::Outcome::KIND_FAILED);
  EXPECT_EQ(missing.failure_class(), v1::FAILURE_CLASS_INFRASTRUCTURE);
  EXPECT_THAT(missing.error(), HasSubstr("parent base:1"));
}

TEST_F(TaskRunnerTest, ContextsAreMergedInOrder) {
  const std::shared_ptr<const context::Tree> a =
      context::MemoryTree::Create({{"x", "1"}, {"y", "2"}}).value();
  const std::shared_ptr<const context::Tree> b =
      context::MemoryTree::Create({{"x", "3"}, {"z", "4"}}).value();
  contexts_.Add(a);
  contexts_.Add(b);
  AddContext("a", a->digest());
  AddContext("b", b->digest());
  const v1::Outcome outcome = Run();
  ASSERT_EQ(outcome.kind(), v1::Outcome::KIND_SUCCEEDED) << outcome.error();
  EXPECT_TRUE(layout_.HasBlob(oci::Digest::Of("files:xyz")));
}

TEST_F(TaskRunnerTest, WhatTheDefinitionGotWrongIsTheUsers) {
  driver_->instead = [](std::stop_token) {
    return absl::NotFoundError("layer 1: `from: public` is not in the context");
  };
  const v1::Outcome outcome = Run();
  EXPECT_EQ(outcome.kind(), v1::Outcome::KIND_FAILED);
  EXPECT_EQ(outcome.failure_class(), v1::FAILURE_CLASS_USER);
  EXPECT_EQ(outcome.error(), "layer 1: `from: public` is not in the context");
  driver_->instead = [](std::stop_token) { return absl::ResourceExhaustedError("disk full"); };
  EXPECT_EQ(Run().failure_class(), v1::FAILURE_CLASS_INFRASTRUCTURE);
}

TEST_F(TaskRunnerTest, AnUnknownDriverIsNamedWithWhatThereIs) {
  assignment_.mutable_build()->mutable_image()->set_driver("docker");
  const v1::Outcome outcome = Run();
  EXPECT_EQ(outcome.failure_class(), v1::FAILURE_CLASS_USER);
  EXPECT_THAT(outcome.error(), HasSubstr("`docker` here; there are: fake"));
}

TEST_F(TaskRunnerTest, CancelInMidRunIsNoFailure) {
  std::stop_source stop;
  driver_->instead = [&](std::stop_token token) -> absl::StatusOr<BuiltImage> {
    stop.request_stop();
    EXPECT_TRUE(token.stop_requested());
    return absl::CancelledError("stopped");
  };
  EXPECT_EQ(Run(stop.get_token()).kind(), v1::Outcome::KIND_CANCELLED);
}

TEST_F(TaskRunnerTest, CommitRunsMoveTags) {
  const v1::Outcome built = Run();
  v1::Assignment commit;
  v1::CommitRun::Move* const move = commit.mutable_commit()->add_moves();
  move->set_reference("localhost:5000/web:1.0");
  move->set_digest(built.result().digest());
  const v1::Outcome outcome = runner_.Execute(commit, monitor_, {});
  EXPECT_EQ(outcome.kind(), v1::Outcome::KIND_SUCCEEDED) << outcome.error();
  EXPECT_OK(layout_.Find("localhost:5000/web:1.0"));
}

}  // namespace
}  // namespace stevedore::worker
