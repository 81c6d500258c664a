// The state machine that decides what runs where.

#ifndef STEVEDORE_COORDINATOR_SCHEDULER_H_
#define STEVEDORE_COORDINATOR_SCHEDULER_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "coordinator/build.h"
#include "coordinator/knowledge.h"
#include "coordinator/ready_runs.h"
#include "coordinator/run.h"
#include "coordinator/scheduler_options.h"
#include "coordinator/write_log.h"
#include "stevedore/v1/build_service.pb.h"
#include "stevedore/v1/worker_service.pb.h"

namespace stevedore::coordinator {

// All builds, runs and workers of one queue. Pure: it owns no thread, lock, clock or socket. Every
// call says what time it is (`now`: wall clock, for showing and for ages); leases and other
// time-outs use the lease clock, which only Tick moves. Transitions add to `writes`: an answer made
// now may leave when the ledger has all of them. Not thread-safe.
class Scheduler {
 public:
  Scheduler(SchedulerOptions options, std::string artifact_repository);
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;
  ~Scheduler();

  // --- Leading

  // Attempts made from now on belong to `term`.
  void Lead(int64_t term) { term_ = term; }
  int64_t term() const { return term_; }
  // Takes over what the ledger holds, into an empty scheduler. What cannot be read is dropped from
  // the ledger.
  void Load(const std::vector<LedgerRecord>& records, absl::Time now);
  // Writes every live build, run and tag again: the ledger forgot.
  void Rewrite();
  WriteLog& writes() { return writes_; }

  // --- Builds

  // Takes a build that Build::Create made; a known request id changes nothing. RESOURCE_EXHAUSTED:
  // too many tasks wait.
  absl::StatusOr<v1::SubmitBuildResponse> Submit(std::unique_ptr<Build> build, absl::Time now);
  // What Submit would do.
  v1::PlanBuildResponse Plan(Build& build, absl::Time now);
  // NOT_FOUND; FAILED_PRECONDITION when tags are moving. Returns the state it has now.
  absl::StatusOr<v1::BuildState> Cancel(absl::string_view build_id, absl::string_view reason,
                                        absl::Time now);
  // NOT_FOUND if there is no such build. The pointer is good until the next call that is not const.
  absl::StatusOr<const Build*> Find(absl::string_view build_id) const;
  // Newest first.
  std::vector<const Build*> Builds() const;
  // Somebody watches the build now.
  void Watched(absl::string_view build_id);
  // Fills in what changed since `resume_id`, in portions; false if that is nothing. `*last`: the
  // build has ended and this is all.
  bool NextChanges(const Build& build, absl::string_view resume_id,
                   v1::WatchBuildResponse* response, bool* last) const;
  // Index of a task. NOT_FOUND names what is missing: the build, or a task (with the platforms
  // there are). An empty platform stands for the only one.
  absl::StatusOr<int> FindTask(absl::string_view build_id, absl::string_view image_id,
                               absl::string_view platform) const;

  // --- Workers

  // Takes a worker's call; it listens from now on. ABORTED: `seq` is lower than one accepted
  // already.
  absl::Status Report(const v1::SyncRequest& request, absl::Time now);
  // Gives runs that wait to workers that listen.
  void Assign(absl::Time now);
  // Listening workers that should be answered now. Sorted by id.
  std::vector<std::string> WorkersToAnswer() const;
  // What the worker should be doing; it does not listen any more. Empty for an unknown worker.
  v1::SyncResponse Answer(const std::string& worker_id);
  // True if the worker runs something.
  bool IsBusy(const std::string& worker_id) const;
  // The worker's waiting call is gone.
  void StopListening(const std::string& worker_id);
  // The worker of this run must be answered, if it listens.
  void WakeWorkerOf(const std::string& run_id);

  // --- Time

  // `elapsed` of the machine's clock has passed; at most 1 s of it counts.
  void Tick(absl::Duration elapsed, absl::Time now);
  absl::Duration lease_clock() const { return lease_clock_; }

  // --- Views for tests and metrics

  const absl::flat_hash_map<std::string, std::unique_ptr<Run>>& runs() const { return runs_; }
  const std::map<std::string, std::unique_ptr<Worker>>& workers() const { return workers_; }
  int64_t unfinished_tasks() const { return unfinished_tasks_; }

 private:
  // A run as the ledger had it, until a task asks for it.
  struct LoadedRun {
    Attempt attempt;
    std::string worker_id, worker_name;
    std::string private_to;  // "<build>/<task>" with --no-cache.
    int attempt_count = 0, infrastructure_failures = 0, user_failures = 0, losses = 0;
    absl::Time start = absl::InfinitePast();
  };

  // scheduler.cc: tasks and builds.
  void Prioritise(Build& build);
  void Settle(absl::Time now);
  void TaskReady(Build& build, int t, absl::Time now);
  void Enqueue(Build& build, int t, absl::Time now);
  void FinishTask(Build& build, int t, v1::TaskState state, absl::Time now);
  void SkipDescendants(Build& build, int t, absl::Time now);
  void CheckBuildOver(Build& build, absl::Time now);
  void EndBuild(Build& build, v1::BuildState state, absl::Time now);
  void CancelTasks(Build& build, absl::Time now);
  void LeaveRun(Build& build, Run* run, absl::Time now);
  void MoveOwner(Run* run, Build* owner);
  int PlatformNumber(const std::string& platform);

