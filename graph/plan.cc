#include "graph/plan.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace stevedore::graph {
namespace {

// A cycle's message shows at most this many images.
constexpr size_t kShownCycle = 12;

}  // namespace

absl::StatusOr<Plan> Plan::Create(const std::vector<std::vector<Index>>& parents,
                                  absl::FunctionRef<std::string(Index)> name) {
  Plan plan;
  const Index size = static_cast<Index>(parents.size());
  plan.nodes_.resize(size + 1);  // The last one only ends the slices of the one before.
  for (Index i = 0; i < size; ++i) {
    plan.nodes_[i].parents_begin = plan.parent_edges_.size();
    for (Index parent : parents[i]) {
      if (parent < 0 || parent >= size) {
        return absl::InvalidArgumentError(
            absl::StrCat(name(i), " builds on image number ", parent,
                         ", which is not in the plan; numbers go from 0 to ", size - 1));
      }
      plan.parent_edges_.push_back(parent);
    }
    const auto begin = plan.parent_edges_.begin() + plan.nodes_[i].parents_begin;
    std::sort(begin, plan.parent_edges_.end());
    plan.parent_edges_.erase(std::unique(begin, plan.parent_edges_.end()),
                             plan.parent_edges_.end());
    plan.nodes_[i].open_parents = plan.parent_edges_.size() - plan.nodes_[i].parents_begin;
  }
  plan.nodes_[size].parents_begin = plan.parent_edges_.size();

  // Counting sort of the reversed edges: children come out ascending.
  std::vector<uint32_t> next(size + 1, 0);
  for (Index parent : plan.parent_edges_) ++next[parent + 1];
  for (Index i = 0; i < size; ++i) next[i + 1] += next[i];
  for (Index i = 0; i <= size; ++i) plan.nodes_[i].children_begin = next[i];
  plan.child_edges_.resize(plan.parent_edges_.size());
  for (Index i = 0; i < size; ++i) {
    for (uint32_t e = plan.nodes_[i].parents_begin; e < plan.nodes_[i + 1].parents_begin; ++e) {
      plan.child_edges_[next[plan.parent_edges_[e]]++] = i;
    }
  }
  if (absl::Status status = plan.Order(name); !status.ok()) return status;
  plan.open_count_ = size;
  return plan;
}

absl::Status Plan::Order(absl::FunctionRef<std::string(Index)> name) {
  const Index size = static_cast<Index>(nodes_.size()) - 1;
  std::vector<int32_t> open(size);
  order_.reserve(size);
  for (Index i = 0; i < size; ++i) {
    open[i] = nodes_[i].open_parents;
    if (open[i] == 0) {
      order_.push_back(i);
      nodes_[i].state = State::kReady;
      ready_.push_back(i);
    }
  }
  nodes_.pop_back();
  for (size_t done = 0; done < order_.size(); ++done) {
    for (Index child : children(order_[done])) {
      if (--open[child] == 0) order_.push_back(child);
    }
  }
  if (order_.size() == static_cast<size_t>(size)) return absl::OkStatus();

  // Whoever is left has a parent that is left: walking up must meet itself.
  Index at = 0;
  while (open[at] <= 0) ++at;
  std::vector<int32_t> step(size, -1);
  std::vector<Index> walk;
  while (step[at] < 0) {
    step[at] = walk.size();
    walk.push_back(at);
    for (Index parent : parents(at)) {
      if (open[parent] > 0) {
        at = parent;
        break;
      }
    }
  }
  const std::vector<Index> cycle(walk.begin() + step[at], walk.end());
  std::string text = "images build on each other in a circle: ";
  for (size_t i = 0; i < std::min(cycle.size(), kShownCycle); ++i) {
    absl::StrAppend(&text, name(cycle[i]), " builds on ");
  }
  if (cycle.size() > kShownCycle) {
    absl::StrAppend(&text, "(", cycle.size() - kShownCycle, " more) ... ");
  }
  absl::StrAppend(&text, name(cycle[0]), "; remove one of these parents");
  return absl::InvalidArgumentError(text);
}

std::vector<Plan::Index> Plan::TakeReady(size_t limit) {
  std::vector<Index> taken;
  while (!ready_.empty() && taken.size() < limit) {
    const Index image = ready_.front();
    ready_.pop_front();
    if (nodes_[image].state != State::kReady) continue;
    nodes_[image].state = State::kRunning;
    taken.push_back(image);
  }
  return taken;
}

Plan::Effects Plan::Finish(Index image, Outcome outcome) {
  Effects effects;
  Node& node = nodes_[image];
  if (node.state != State::kRunning && node.state != State::kReady) return effects;
  --open_count_;
  if (outcome == Outcome::kFailed) {
    node.state = State::kFailed;
    SkipDescendants(image, effects.skipped);
    return effects;
  }
  node.state = State::kSucceeded;
  for (Index child : children(image)) {
    Node& waiting = nodes_[child];
    if (--waiting.open_parents > 0 || waiting.state != State::kWaiting) continue;
    waiting.state = State::kReady;
    ready_.push_back(child);
    effects.ready.push_back(child);
  }
  return effects;
}

void Plan::SkipDescendants(Index failed, std::vector<Index>& skipped) {
  std::vector<Index> frontier = {failed};
  while (!frontier.empty()) {
    const Index at = frontier.back();
    frontier.pop_back();
    for (Index child : children(at)) {
      Node& node = nodes_[child];
      // A descendant of something unfinished cannot be past waiting.
      if (node.state != State::kWaiting) continue;
      node.state = State::kSkipped;
      node.skipped_by = failed;
      --open_count_;
      skipped.push_back(child);
      frontier.push_back(child);
    }
  }
  std::sort(skipped.begin(), skipped.end());
}

void Plan::Return(Index image) {
  if (nodes_[image].state != State::kRunning) return;
  nodes_[image].state = State::kReady;
  ready_.push_front(image);
}

absl::Span<const Plan::Index> Plan::parents(Index image) const {
  const size_t begin = nodes_[image].parents_begin;
  const bool last = static_cast<size_t>(image) + 1 == nodes_.size();
  const size_t end = last ? parent_edges_.size() : nodes_[image + 1].parents_begin;
  return absl::MakeConstSpan(parent_edges_).subspan(begin, end - begin);
}

absl::Span<const Plan::Index> Plan::children(Index image) const {
  const size_t begin = nodes_[image].children_begin;
  const bool last = static_cast<size_t>(image) + 1 == nodes_.size();
  const size_t end = last ? child_edges_.size() : nodes_[image + 1].children_begin;
  return absl::MakeConstSpan(child_edges_).subspan(begin, end - begin);
}

std::vector<double> Plan::RemainingDurations(absl::Span<const double> duration) const {
  std::vector<double> remaining(duration.begin(), duration.end());
  for (size_t i = order_.size(); i-- > 0;) {
    double longest = 0;
    for (Index child : children(order_[i])) longest = std::max(longest, remaining[child]);
    remaining[order_[i]] += longest;
  }
  return remaining;
}

const char* ToString(Plan::State state) {
  switch (state) {
    case Plan::State::kWaiting:
      return "waiting";
    case Plan::State::kReady:
      return "ready";
    case Plan::State::kRunning:
      return "running";
    case Plan::State::kSucceeded:
      return "succeeded";
    case Plan::State::kFailed:
      return "failed";
    case Plan::State::kSkipped:
      return "skipped";
  }
  return "";
}

}  // namespace stevedore::graph
