// Which run comes next.

#ifndef STEVEDORE_COORDINATOR_READY_RUNS_H_
#define STEVEDORE_COORDINATOR_READY_RUNS_H_

#include <map>
#include <set>

#include "absl/functional/function_ref.h"
#include "coordinator/run.h"

namespace stevedore::coordinator {

// Runs that wait for a worker. Between builds: the one with the fewest slots in use for its weight,
// the oldest of equals. Inside a build: the longest remaining duration first. Commits before
// everything: they are short, and a build ends by them. Points to runs and builds that must outlive
// their stay. Not thread-safe.
class ReadyRuns {
 public:
  // `run` has its owner, platform and priority, which may not change while it is in here.
  void Add(Run* run);
  void Remove(Run* run);

  // The best run of a platform for which `has_slot` says so (commits: of any); stays in here. Null
  // if there is none. `except` are left out.
  Run* Next(absl::FunctionRef<bool(int platform)> has_slot, const std::set<Run*>& except) const;

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }

  // Calls `visit` for every run that waits.
  void ForEach(absl::FunctionRef<void(Run*)> visit) const;

 private:
  struct Longest {
    bool operator()(const Run* a, const Run* b) const {
      if (a->priority != b->priority) return a->priority > b->priority;
      return a->sequence < b->sequence;
    }
  };
  struct Oldest {
    bool operator()(const Build* a, const Build* b) const { return a->submission < b->submission; }
  };
  using Runs = std::set<Run*, Longest>;

  Runs commits_;
  // By build and platform; no empty sets.
  std::map<Build*, std::map<int, Runs>, Oldest> builds_;
  size_t size_ = 0;
};

}  // namespace stevedore::coordinator

#endif  // STEVEDORE_COORDINATOR_READY_RUNS_H_
