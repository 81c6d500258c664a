#include "worker/sealed_runs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/secret.h"
#include "base/testing/status_matchers.h"
#include "stevedore/v1/worker_service.pb.h"

namespace stevedore::worker {
namespace {

using credentials::CredentialBundle;
using credentials::SealingKeyring;
using credentials::SealingPrivateKey;
using ::testing::AllOf;
using ::testing::HasSubstr;

// Says by its outcome who it is, and does what the test says meanwhile.
class FakeExecutor final : public Executor {
 public:
  explicit FakeExecutor(std::string name) : name_(std::move(name)) {}
  v1::Outcome Execute(const v1::Assignment&, RunMonitor&, std::stop_token) override {
    if (const auto call = std::exchange(meanwhile, {})) call();
    v1::Outcome outcome;
    outcome.set_kind(v1::Outcome::KIND_SUCCEEDED);
    outcome.set_log_tail(name_);
    return outcome;
  }
  std::function<void()> meanwhile;

 private:
  const std::string name_;
};

class SealedRunsTest : public ::testing::Test {
 protected:
  std::unique_ptr<Executor> Open(CredentialBundle bundle) {
    ++opened_;
    auto bench = std::make_unique<FakeExecutor>(bundle.registries[0].credential.username);
    bench->meanwhile = std::exchange(meanwhile_, {});
    return bench;
  }
  v1::Assignment Sealed(const std::string& username, const std::string& request_id) {
    CredentialBundle bundle;
    bundle.registries.push_back({{"r/a"}, {username, base::Secret("p"), ""}});
    v1::Assignment assignment;
    assignment.mutable_sealed_credentials()->set_request_id(request_id);
    assignment.mutable_sealed_credentials()->set_text(
        key_.public_key().Seal(*credentials::FormatBundle(bundle), "request 1").value());
    return assignment;
  }
  v1::Outcome Run(const v1::Assignment& assignment) {
    return runs_.Execute(assignment, monitor_, {});
  }

  const SealingPrivateKey key_ = SealingPrivateKey::Generate().value();
  SealingKeyring keys_{{key_}};
  FakeExecutor own_{"own"};
  SealedRuns runs_{&own_, &keys_, [this](CredentialBundle bundle) { return Open(bundle); }};
  RunMonitor monitor_;
  std::function<void()> meanwhile_;
  int opened_ = 0;
};

TEST_F(SealedRunsTest, EachRunHasItsBench) {
  EXPECT_EQ(Run(v1::Assignment()).log_tail(), "own");
  EXPECT_EQ(opened_, 0);
  EXPECT_EQ(Run(Sealed("alice", "request 1")).log_tail(), "alice");
  EXPECT_EQ(Run(Sealed("bob", "request 1")).log_tail(), "bob");
  EXPECT_EQ(opened_, 2);
}

TEST_F(SealedRunsTest, RunsOfOneBuildShareItsBenchWhileOneIsOnIt) {
  const v1::Assignment assignment = Sealed("alice", "request 1");
  std::string inner;
  meanwhile_ = [&] { inner = Run(assignment).log_tail(); };
  EXPECT_EQ(Run(assignment).log_tail(), "alice");
  EXPECT_EQ(inner, "alice");
  EXPECT_EQ(opened_, 1);
  Run(assignment);
  EXPECT_EQ(opened_, 2) << "nothing is kept when nobody is on it";
}

TEST_F(SealedRunsTest, CredentialsOfAnotherBuildAreRefused) {
  const v1::Outcome outcome = Run(Sealed("alice", "request 2"));
  EXPECT_EQ(outcome.kind(), v1::Outcome::KIND_FAILED);
  EXPECT_EQ(outcome.failure_class(), v1::FAILURE_CLASS_INFRASTRUCTURE);
  EXPECT_THAT(outcome.error(), HasSubstr("belong to another build"));
  EXPECT_EQ(opened_, 0);
}

TEST_F(SealedRunsTest, AWorkerWithoutTheKeySaysSo) {
  keys_ = SealingKeyring();
  const v1::Outcome outcome = Run(Sealed("alice", "request 1"));
  EXPECT_EQ(outcome.kind(), v1::Outcome::KIND_FAILED);
  EXPECT_EQ(outcome.failure_class(), v1::FAILURE_CLASS_INFRASTRUCTURE);
  EXPECT_THAT(outcome.error(),
              AllOf(HasSubstr(key_.public_key().id()), HasSubstr("--sealing-key")));
  EXPECT_THAT(monitor_.log().Tail(1000), HasSubstr("--sealing-key"));
}

}  // namespace
}  // namespace stevedore::worker
