// Which image may be built when: the order of a build as a plain value.

#ifndef STEVEDORE_GRAPH_PLAN_H_
#define STEVEDORE_GRAPH_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace stevedore::graph {

// A directed acyclic graph of images and how far each is. Images are indices 0 to size()-1; several
// parents and diamonds are normal. No clock, thread or I/O; every operation costs the edges it
// touches. A value; not thread-safe.
//
//   waiting -> ready -> running -> succeeded | failed
//      \-> skipped (an ancestor failed)
class Plan {
 public:
  using Index = int32_t;

  // No image.
  static constexpr Index kNone = -1;

  enum class State : uint8_t { kWaiting, kReady, kRunning, kSucceeded, kFailed, kSkipped };
  enum class Outcome : uint8_t { kSucceeded, kFailed };

  // What one Finish set off.
  struct Effects {
    std::vector<Index> ready;    // Each exactly once in the life of a plan, ascending.
    std::vector<Index> skipped;  // Descendants that can no longer be built.
  };

  // `parents[i]` are the images that i builds on; naming one twice is the same as once.
  // INVALID_ARGUMENT for a parent that is not an index and for a cycle; the message shows the whole
  // cycle with `name` for each image (by default "#3").
  static absl::StatusOr<Plan> Create(const std::vector<std::vector<Index>>& parents,
                                     absl::FunctionRef<std::string(Index)> name = NumberOf);

  // Up to `limit` images that can be built now; they are running from here on. First those that
  // became ready first, ties by index.
  std::vector<Index> TakeReady(size_t limit = SIZE_MAX);

  // The running or ready `image` has ended. Success makes children ready whose other parents have
  // succeeded; failure skips all descendants. An image that is neither running nor ready (a late
  // report) is left as it is: no effects.
  Effects Finish(Index image, Outcome outcome);

  // The running `image` was not finished (its worker was lost): it is ready again, before others.
  // Nothing happens in any other state.
  void Return(Index image);

  // True once every image is succeeded, failed or skipped.
  bool done() const { return open_count_ == 0; }
  // Images that are not yet succeeded, failed or skipped.
  size_t open_count() const { return open_count_; }
  size_t size() const { return nodes_.size(); }
  State state(Index image) const { return nodes_[image].state; }
  // The failed image that is why `image` was skipped; kNone in any other state.
  Index skipped_by(Index image) const { return nodes_[image].skipped_by; }

  // Ascending, each once.
  absl::Span<const Index> parents(Index image) const;
  absl::Span<const Index> children(Index image) const;
  // Parents before children; among equals ascending.
  const std::vector<Index>& topological_order() const { return order_; }

  // For each image: `duration[i]` plus the greatest such sum among its children; what is left to
  // do at least once it starts. Unit as `duration`, which has size() values.
  std::vector<double> RemainingDurations(absl::Span<const double> duration) const;

 private:
  struct Node {
    State state = State::kWaiting;
    int32_t open_parents = 0;  // Not yet succeeded.
    Index skipped_by = kNone;
    // Slices of edges_.
    uint32_t parents_begin = 0;
    uint32_t children_begin = 0;
  };

  Plan() = default;
  static std::string NumberOf(Index image) { return "#" + std::to_string(image); }
  absl::Status Order(absl::FunctionRef<std::string(Index)> name);
  void SkipDescendants(Index failed, std::vector<Index>& skipped);

  std::vector<Node> nodes_;
  std::vector<Index> parent_edges_;  // Of node 0, node 1, ...
  std::vector<Index> child_edges_;
  std::vector<Index> order_;
  // May hold images that were finished without being taken; TakeReady drops those.
  std::deque<Index> ready_;
  size_t open_count_ = 0;
};

// "waiting", "ready", ...
const char* ToString(Plan::State state);

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_PLAN_H_
