// Runs, attempts and workers as the scheduler keeps them.

#ifndef STEVEDORE_COORDINATOR_RUN_H_
#define STEVEDORE_COORDINATOR_RUN_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "coordinator/build.h"
#include "stevedore/v1/worker_service.pb.h"

namespace stevedore::coordinator {

struct Worker;

// The fence of one try at a run: never used twice.
struct Attempt {
  int64_t term = 0;
  int64_t counter = 0;
  bool empty() const { return counter == 0; }
  friend bool operator==(const Attempt& a, const Attempt& b) {
    return a.term == b.term && a.counter == b.counter;
  }
};

// A task that waits for a run.
struct Waiter {
  Build* build = nullptr;
  int task = 0;
};

// One execution of a build key for all tasks that wait for it, or one commit of a build.
struct Run {
  // kDelayed: waits for its next try. kReady: waits for a worker. kLeased: a worker has it.
  // kStopping: nobody wants it any more, but a worker may still be on it.
  enum class State : uint8_t { kDelayed, kReady, kLeased, kStopping };

  bool is_commit() const { return !moves.empty(); }

  std::string id;
  State state = State::kReady;
  // Of a build run.
  std::string build_key;
  std::string platform;
  int platform_number = 0;
  bool shared = true;  // False with --no-cache: no other task attaches.
  std::vector<Waiter> waiters;
  v1::ManifestResult known_result;
  std::vector<std::string> warm_parents;
  // Of a commit run.
  std::vector<v1::CommitRun::Move> moves;
  // A commit of no build: puts right what a worker that was late has moved. `owner` is null then.
  bool repair = false;
  // Whose share of slots it counts in: the first build that waits, or the one it commits.
  Build* owner = nullptr;

  Attempt attempt;  // Of kLeased and kStopping.
  Worker* worker = nullptr;
  int attempt_count = 0;
  int infrastructure_failures = 0;
  int user_failures = 0;
  int losses = 0;
  int handed_back = 0;     // Without the fault of anybody; bounded all the same.
  bool in_ledger = false;  // It has a record there.
  // Ids of workers that failed it; others are preferred.
  std::set<std::string> avoid;

  double priority = 0;                      // Longest remaining duration of its tasks.
  int64_t sequence = 0;                     // Order of creation.
  absl::Duration not_before;                // Lease clock; of kDelayed.
  absl::Duration ready_since;               // Lease clock; of kReady.
  absl::Time start = absl::InfinitePast();  // Of the present attempt.
  int64_t log_bytes = 0;                    // Length of the last attempt's log.
};

// A worker that has called.
struct Worker {
  std::string id;
  std::string name;
  int64_t seq = 0;
  std::set<int> platforms;  // Numbers.
  int slots = 0;
  bool draining = false;
  // Loaded from the ledger and not heard of since.
  bool expected = false;
  absl::Duration last_seen;          // Lease clock.
  std::map<std::string, Run*> runs;  // What it should be doing, by run id.
  // What its last call said it is doing; what it carried an outcome for is not in it.
  absl::flat_hash_map<std::string, Attempt> reported;
  std::set<std::string> warm;
  // A call of it waits for an answer.
  bool listening = false;
  // That call must be answered: what it should do differs from what it said.
  bool changed = false;
  // Runs that this call may still be given.
  int capacity = 0;
};

}  // namespace stevedore::coordinator

#endif  // STEVEDORE_COORDINATOR_RUN_H_
