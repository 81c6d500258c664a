#include "worker/agent.h"

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "base/mutex.h"
#include "stevedore/v1/worker_service.pb.h"
#include "worker/executor.h"
#include "worker/sync_channel.h"

namespace stevedore::worker {
namespace {

// Hands calls to the test, which answers them when it likes. Thread-safe.
class FakeChannel final : public SyncChannel {
 public:
  struct Call {
    v1::SyncRequest request;
    SyncDone done;
  };

  ~FakeChannel() override {
    std::deque<Call> calls;
    {
      base::MutexLock lock(&mu_);
      calls.swap(calls_);
    }
    for (Call& call : calls) std::move(call.done)(absl::CancelledError("closed"));
  }

  void Sync(const v1::SyncRequest& request, absl::Duration, SyncDone done) override {
    base::MutexLock lock(&mu_);
    calls_.push_back(Call{request, std::move(done)});
    changed_.SignalAll();
  }
  void AppendLog(const v1::AppendLogRequest& piece, AppendDone done) override {
    {
      base::MutexLock lock(&mu_);
      pieces_.push_back(piece);
      log_bytes_ += piece.data().size();
      changed_.SignalAll();
    }
    std::move(done)(absl::OkStatus());
  }
  void Reconnect() override {
    base::MutexLock lock(&mu_);
    ++reconnects_;
    changed_.SignalAll();
  }

  // The next call, in order.
  Call Next() {
    base::MutexLock lock(&mu_);
    while (calls_.empty()) changed_.Wait(&mu_);
    Call call = std::move(calls_.front());
    calls_.pop_front();
    return call;
  }
  // All log bytes up to and including the piece that says "complete".
  std::string CompleteLog() {
    base::MutexLock lock(&mu_);
    while (pieces_.empty() || !pieces_.back().complete()) changed_.Wait(&mu_);
    std::string text;
    for (const v1::AppendLogRequest& piece : pieces_) {
      EXPECT_EQ(piece.offset(), text.size());
      text += piece.data();
    }
    return text;
  }
  int64_t log_bytes() {
    base::MutexLock lock(&mu_);
    return log_bytes_;
  }
  int reconnects() {
    base::MutexLock lock(&mu_);
    return reconnects_;
  }

 private:
  base::Mutex mu_;
  base::CondVar changed_;
  std::deque<Call> calls_ ABSL_GUARDED_BY(mu_);
  std::vector<v1::AppendLogRequest> pieces_ ABSL_GUARDED_BY(mu_);
  int64_t log_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  int reconnects_ ABSL_GUARDED_BY(mu_) = 0;
};

// Runs end when the test says so, or when they are stopped. Thread-safe.
class FakeExecutor final : public Executor {
 public:
  v1::Outcome Execute(const v1::Assignment& assignment, RunMonitor& monitor,
                      std::stop_token stop) override {
    monitor.SetPhase("work");
    monitor.LogLine("started " + assignment.run_id());
    std::stop_callback wake(stop, [this] {
      base::MutexLock lock(&mu_);
      changed_.SignalAll();
    });
    base::MutexLock lock(&mu_);
    ++started_;
    changed_.SignalAll();
    while (!stop.stop_requested() && finished_.count(assignment.run_id()) == 0) {
      changed_.Wait(&mu_);
    }
    v1::Outcome outcome;
    outcome.set_kind(stop.stop_requested() ? v1::Outcome::KIND_CANCELLED
                                           : v1::Outcome::KIND_SUCCEEDED);
    return outcome;
  }
  void Finish(const std::string& run_id) {
    base::MutexLock lock(&mu_);
    finished_.insert(run_id);
    changed_.SignalAll();
  }
  int AwaitStarted(int count) {
    base::MutexLock lock(&mu_);
    while (started_ < count) changed_.Wait(&mu_);
    return started_;
  }

 private:
  base::Mutex mu_;
  base::CondVar changed_;
  std::set<std::string> finished_ ABSL_GUARDED_BY(mu_);
  int started_ ABSL_GUARDED_BY(mu_) = 0;
};

// Plays the coordinator: answers each call with what is assigned.
class AgentTest : public testing::Test {
 protected:
  AgentTest() {
    options_.worker_name = "w";
    options_.slots = 2;
    options_.phase_interval = absl::Milliseconds(2);
    options_.progress_interval = absl::Milliseconds(5);
    options_.retry_limit = absl::Milliseconds(20);
    options_.farewell_timeout = absl::Seconds(5);
  }

