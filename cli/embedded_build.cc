#include "cli/embedded_build.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory_budget.h"
#include "base/status.h"
#include "cli/embedded_build_client.h"
#include "cli/embedded_sync_channel.h"
#include "cli/version.h"
#include "coordinator/memory_ledger.h"
#include "coordinator/queue.h"
#include "stevedore/v1/worker_service.pb.h"
#include "worker/agent.h"
#include "worker/context_provider.h"
#include "worker/drivers/drivers.h"
#include "worker/executor.h"
#include "worker/task_runner.h"

namespace stevedore::cli {
namespace {

// For the large buffers of all layers together.
constexpr uint64_t kLayerBufferBytes = 512 << 20;
constexpr absl::Duration kStartTime = absl::Seconds(30);

coordinator::QueueOptions QueueOptionsOfOneProcess() {
  coordinator::QueueOptions options;
  options.version = kVersion;
  options.takeover = absl::ZeroDuration();
  // Folders are deleted and replaced between builds: always look whether a result is there.
  options.scheduler.trust_results = absl::ZeroDuration();
  // The registry client repeats what may pass; nobody else could take a task over.
  options.scheduler.infrastructure_attempts = 1;
  return options;
}

// An executor that keeps the logs of builds. Thread-safe, as the one it asks.
class KeepingExecutor final : public worker::Executor {
 public:
  // Both must outlive this; `logs` may be null.
  KeepingExecutor(worker::Executor* executor, LogKeeper* logs) : executor_(executor), logs_(logs) {}

  v1::Outcome Execute(const v1::Assignment& assignment, worker::RunMonitor& monitor,
                      std::stop_token stop) override {
    v1::Outcome outcome = executor_->Execute(assignment, monitor, std::move(stop));
    if (logs_ == nullptr || !assignment.has_build()) return outcome;
    const v1::BuildRun& build = assignment.build();
    const absl::Status kept = logs_->Write(build.image().id(), build.platform(), monitor.log());
    if (!kept.ok()) {
      base::Log(base::LogLevel::kWarning, "the log is not kept",
                {{"image", build.image().id()}, {"error", kept.message()}});
    }
    return outcome;
  }

 private:
  worker::Executor* const executor_;
  LogKeeper* const logs_;
};

}  // namespace

// Members in order of construction: the worker uses the queue, the queue the ledger.
class EmbeddedQueue::Body {
 public:
  Body(std::string results_file, std::unique_ptr<coordinator::MemoryLedger> ledger)
      : results_file_(std::move(results_file)),
        ledger_(ledger.get()),
        queue_(QueueOptionsOfOneProcess(), std::move(ledger)),
        client_(CreateEmbeddedBuildClient(&queue_)),
        budget_(kLayerBufferBytes) {}

  ~Body() { (void)Stop(); }

  absl::Status Start() {
    queue_.Start();
    return queue_.AwaitLeadership(kStartTime);
  }

  BuildClient& client() { return *client_; }

  void StartWorker(const EmbeddedOptions& options, const WorkerPlaces& places,
                   const ContextTrees& trees, context::StatCache* stat_cache) {
    contexts_.emplace(".", stat_cache);
    for (const auto& [name, context] : trees) contexts_->Add(context.tree);
    drivers_ = worker::CreateDrivers(
        {.budget = &budget_,
         .threads = options.threads,
         .cache_directory = absl::StrCat(options.cache_directory, "/layers"),
         .repositories = places.repositories,
         .registries = places.registries,
         .credentials = places.credentials,
         .scratch_directory = absl::StrCat(options.cache_directory, "/scratch")});
    runner_.emplace(places.repositories, &*contexts_, &drivers_);
    keeper_.emplace(&*runner_, places.logs);
    channel_.emplace(&queue_);
    worker::AgentOptions agent;
    agent.platforms = options.platforms;
    agent.slots = options.concurrency;
    // The queue ends with the worker: nobody needs to be told.
    agent.farewell_timeout = absl::ZeroDuration();
    agent_.emplace(agent, &*channel_, &*keeper_);
    agent_->Start();
  }

  absl::Status Stop() {
    if (stopped_) return absl::OkStatus();
    stopped_ = true;
    if (agent_.has_value()) {
      agent_->HandBack();
      agent_->Await();
      agent_.reset();
      channel_.reset();
    }
    const std::string results = ledger_->ExportCache();
    queue_.Stop();
    return base::WriteFileAtomically(results_file_, results, 0600);
  }

 private:
  const std::string results_file_;
  coordinator::MemoryLedger* const ledger_;  // Owned by the queue.
  coordinator::Queue queue_;
  const std::unique_ptr<BuildClient> client_;
  base::MemoryBudget budget_;
  std::optional<worker::DiskContextProvider> contexts_;
  worker::DriverSet drivers_;
  std::optional<worker::TaskRunner> runner_;
  std::optional<KeepingExecutor> keeper_;
  std::optional<EmbeddedSyncChannel> channel_;
  std::optional<worker::Agent> agent_;
  bool stopped_ = false;
};

EmbeddedQueue::EmbeddedQueue(std::unique_ptr<Body> body) : body_(std::move(body)) {}
EmbeddedQueue::~EmbeddedQueue() = default;

absl::StatusOr<std::unique_ptr<EmbeddedQueue>> EmbeddedQueue::Start(const std::string& results_file,
                                                                    Console& console) {
  auto ledger = std::make_unique<coordinator::MemoryLedger>();
  const absl::StatusOr<std::string> results = base::ReadFile(results_file, 1 << 30);
  if (results.ok()) {
    const absl::Status imported = ledger->ImportCache(*results);
    if (!imported.ok()) {
      PrintWarning(console, absl::StrCat("results of earlier builds are not used: ", results_file,
                                         ": ", imported.message()));
    }
  }
  auto body = std::make_unique<Body>(results_file, std::move(ledger));
  RETURN_IF_ERROR(body->Start(), "start the embedded coordinator");
  return std::unique_ptr<EmbeddedQueue>(new EmbeddedQueue(std::move(body)));
}

BuildClient& EmbeddedQueue::client() { return body_->client(); }

void EmbeddedQueue::StartWorker(const EmbeddedOptions& options, const WorkerPlaces& places,
                                const ContextTrees& trees, context::StatCache* stat_cache) {
  body_->StartWorker(options, places, trees, stat_cache);
}

absl::Status EmbeddedQueue::Stop() { return body_->Stop(); }

}  // namespace stevedore::cli
