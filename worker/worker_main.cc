// stevedore-worker: takes tasks from a coordinator, builds, pushes.

#include <signal.h>
#include <unistd.h>

#include <iostream>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "base/log.h"
#include "base/memory_budget.h"
#include "base/status.h"
#include "context/git_mirrors.h"
#include "context/pack_cache.h"
#include "credentials/bundle.h"
#include "credentials/login_chain.h"
#include "credentials/open_credentials.h"
#include "credentials/sealing.h"
#include "http/client.h"
#include "transfer/host_settings.h"
#include "worker/agent.h"
#include "worker/grpc_sync_channel.h"
#include "worker/sealed_runs.h"
#include "worker/workbench.h"
#include "worker/worker_credentials.h"
#include "worker/worker_flags.h"

namespace stevedore::worker {
namespace {

// Drains at the first SIGTERM or SIGINT, hands back at the second, returns when the agent ended.
void ServeUntilSignal(Agent& agent, const sigset_t& signals) {
  std::jthread waiter;
  while (true) {
    int signal = 0;
    sigwait(&signals, &signal);
    if (signal == SIGUSR1) return;  // From the waiter.
    if (waiter.joinable()) {
      base::Log(base::LogLevel::kInfo, "stopping now; tasks are handed back");
      agent.HandBack();
      continue;
    }
    base::Log(base::LogLevel::kInfo, "draining", {{"running", agent.running_count()}});
    agent.Drain();
    waiter = std::jthread([&agent] {
      agent.Await();
      kill(getpid(), SIGUSR1);
    });
  }
}

absl::Status Serve(const WorkerFlags& flags, const sigset_t& signals) {
  http::Client http;
  ASSIGN_OR_RETURN(const std::unique_ptr<credentials::LoginChain> logins,
                   OpenWorkerCredentials(flags, &http, credentials::ProcessEnvironment()));
  ASSIGN_OR_RETURN(const credentials::SealingKeyring sealing_keys, LoadSealingKeys(flags));
  ASSIGN_OR_RETURN(const std::unique_ptr<context::PackCache> packs,
                   context::PackCache::Open(flags.cache_directory + "/packs", flags.cache_bytes));
  ASSIGN_OR_RETURN(const std::unique_ptr<context::GitMirrors> git,
                   context::GitMirrors::Open({.directory = flags.git_cache_directory,
                                              .size_limit_bytes = flags.git_cache_bytes,
                                              .memory_bytes = flags.memory_budget,
                                              .threads = flags.threads}));
  base::MemoryBudget budget(flags.memory_budget);
  WorkbenchResources resources;
  resources.http = &http;
  resources.registry.insecure_registries = flags.insecure_registries;
  resources.registry.host_settings = transfer::FindHostSettings(
      {}, transfer::CertificateDirectories(credentials::ProcessEnvironment()));
  resources.packs = packs.get();
  resources.git = git.get();
  resources.budget = &budget;
  resources.threads = flags.threads;
  resources.cache_directory = flags.cache_directory;
  const WorkbenchCredentials own = {.logins = logins.get(), .records = logins->records()};
  Workbench bench(resources, own);
  SealedRuns runs(&bench, &sealing_keys, [&](credentials::CredentialBundle bundle) {
    return OpenSealedWorkbench(resources, own, std::move(bundle));
  });
  ASSIGN_OR_RETURN(const std::unique_ptr<GrpcSyncChannel> channel,
                   GrpcSyncChannel::Create(flags.coordinators));
  AgentOptions options;
  options.worker_name = flags.name;
  options.platforms = flags.platforms;
  options.slots = flags.slots;
  options.lease = absl::Seconds(flags.lease_seconds);
  options.drain_timeout = absl::Seconds(flags.drain_timeout_seconds);
  Agent agent(options, channel.get(), &runs);
  base::Log(base::LogLevel::kInfo, "worker started",
            {{"name", flags.name},
             {"coordinator", channel->address()},
             {"slots", flags.slots},
             {"sealing_keys", absl::StrJoin(sealing_keys.ids(), ",")}});
  agent.Start();
  ServeUntilSignal(agent, signals);
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  WorkerFlags flags;
  int exit_code = 0;
  if (!ParseWorkerFlags(argc, argv, &flags, &exit_code)) return exit_code;
  base::LogLevel level = base::LogLevel::kInfo;
  base::ParseLogLevel(flags.log_level, &level);
  base::SetLogThreshold(level);
  // Before any thread starts, so that all inherit it: signals come to sigwait only.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);  // A connection that is cut is an error of the next write, not our end.
  const absl::Status status = Serve(flags, signals);
  if (status.ok()) return 0;
  std::cerr << "stevedore-worker: " << status.message() << "\n";
  return absl::IsInvalidArgument(status) ? 2 : 1;
}

}  // namespace
}  // namespace stevedore::worker

int main(int argc, char** argv) { return stevedore::worker::Main(argc, argv); }