  v1::SyncResponse Desired() {
    v1::SyncResponse response;
    response.set_term(term_);
    for (const auto& [run_id, assignment] : assigned_) *response.add_assignments() = assignment;
    if (!log_of_.empty()) {
      v1::LogRequest* const log = response.add_log_requests();
      log->set_run_id(log_of_);
      log->set_offset(channel_.log_bytes());
    }
    return response;
  }
  void Assign(const std::string& run_id) {
    v1::Assignment& assignment = assigned_[run_id];
    assignment.set_run_id(run_id);
    assignment.mutable_attempt()->set_term(1);
    assignment.mutable_attempt()->set_counter(1);
    assignment.mutable_build()->mutable_image()->set_id(run_id);
  }
  void Reply(FakeChannel::Call call) {
    std::move(call.done)(std::make_unique<v1::SyncResponse>(Desired()));
  }
  // Answers calls until one satisfies `done`, which is returned unanswered.
  FakeChannel::Call AnswerUntil(const std::function<bool(const v1::SyncRequest&)>& done) {
    while (true) {
      FakeChannel::Call call = channel_.Next();
      if (done(call.request)) return call;
      Reply(std::move(call));
    }
  }
  static bool HasOutcome(const v1::SyncRequest& request, v1::Outcome::Kind kind) {
    return request.runs_size() == 1 && request.runs(0).outcome().kind() == kind;
  }

