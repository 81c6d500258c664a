// A fixed number of threads that run closures.

#ifndef STEVEDORE_BASE_THREAD_POOL_H_
#define STEVEDORE_BASE_THREAD_POOL_H_

#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "base/mutex.h"

namespace stevedore::base {

// Runs closures in order of arrival on `thread_count` threads. The queue is not bounded: who
// schedules bounds it (by a MemoryBudget, by a count). Destruction runs what is queued, then joins.
// Thread-safe.
class ThreadPool {
 public:
  // `name` (15 bytes at most are kept) shows in debuggers. `thread_count` is at least 1.
  ThreadPool(std::string name, int thread_count);
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool();

  // Runs `work` on one of the threads. Must not be called during destruction except from work of
  // this pool.
  void Schedule(absl::AnyInvocable<void() &&> work) ABSL_LOCKS_EXCLUDED(mu_);

  int thread_count() const { return static_cast<int>(threads_.size()); }

 private:
  void Run() ABSL_LOCKS_EXCLUDED(mu_);

  Mutex mu_;
  CondVar changed_;
  std::deque<absl::AnyInvocable<void() &&>> queue_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<std::jthread>
      threads_;  // Constant after construction; last, so that it is joined first.
};

}  // namespace stevedore::base

#endif  // STEVEDORE_BASE_THREAD_POOL_H_
