#include "coordinator/grpc_server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "coordinator/build_service_grpc.h"
#include "coordinator/worker_service_grpc.h"

namespace stevedore::coordinator {
namespace {

constexpr int kMessageBytes = 4 << 20;
// Workers ping every 30 s; a connection lives long enough to be worth it, and ends so that load can
// move.
constexpr int kPingIntervalMs = 10'000;
constexpr int kConnectionAgeMs = 30 * 60'000;
constexpr int kConnectionGraceMs = 5 * 60'000;

}  // namespace

struct GrpcServer::Parts {
  std::unique_ptr<grpc::Service> build_service;
  std::unique_ptr<grpc::Service> worker_service;
  std::unique_ptr<grpc::Server> server;
};

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Listen(const std::string& address,
                                                               Queue* queue) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  auto parts = std::make_unique<Parts>();
  parts->build_service = MakeBuildService(queue);
  parts->worker_service = MakeWorkerService(queue);
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(parts->build_service.get());
  builder.RegisterService(parts->worker_service.get());
  builder.SetMaxReceiveMessageSize(kMessageBytes);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             kPingIntervalMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, kConnectionAgeMs);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, kConnectionGraceMs);
  // Two coordinators on one port would share its connections.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  parts->server = builder.BuildAndStart();
  if (parts->server == nullptr || port == 0) {
    return absl::UnavailableError(absl::StrCat(
        "listen on ", base::Quoted(address),
        ": the address is in use or not one of this machine; choose another with --listen"));
  }
  const size_t colon = address.rfind(':');
  std::string real = absl::StrCat(address.substr(0, colon), ":", port);
  auto server = std::unique_ptr<GrpcServer>(new GrpcServer(std::move(parts), std::move(real)));
  server->SetReady(false);
  return server;
}

GrpcServer::GrpcServer(std::unique_ptr<Parts> parts, std::string address)
    : parts_(std::move(parts)), address_(std::move(address)) {}

GrpcServer::~GrpcServer() { Shutdown(absl::ZeroDuration()); }

void GrpcServer::SetReady(bool ready) {
  grpc::HealthCheckServiceInterface* health = parts_->server->GetHealthCheckService();
  if (health == nullptr) return;
  health->SetServingStatus("", true);
  health->SetServingStatus("stevedore.v1.BuildService", ready);
  health->SetServingStatus("stevedore.v1.WorkerService", ready);
}

void GrpcServer::Shutdown(absl::Duration grace) {
  parts_->server->Shutdown(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(grace));
}

}  // namespace stevedore::coordinator