  AgentOptions options_;
  FakeChannel channel_;
  FakeExecutor executor_;
  int64_t term_ = 1;
  std::map<std::string, v1::Assignment> assigned_;
  std::string log_of_;
};

TEST_F(AgentTest, RunsWhatIsAssignedAndReportsUntilAcknowledged) {
  Agent agent(options_, &channel_, &executor_);
  agent.Start();
  Assign("r");
  Reply(channel_.Next());
  executor_.AwaitStarted(1);
  Reply(AnswerUntil([](const auto& request) {
    return request.runs_size() == 1 && request.runs(0).phase() == "work";
  }));
  executor_.Finish("r");
  Reply(AnswerUntil([](const auto& r) { return HasOutcome(r, v1::Outcome::KIND_SUCCEEDED); }));
  // Still listed in the answer, so it comes again.
  FakeChannel::Call again =
      AnswerUntil([](const auto& r) { return HasOutcome(r, v1::Outcome::KIND_SUCCEEDED); });
  assigned_.clear();
  Reply(std::move(again));
  const FakeChannel::Call last =
      AnswerUntil([](const auto& request) { return request.runs_size() == 0; });
  EXPECT_EQ(last.request.free_slots(), 2);
}

TEST_F(AgentTest, LostRepliesLeadToTheNextCall) {
  Agent agent(options_, &channel_, &executor_);
  agent.Start();
  FakeChannel::Call first = channel_.Next();
  std::move(first.done)(absl::DeadlineExceededError("lost"));
  FakeChannel::Call second = channel_.Next();
  EXPECT_GT(second.request.seq(), first.request.seq());
  Assign("r");
  Reply(std::move(second));
  EXPECT_EQ(executor_.AwaitStarted(1), 1);
  FakeChannel::Call third = channel_.Next();
  std::move(third.done)(absl::UnavailableError("down"));
  // The run goes on, and is reported to whoever answers next.
  AnswerUntil([](const auto& request) { return request.runs_size() == 1; });
  EXPECT_EQ(agent.running_count(), 1);
}

TEST_F(AgentTest, StopsARunThatIsNoLongerListed) {
  Agent agent(options_, &channel_, &executor_);
  agent.Start();
  Assign("r");
  Reply(channel_.Next());
  executor_.AwaitStarted(1);
  assigned_.clear();
  Reply(AnswerUntil([](const auto& r) { return HasOutcome(r, v1::Outcome::KIND_CANCELLED); }));
  AnswerUntil([](const auto& request) { return request.runs_size() == 0; });
}

TEST_F(AgentTest, AnswersOfAnOldLeaderAreIgnored) {
  Agent agent(options_, &channel_, &executor_);
  agent.Start();
  term_ = 5;
  Reply(channel_.Next());
  term_ = 4;
  Assign("r");
  FakeChannel::Call call = channel_.Next();
  EXPECT_EQ(call.request.term(), 5);
  Reply(std::move(call));
  call = channel_.Next();
  EXPECT_EQ(call.request.runs_size(), 0);
  EXPECT_GE(channel_.reconnects(), 1);
  EXPECT_EQ(agent.running_count(), 0);
}

TEST_F(AgentTest, DrainFinishesWhatRunsAndEnds) {
  Agent agent(options_, &channel_, &executor_);
  agent.Start();
  Assign("r");
  Reply(channel_.Next());
  executor_.AwaitStarted(1);
  agent.Drain();
  Reply(AnswerUntil([](const auto& request) { return request.draining(); }));
  executor_.Finish("r");
  FakeChannel::Call call =
      AnswerUntil([](const auto& r) { return HasOutcome(r, v1::Outcome::KIND_SUCCEEDED); });
  assigned_.clear();
  Reply(std::move(call));
  EXPECT_TRUE(agent.Await());
}

TEST_F(AgentTest, HandBackStopsAndSaysSo) {
  Agent agent(options_, &channel_, &executor_);
  agent.Start();
  Assign("r");
  Reply(channel_.Next());
  executor_.AwaitStarted(1);
  agent.Drain();
  agent.HandBack();
  FakeChannel::Call call =
      AnswerUntil([](const auto& r) { return HasOutcome(r, v1::Outcome::KIND_HANDED_BACK); });
  assigned_.clear();
  Reply(std::move(call));
  EXPECT_TRUE(agent.Await());
}

TEST_F(AgentTest, DrainedBeforeItsFirstAnswerItHandsBackWhatThatBrings) {
  Agent agent(options_, &channel_, &executor_);
  agent.Start();
  FakeChannel::Call first = channel_.Next();
  agent.Drain();
  FakeChannel::Call second = channel_.Next();
  EXPECT_TRUE(second.request.draining());
  Assign("r");
  Reply(std::move(first));
  Reply(std::move(second));
  FakeChannel::Call call =
      AnswerUntil([](const auto& r) { return HasOutcome(r, v1::Outcome::KIND_HANDED_BACK); });
  assigned_.clear();
  Reply(std::move(call));
  EXPECT_TRUE(agent.Await());
}

TEST_F(AgentTest, DrainEndsWithoutACoordinatorToo) {
  options_.farewell_timeout = absl::Milliseconds(20);
  Agent agent(options_, &channel_, &executor_);
  agent.Start();
  agent.Drain();
  EXPECT_FALSE(agent.Await());
}

TEST_F(AgentTest, ARunAboveItsTimeLimitFails) {
  Agent agent(options_, &channel_, &executor_);
  agent.Start();
  Assign("r");
  assigned_["r"].mutable_build()->mutable_time_limit()->set_nanos(20'000'000);
  Reply(channel_.Next());
  const FakeChannel::Call call =
      AnswerUntil([](const auto& r) { return HasOutcome(r, v1::Outcome::KIND_FAILED); });
  const v1::Outcome& outcome = call.request.runs(0).outcome();
  EXPECT_EQ(outcome.failure_class(), v1::FAILURE_CLASS_USER);
  EXPECT_NE(outcome.error().find("limit"), std::string::npos) << outcome.error();
  EXPECT_EQ(outcome.log_tail(), "started r\n");
}

TEST_F(AgentTest, SendsTheLogWhileItIsAskedFor) {
  Agent agent(options_, &channel_, &executor_);
  agent.Start();
  Assign("r");
  Reply(channel_.Next());
  executor_.AwaitStarted(1);
  log_of_ = "r";
  Reply(channel_.Next());
  executor_.Finish("r");
  FakeChannel::Call call =
      AnswerUntil([](const auto& r) { return HasOutcome(r, v1::Outcome::KIND_SUCCEEDED); });
  EXPECT_EQ(call.request.runs(0).log_bytes(), 10);
  Reply(std::move(call));
  EXPECT_EQ(channel_.CompleteLog(), "started r\n");
}

TEST_F(AgentTest, DestructionStopsRunsAndOutlivesLateAnswers) {
  FakeChannel::Call late;
  {
    Agent agent(options_, &channel_, &executor_);
    agent.Start();
    Assign("r");
    Reply(channel_.Next());
    executor_.AwaitStarted(1);
    late = channel_.Next();
  }
  Reply(std::move(late));
}

}  // namespace
}  // namespace stevedore::worker
