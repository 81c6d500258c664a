// Clients and workers of a Queue in one process.

#ifndef STEVEDORE_COORDINATOR_TESTING_QUEUE_FLEET_H_
#define STEVEDORE_COORDINATOR_TESTING_QUEUE_FLEET_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "base/mutex.h"
#include "coordinator/queue.h"
#include "coordinator/testing/scheduler_bench.h"

namespace stevedore::coordinator::testing {

// Receives one answer. Copies of it share the answer. Thread-safe.
template <typename Response>
class Answer {
 public:
  Queue::Deliver<Response> deliver() {
    return [state = state_](absl::StatusOr<Response> response) {
      base::MutexLock lock(&state->mu);
      state->response = std::move(response);
      state->changed.SignalAll();
    };
  }
  bool ready() {
    base::MutexLock lock(&state_->mu);
    return state_->response.has_value();
  }
  // Waits for it; DEADLINE_EXCEEDED after 20 s.
  absl::StatusOr<Response> Get() {
    base::MutexLock lock(&state_->mu);
    while (!state_->response.has_value()) {
      if (!state_->changed.WaitFor(&state_->mu, absl::Seconds(20))) {
        return absl::DeadlineExceededError("no answer");
      }
    }
    return *std::move(state_->response);
  }

 private:
  struct State {
    base::Mutex mu;
    base::CondVar changed;
    std::optional<absl::StatusOr<Response>> response ABSL_GUARDED_BY(mu);
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

// Waits until `condition` holds, at most 20 s; it is looked at often.
void Wait(absl::FunctionRef<bool()> condition);

// A worker that needs no time: everything it is given succeeds at once. It calls from the threads
// that answer it. Destruction ends its calls. Thread-safe.
class QueueWorker {
 public:
  // `queue` must outlive it.
  QueueWorker(Queue* queue, std::string id, int slots,
              std::vector<std::string> platforms = {"linux/amd64"});
  ~QueueWorker();

  // How many runs it has ended.
  int64_t ended();
  int64_t calls();

 private:
  void Call();
  void Take(absl::StatusOr<v1::SyncResponse> response);

  Queue* const queue_;
  const std::string id_;
  const int slots_;
  const std::vector<std::string> platforms_;
  base::Mutex mu_;
  base::CondVar idle_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  bool calling_ ABSL_GUARDED_BY(mu_) = false;
  int64_t seq_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t term_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t ended_ ABSL_GUARDED_BY(mu_) = 0;
  Queue::WaitId wait_ ABSL_GUARDED_BY(mu_) = 0;
  // What it reports with the next call: the outcomes of what it was given.
  std::map<std::string, v1::RunReport> reports_ ABSL_GUARDED_BY(mu_);
};

}  // namespace stevedore::coordinator::testing

#endif  // STEVEDORE_COORDINATOR_TESTING_QUEUE_FLEET_H_
