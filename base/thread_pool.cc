#include "base/thread_pool.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

namespace stevedore::base {

ThreadPool::ThreadPool(std::string name, int thread_count) {
  name.resize(std::min<size_t>(name.size(), 15));
  for (int i = 0; i < std::max(thread_count, 1); ++i) {
    threads_.emplace_back([this] { Run(); });
    pthread_setname_np(threads_.back().native_handle(), name.c_str());
  }
}

ThreadPool::~ThreadPool() {
  {
    MutexLock lock(&mu_);
    stopping_ = true;
  }
  changed_.SignalAll();
  threads_.clear();  // Joins.
}

void ThreadPool::Schedule(absl::AnyInvocable<void() &&> work) {
  {
    MutexLock lock(&mu_);
    queue_.push_back(std::move(work));
  }
  changed_.Signal();
}

void ThreadPool::Run() {
  for (;;) {
    absl::AnyInvocable<void() &&> work;
    {
      MutexLock lock(&mu_);
      while (queue_.empty() && !stopping_) changed_.Wait(&mu_);
      if (queue_.empty()) return;
      work = std::move(queue_.front());
      queue_.pop_front();
    }
    std::move(work)();
  }
}

}  // namespace stevedore::base
