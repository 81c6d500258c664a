// How many tasks per second pass through the queue when the tasks themselves need no time?
//
// Real image graphs are submitted to a Queue in this process and drained by workers in this process
// that end every run at once: what is measured is Scheduler, Dispatcher and ledger, not the
// network. Then the same graph is submitted again, with all results known and trusted.
//
// Usage: drain [folder with the graphs; default bench/scheduler/graphs]

#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/status.h"
#include "bench/scheduler/graph_file.h"
#include "coordinator/memory_ledger.h"
#include "coordinator/queue.h"
#include "coordinator/redis_ledger.h"
#include "coordinator/testing/queue_fleet.h"
#include "tests/harness/redis.h"

namespace stevedore::bench {
namespace {

using coordinator::Queue;
using coordinator::Submission;
using coordinator::testing::Answer;
using coordinator::testing::QueueWorker;

constexpr int kWorkers = 64;
constexpr int kSlots = 16;

struct Graph {
  std::string name;
  Submission submission;
};

struct Timing {
  absl::Duration submit, total;
  int64_t tasks = 0, calls = 0;
};

absl::StatusOr<std::vector<Graph>> ReadGraphs(const std::string& folder) {
  const std::vector<std::string> one = {"linux/amd64"};
  const std::vector<std::string> four = {"linux/amd64", "linux/arm64", "linux/ppc64le",
                                         "linux/s390x"};
  ASSIGN_OR_RETURN(const std::string ocp, base::ReadFile(folder + "/ocp_19_branches.tsv"));
  ASSIGN_OR_RETURN(const std::string wolfi,
                   base::ReadFile(folder + "/wolfi_condensed_2026-08.tsv"));
  const auto latest = [](absl::string_view node) {
    return absl::StartsWith(node, "openshift-4.20/") || absl::StartsWith(node, "openshift-4.21/") ||
           absl::StartsWith(node, "openshift-4.22/") || absl::StartsWith(node, "openshift-4.23/");
  };
  const auto all = [](absl::string_view) { return true; };
  std::vector<Graph> graphs(3);
  graphs[0].name = "1k (ocp 4.20-4.23)";
  ASSIGN_OR_RETURN(graphs[0].submission, SubmissionOfGraph(ocp, one, latest));
  graphs[1].name = "3k (wolfi, 12 levels)";
  ASSIGN_OR_RETURN(graphs[1].submission, SubmissionOfGraph(wolfi, one, all));
  graphs[2].name = "17k (ocp x 4 platforms)";
  ASSIGN_OR_RETURN(graphs[2].submission, SubmissionOfGraph(ocp, four, all));
  return graphs;
}

// Submits and waits for the end.
absl::StatusOr<Timing> Drain(Queue& queue, Submission submission, const std::string& request_id) {
  Timing timing;
  submission.header.set_request_id(request_id);
  const absl::Time start = absl::Now();
  Answer<v1::SubmitBuildResponse> submitted;
  queue.SubmitBuild(std::move(submission), submitted.deliver());
  ASSIGN_OR_RETURN(const v1::SubmitBuildResponse response, submitted.Get());
  timing.submit = absl::Now() - start;
  v1::WatchBuildRequest request;
  request.set_build_id(response.build_id());
  while (true) {
    Answer<Queue::WatchAnswer> answer;
    queue.WatchBuild(request, answer.deliver());
    ASSIGN_OR_RETURN(const Queue::WatchAnswer step, answer.Get());
    timing.tasks = step.response.build().task_count();
    if (step.last) {
      timing.total = absl::Now() - start;
      if (step.response.build().state() != v1::BUILD_STATE_SUCCEEDED) {
        return absl::InternalError(
            absl::StrCat("the build ended as ", step.response.build().ShortDebugString()));
      }
      return timing;
    }
    request.set_resume_id(step.response.resume_id());
  }
}

int64_t PeakMebibytes() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

absl::Status Measure(const Graph& graph, bool redis) {
  std::unique_ptr<testing::Redis> server;
  std::unique_ptr<coordinator::Ledger> ledger = std::make_unique<coordinator::MemoryLedger>();
  if (redis) {
    ASSIGN_OR_RETURN(server, testing::Redis::Start());
    RETURN_IF_ERROR(server->Cli({"CONFIG", "SET", "appendfsync", "everysec"}).status());
    coordinator::RedisAddress address;
    address.address = server->Address();
    ASSIGN_OR_RETURN(ledger, coordinator::RedisLedger::Create(address, "q"));
  }
  coordinator::QueueOptions options;
  options.takeover = absl::ZeroDuration();
  Queue queue(options, std::move(ledger));
  queue.Start();
  RETURN_IF_ERROR(queue.AwaitLeadership(absl::Seconds(10)));
  std::vector<std::unique_ptr<QueueWorker>> workers;
  for (int i = 0; i < kWorkers; ++i) {
    workers.push_back(std::make_unique<QueueWorker>(
        &queue, absl::StrCat("w", i), kSlots,
        std::vector<std::string>{"linux/amd64", "linux/arm64", "linux/ppc64le", "linux/s390x"}));
  }
  ASSIGN_OR_RETURN(const Timing drain, Drain(queue, graph.submission, "first"));
  ASSIGN_OR_RETURN(const Timing again, Drain(queue, graph.submission, "second"));
  int64_t calls = 0;
  for (const auto& worker : workers) calls += worker->calls();
  std::printf("%-24s %-14s %8lld %10.0f %9.2f %9.2f %9.1f %10.2f %9lld\n", graph.name.c_str(),
              redis ? "Redis, AOF" : "memory", static_cast<long long>(drain.tasks),
              static_cast<double>(drain.tasks) / absl::ToDoubleSeconds(drain.total),
              absl::ToDoubleSeconds(drain.submit), absl::ToDoubleSeconds(drain.total),
              static_cast<double>(drain.tasks) / static_cast<double>(std::max<int64_t>(calls, 1)),
              absl::ToDoubleSeconds(again.total), static_cast<long long>(PeakMebibytes()));
  std::fflush(stdout);
  return absl::OkStatus();
}

absl::Status Run(const std::string& folder) {
  ASSIGN_OR_RETURN(const std::vector<Graph> graphs, ReadGraphs(folder));
  std::printf("%d workers with %d slots each, no work, one process\n", kWorkers, kSlots);
  std::printf("%-24s %-14s %8s %10s %9s %9s %9s %10s %9s\n", "graph", "ledger", "tasks", "tasks/s",
              "submit s", "drain s", "per call", "no-op s", "peak MiB");
  for (const bool redis : {false, true}) {
    for (const Graph& graph : graphs) {
      RETURN_IF_ERROR(Measure(graph, redis), graph.name);
    }
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace stevedore::bench

int main(int argc, char** argv) {
  stevedore::base::SetLogThreshold(stevedore::base::LogLevel::kWarning);
  const absl::Status status = stevedore::bench::Run(argc > 1 ? argv[1] : "bench/scheduler/graphs");
  if (status.ok()) return 0;
  std::fprintf(stderr, "drain: %s\n", std::string(status.message()).c_str());
  return 1;
}
