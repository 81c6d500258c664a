#include "cli/images/parallel_for.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/mutex.h"
#include "base/thread_pool.h"

namespace stevedore::cli {

absl::Status ParallelFor(size_t count, int jobs, const std::function<absl::Status(size_t)>& work,
                         std::stop_token stop) {
  base::Mutex mu;
  absl::Status first;
  std::atomic<bool> failed = false;
  {
    base::ThreadPool pool("images", std::max(1, std::min<int>(jobs, static_cast<int>(count))));
    for (size_t i = 0; i < count; ++i) {
      pool.Schedule([&, i] {
        if (failed) return;
        absl::Status status = stop.stop_requested() ? absl::CancelledError("stopped") : work(i);
        if (status.ok()) return;
        failed = true;
        base::MutexLock lock(&mu);
        if (first.ok()) first = std::move(status);
      });
    }
  }
  base::MutexLock lock(&mu);
  return first;
}

}  // namespace stevedore::cli