  // scheduler_plan.cc.
  void PlanTask(const Build& build, const Task& task, bool parents_known,
                v1::PlanBuildResponse::Task* plan, absl::Time now);

  // scheduler_runs.cc: attempts.
  Run* CreateRun(std::string id);
  void Restore(Run* run, const LoadedRun& loaded, absl::Time now);
  void MakeReady(Run* run);
  void Lease(Run* run, Worker* worker, absl::Time now);
  void Release(Run* run);
  void ShowRunning(Run* run, absl::Time now);
  void ShowQueued(Run* run);
  void TakeOutcome(Worker& worker, const v1::RunReport& report, absl::Time now);
  void TakeBack(Run* run, const Worker& worker, const v1::Outcome& outcome, absl::Time now);
  void TakeLateOutcome(const v1::RunReport& report, absl::Time now);
  void TakeFailure(Run* run, const v1::Outcome& outcome, const std::string& worker_id,
                   absl::Time now);
  void Complete(Run* run, const v1::ManifestResult& result, v1::TaskState state,
                absl::Duration duration, const std::string& log_tail, absl::Time now);
  void Fail(Run* run, const std::string& error, v1::FailureClass failure_class,
            const std::string& log_tail, absl::Time now);
  void TryAgain(Run* run, absl::Duration delay);
  void LoseWorker(Worker& worker, absl::Time now);
  void Stop(Run* run);
  void Stopped(Run* run, absl::Time now);
  void RemoveRun(Run* run);

  // scheduler_workers.cc.
  int CompareReport(Worker& worker, absl::Time now);
  void TakeProgress(const Worker& worker, const v1::RunReport& report);
  Worker* ChooseWorker(const Run& run, const std::vector<Worker*>& listeners) const;
  bool OthersCanTake(const Run& run) const;
  void CheckWorkers(absl::Time now);
  void CheckOrphans(absl::Time now);
  void CheckUnschedulable(absl::Time now);
  void Trim();

  // scheduler_commit.cc.
  void Commit(Build& build, absl::Time now);
  std::vector<v1::CommitRun::Move> MovesOf(Build& build) const;
  void CompleteCommit(Run* run, const v1::Outcome& outcome, absl::Time now);
  void RetryWaitingCommits(absl::Time now);
  void RepairTags(const v1::Outcome& late);
  bool RebuildMissing(Build& build, const std::string& digest, absl::Time now);

  // scheduler_ledger.cc.
  void WriteBuild(const Build& build);
  void WriteHead(const Build& build);
  // Drops the sealed credentials of a build that has ended, here and in the ledger.
  void ForgetCredentials(Build& build);
  void WriteTask(const Build& build, int t);
  void WriteRun(Run& run, bool leased);
  void LoadRun(const LedgerRecord& record);
  void LoadBuild(const std::string& id, const std::map<std::string, std::string>& fields,
                 absl::Time now);
  void LoadTask(Build& build, int t, const std::string& text);
  void ResumeBuild(Build& build, absl::Time now);

  const SchedulerOptions options_;
  const std::string artifact_repository_;
  WriteLog writes_;
  Knowledge knowledge_;
  int64_t term_ = 0;
  int64_t attempt_counter_ = 0;
  int64_t run_sequence_ = 0;
  int64_t last_submission_ = 0;
  int64_t unfinished_tasks_ = 0;
  absl::Duration lease_clock_;
  absl::Time last_expiry_ = absl::InfinitePast();
  std::map<std::string, std::unique_ptr<Build>, std::less<>> builds_;
  std::set<std::string> running_builds_;  // Ids of builds that have not ended.
  std::deque<std::string> ended_builds_;  // Oldest end first.
  int64_t ended_tasks_ = 0;               // Of those.
  absl::flat_hash_map<std::string, std::unique_ptr<Run>> runs_;
  absl::flat_hash_map<std::string, Run*> shared_runs_;  // By build key: tasks attach to these.
  ReadyRuns ready_;
  std::set<std::pair<absl::Duration, std::string>> delayed_;  // Lease clock, run id.
  std::deque<Waiter> becoming_ready_;  // Tasks whose last parent has ended well.
  // Builds whose last task has ended; looked at after all that is becoming ready.
  std::deque<Build*> becoming_over_;
  std::map<std::string, std::unique_ptr<Worker>> workers_;
  std::set<Worker*> listening_;
  absl::flat_hash_map<std::string, int> platform_numbers_;
  std::vector<std::string> platform_names_;
  std::map<int, absl::Duration> unserved_since_;  // Lease clock, by platform.
  absl::flat_hash_map<std::string, std::string>
      committing_;                            // Reference to the run id of its live commit.
  std::vector<std::string> waiting_commits_;  // Builds that wait for another's commit.
  absl::flat_hash_map<std::string, LoadedRun> loaded_runs_;  // By run id, during Load only.
  absl::flat_hash_map<std::string, std::string> loaded_by_key_;
};

}  // namespace stevedore::coordinator

#endif  // STEVEDORE_COORDINATOR_SCHEDULER_H_
