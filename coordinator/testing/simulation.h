// A whole queue in one thread: scheduler, ledger, workers and network under a seed.

#ifndef STEVEDORE_COORDINATOR_TESTING_SIMULATION_H_
#define STEVEDORE_COORDINATOR_TESTING_SIMULATION_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/scheduler.h"
#include "coordinator/submission.h"

namespace stevedore::coordinator::testing {

// What may go wrong, as chances per step.
struct Faults {
  double coordinator_crash = 0.002;
  double worker_crash = 0.004;
  double worker_pause = 0.002;  // SIGSTOP for a while.
  double cancel = 0.003;
  double duplicate = 0.05;  // Of a message.
  double loss = 0.05;       // Of a message.
  double user_failure = 0.03;
  double infrastructure_failure = 0.05;
  double hand_back = 0.02;
};

// Moves everything by random steps and checks after each what must always hold:
//   no attempt id is given twice: each belongs to one run on one worker;
//   a task is given out only when all its parents have digests that some worker reported;
//   no tags move for a build that was shown as cancelled, and none to a digest that nobody made;
//   answers show only what the ledger has: a terminal state that was shown is there after every
//   crash; workers never get more than they have slots for.
// The first violation is kept as text. Equal seeds give equal histories.
class Simulation {
 public:
  Simulation(uint64_t seed, Faults faults);
  ~Simulation();

  // `builds` random builds come while `steps` random things happen.
  void Run(int builds, int steps);
  // Without faults now: true if every build ends.
  bool Settle();

  const std::string& violation() const { return violation_; }
  // States of all builds at the end: "cancelled=2 failed=3 succeeded=5".
  std::string Summary() const;

 private:
  struct Work {
    v1::Assignment assignment;
    absl::Time end;
    bool over = false;
    v1::Outcome outcome;
  };
  struct SimulatedWorker {
    std::string id;
    int64_t seq = 0;
    int64_t answered = 0;  // Greatest seq whose answer it acted on.
    int slots = 0;
    absl::Time paused_until = absl::InfinitePast();
    absl::Time next_call = absl::InfinitePast();
    std::map<std::string, Work> work;
    // Outcomes by the seq of the calls that carried them.
    std::map<int64_t, std::set<std::string>> carried;
  };
  struct Message {
    absl::Time at;
    std::string worker;
    int64_t seq = 0;
    bool is_answer = false;
    v1::SyncRequest request;
    v1::SyncResponse response;
  };
  struct HeldAnswer {
    uint64_t number = 0;
    Message message;
  };

  bool Chance(double chance);
  absl::Time Soon();
  void Fail(std::string what);
  void Step();
  void SubmitOne();
  void CancelOne();
  void CrashCoordinator();
  void Flush();
  void Pump();
  void Deliver(const Message& message);
  void MoveWorkers();
  void Call(SimulatedWorker& worker);
  void Act(SimulatedWorker& worker, const Message& message);
  void Finish(Work& work);
  void CheckAnswer(const v1::SyncResponse& response, const SimulatedWorker& worker);
  void CheckShown();
  void AddWorker();

  std::mt19937_64 random_;
  Faults faults_;
  SchedulerOptions options_;
  absl::Time now_ = absl::FromUnixSeconds(1767225600);
  int64_t term_ = 0;
  int worker_count_ = 0;
  int digest_count_ = 0;
  int build_count_ = 0;
  std::unique_ptr<Scheduler> scheduler_;
  std::map<std::string, std::map<std::string, std::string>> ledger_;
  std::vector<LedgerWrite> pending_;
  uint64_t durable_ = 0;
  std::deque<HeldAnswer> held_;
  std::map<std::string, int64_t> waiting_;  // Worker to the seq of its waiting call.
  std::vector<Message> network_;
  std::map<std::string, SimulatedWorker> workers_;
  std::vector<Submission> submissions_;
  std::vector<std::string> builds_;
  std::map<std::string, v1::BuildState> shown_;  // Terminal states that the ledger had.
  std::map<std::pair<int64_t, int64_t>, std::pair<std::string, std::string>> attempt_of_;
  std::set<std::string> digests_;
  std::string violation_;
};

}  // namespace stevedore::coordinator::testing

#endif  // STEVEDORE_COORDINATOR_TESTING_SIMULATION_H_
