// stevedore-coordinator: owns a queue of builds and hands their tasks to workers.

#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/log.h"
#include "base/status.h"
#include "coordinator/grpc_server.h"
#include "coordinator/memory_ledger.h"
#include "coordinator/queue.h"
#include "coordinator/redis_ledger.h"
#include "credentials/sealing.h"

namespace {

using stevedore::base::Log;
using stevedore::base::LogLevel;
using namespace stevedore::coordinator;  // NOLINT: the program of this room.

constexpr char kVersion[] = "0.1.0";

// What the command line says; durations in seconds.
struct Flags {
  std::string listen = "127.0.0.1:7070";
  std::string advertise, address_file, redis, redis_password_file, artifact_repository;
  std::string sealing_public_key_file;
  std::string queue = "q", log_level = "info";
  double takeover = 5, lease = 15, grace = 5, orphan = 60, trust_results = 600;
};

void AddFlags(Flags& flags, CLI::App& app) {
  app.add_option("--listen", flags.listen, "Address to listen on; port 0: any free one")
      ->capture_default_str();
  app.add_option(
      "--advertise", flags.advertise,
      "Address under which clients and workers reach this coordinator (default: --listen)");
  app.add_option("--address-file", flags.address_file,
                 "File that gets the real address once it listens");
  app.add_option("--redis", flags.redis,
                 "unix:/path or host:port; without it a restart forgets all builds");
  app.add_option("--redis-password-file", flags.redis_password_file, "File with Redis' password");
  app.add_option("--queue", flags.queue, "Name of the queue: prefix of all keys in Redis")
      ->capture_default_str();
  app.add_option("--artifact-repository", flags.artifact_repository,
                 "HOST/REPOSITORY for contexts and logs, told to clients and workers");
  app.add_option("--sealing-public-key", flags.sealing_public_key_file,
                 "File with the key that clients seal credentials to: the public half of the one "
                 "that workers have");
  app.add_option(
         "--trust-results", flags.trust_results,
         "Reuse a result without asking the registry, if it was seen there in so many seconds")
      ->capture_default_str();
  app.add_option("--takeover", flags.takeover,
                 "Seconds without a sign of another leader before this one claims the queue")
      ->capture_default_str();
  app.add_option("--lease", flags.lease, "Seconds a worker may be silent")->capture_default_str();
  app.add_option("--lease-grace", flags.grace, "Seconds after the lease before a run starts again")
      ->capture_default_str();
  app.add_option("--orphan-after", flags.orphan,
                 "Seconds without a watcher before a build is cancelled")
      ->capture_default_str();
  app.add_option("--log-level", flags.log_level, "debug, info, warning or error")
      ->capture_default_str();
  app.set_version_flag("--version", absl::StrCat("stevedore-coordinator ", kVersion));
}

absl::StatusOr<std::unique_ptr<Ledger>> OpenLedger(const Flags& flags) {
  if (flags.redis.empty()) {
    Log(LogLevel::kWarning, "no --redis: builds are kept in memory and a restart forgets them");
    return std::make_unique<MemoryLedger>();
  }
  RedisAddress address;
  address.address = flags.redis;
  if (!flags.redis_password_file.empty()) {
    ASSIGN_OR_RETURN(const std::string text,
                     stevedore::base::ReadFile(flags.redis_password_file, 4096));
    address.password =
        stevedore::base::Secret(std::string(absl::StripTrailingAsciiWhitespace(text)));
  }
  return RedisLedger::Create(std::move(address), flags.queue);
}

// What clients are told, in its usual form; empty if there is no file.
absl::StatusOr<std::string> SealingKey(const std::string& file) {
  if (file.empty()) return "";
  const std::string where = absl::StrCat("--sealing-public-key ", file);
  ASSIGN_OR_RETURN(const std::string text, stevedore::base::ReadFile(file, 4096), where);
  ASSIGN_OR_RETURN(const auto key, stevedore::credentials::SealingPublicKey::Parse(text), where);
  return key.ToString();
}

absl::Status Serve(const Flags& flags) {
  ASSIGN_OR_RETURN(std::unique_ptr<Ledger> ledger, OpenLedger(flags));
  QueueOptions options;
  ASSIGN_OR_RETURN(options.sealing_public_key, SealingKey(flags.sealing_public_key_file));
  options.artifact_repository = flags.artifact_repository;
  options.version = kVersion;
  options.takeover = flags.redis.empty() ? absl::ZeroDuration() : absl::Seconds(flags.takeover);
  options.scheduler.lease = absl::Seconds(flags.lease);
  // A busy worker's call waits less than its lease, or every healthy worker would be given up.
  options.busy_sync = std::min(options.busy_sync, options.scheduler.lease / 3);
  options.scheduler.grace = absl::Seconds(flags.grace);
  options.scheduler.orphan = absl::Seconds(flags.orphan);
  options.scheduler.trust_results = absl::Seconds(flags.trust_results);
  Queue queue(options, std::move(ledger));
  ASSIGN_OR_RETURN(const std::unique_ptr<GrpcServer> server,
                   GrpcServer::Listen(flags.listen, &queue));
  queue.Start(flags.advertise.empty() ? server->address() : flags.advertise);
  Log(LogLevel::kInfo, "listening", {{"address", server->address()}, {"queue", flags.queue}});
  if (!flags.address_file.empty()) {
    RETURN_IF_ERROR(
        stevedore::base::WriteFileAtomically(flags.address_file, server->address() + "\n"));
  }
  // Both signals were blocked before any thread started: they arrive here only.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  const timespec step = {0, 200'000'000};
  while (sigtimedwait(&signals, nullptr, &step) < 0) server->SetReady(queue.ready());
  Log(LogLevel::kInfo, "stopping: giving up leadership");
  server->SetReady(false);
  queue.Stop();
  server->Shutdown(absl::Seconds(2));
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  setenv("GRPC_VERBOSITY", "NONE", /*overwrite=*/0);  // Our own messages say what is wrong.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);  // A Redis that dies is an error of the next write, not our end.
  Flags flags;
  CLI::App app("Owns a queue of image builds and hands their tasks to workers.");
  AddFlags(flags, app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  LogLevel level;
  if (!stevedore::base::ParseLogLevel(flags.log_level, &level)) {
    std::cerr << "--log-level: want debug, info, warning or error\n";
    return 2;
  }
  stevedore::base::SetLogThreshold(level);
  const absl::Status status = Serve(flags);
  if (status.ok()) return 0;
  std::cerr << "stevedore-coordinator: " << status.message() << "\n";
  return absl::IsInvalidArgument(status) ? 2 : 3;
}
