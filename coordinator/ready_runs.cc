#include "coordinator/ready_runs.h"

namespace stevedore::coordinator {
namespace {

Run* FirstNotIn(const auto& runs, const std::set<Run*>& except) {
  for (Run* run : runs) {
    if (!except.contains(run)) return run;
  }
  return nullptr;
}

}  // namespace

void ReadyRuns::Add(Run* run) {
  const bool added = run->is_commit()
                         ? commits_.insert(run).second
                         : builds_[run->owner][run->platform_number].insert(run).second;
  if (added) ++size_;
}

void ReadyRuns::Remove(Run* run) {
  if (run->is_commit()) {
    size_ -= commits_.erase(run);
    return;
  }
  const auto build = builds_.find(run->owner);
  if (build == builds_.end()) return;
  const auto runs = build->second.find(run->platform_number);
  if (runs == build->second.end()) return;
  size_ -= runs->second.erase(run);
  if (runs->second.empty()) build->second.erase(runs);
  if (build->second.empty()) builds_.erase(build);
}

Run* ReadyRuns::Next(absl::FunctionRef<bool(int platform)> has_slot,
                     const std::set<Run*>& except) const {
  if (Run* commit = FirstNotIn(commits_, except)) return commit;
  Run* best = nullptr;
  double best_share = 0;
  for (const auto& [build, platforms] : builds_) {
    for (const auto& [platform, runs] : platforms) {
      const auto in_use = build->slots_in_use.find(platform);
      const double share =
          (in_use == build->slots_in_use.end() ? 0 : in_use->second) / build->weight;
      // Older builds come first in the loop: only a smaller share beats them. Inside a build,
      // length decides.
      const bool better = best == nullptr || share < best_share ||
                          (build == best->owner && (*runs.begin())->priority > best->priority);
      if (!better || !has_slot(platform)) continue;
      if (Run* run = FirstNotIn(runs, except)) {
        best = run;
        best_share = share;
      }
    }
  }
  return best;
}

void ReadyRuns::ForEach(absl::FunctionRef<void(Run*)> visit) const {
  for (Run* run : commits_) visit(run);
  for (const auto& [build, platforms] : builds_) {
    for (const auto& [platform, runs] : platforms) {
      for (Run* run : runs) visit(run);
    }
  }
}

}  // namespace stevedore::coordinator
