#include "worker/grpc_sync_channel.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "absl/time/clock.h"
#include "base/grpc_status.h"
#include "base/mutex.h"
#include "stevedore/v1/worker_service.grpc.pb.h"
#include "stevedore/v1/worker_service.pb.h"

namespace stevedore::worker {
namespace {

// Trailing metadata of a standby's UNAVAILABLE.
constexpr char kLeaderMetadata[] = "stevedore-leader";
constexpr absl::Duration kAppendTimeout = absl::Seconds(10);

std::shared_ptr<grpc::Channel> Connect(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 250);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 250);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2'000);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace

// Addresses, stubs and the calls on their way.
class GrpcSyncChannel::Body : public std::enable_shared_from_this<GrpcSyncChannel::Body> {
 public:
  explicit Body(std::vector<std::string> addresses) {
    for (std::string& address : addresses) Add(std::move(address));
  }

  // A call that can be cancelled.
  struct Call {
    grpc::ClientContext context;
    size_t peer = 0;
    std::shared_ptr<v1::WorkerService::Stub> stub;
  };

  // Picks the present address. False if the channel is being destroyed.
  bool Begin(Call* call, absl::Duration timeout) ABSL_LOCKS_EXCLUDED(mu_) {
    call->context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
    base::MutexLock lock(&mu_);
    if (closed_) return false;
    call->peer = current_;
    call->stub = peers_[current_].stub;
    calls_.insert(call);
    return true;
  }

  // Draws conclusions for the next calls.
  void End(Call* call, const grpc::Status& status) ABSL_LOCKS_EXCLUDED(mu_) {
    base::MutexLock lock(&mu_);
    calls_.erase(call);
    if (status.error_code() != grpc::StatusCode::UNAVAILABLE || call->peer != current_) return;
    const auto& metadata = call->context.GetServerTrailingMetadata();
    const auto leader = metadata.find(kLeaderMetadata);
    if (leader != metadata.end() && !leader->second.empty()) {
      Select(std::string(leader->second.data(), leader->second.size()));
    } else {
      current_ = (current_ + 1) % peers_.size();
    }
  }

  // After the callback of a call ran.
  void Left() ABSL_LOCKS_EXCLUDED(mu_) {
    base::MutexLock lock(&mu_);
    --inside_;
    idle_.SignalAll();
  }
  void Entered() ABSL_LOCKS_EXCLUDED(mu_) {
    base::MutexLock lock(&mu_);
    ++inside_;
  }

  void Reconnect() ABSL_LOCKS_EXCLUDED(mu_) {
    base::MutexLock lock(&mu_);
    current_ = (current_ + 1) % peers_.size();
  }

  void Close() ABSL_LOCKS_EXCLUDED(mu_) {
    base::MutexLock lock(&mu_);
    closed_ = true;
    // Cancelling only marks the calls; it never runs their callbacks on this thread.
    for (Call* call : calls_) call->context.TryCancel();
    while (inside_ > 0) idle_.Wait(&mu_);
  }

  std::string address() ABSL_LOCKS_EXCLUDED(mu_) {
    base::MutexLock lock(&mu_);
    return peers_[current_].address;
  }

 private:
  struct Peer {
    std::string address;
    std::shared_ptr<v1::WorkerService::Stub> stub;
  };

  void Add(std::string address) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    Peer peer;
    peer.stub = v1::WorkerService::NewStub(Connect(address));
    peer.address = std::move(address);
    peers_.push_back(std::move(peer));
  }

  void Select(std::string address) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    for (size_t i = 0; i < peers_.size(); ++i) {
      if (peers_[i].address == address) {
        current_ = i;
        return;
      }
    }
    // A coordinator that was added after this worker started.
    Add(std::move(address));
    current_ = peers_.size() - 1;
  }

  base::Mutex mu_;
  base::CondVar idle_;
  std::vector<Peer> peers_ ABSL_GUARDED_BY(mu_);
  size_t current_ ABSL_GUARDED_BY(mu_) = 0;
  std::set<Call*> calls_ ABSL_GUARDED_BY(mu_);
  int inside_ ABSL_GUARDED_BY(mu_) = 0;  // Calls whose callback has not returned.
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
};

namespace {

// One stream of AppendLog with one message; deletes itself.
class AppendCall final : public grpc::ClientWriteReactor<v1::AppendLogRequest> {
 public:
  AppendCall(const v1::AppendLogRequest& piece, SyncChannel::AppendDone done,
             std::function<void(const grpc::Status&)> end, std::function<void()> left)
      : piece_(piece), done_(std::move(done)), end_(std::move(end)), left_(std::move(left)) {}

  void Run(v1::WorkerService::Stub* stub, grpc::ClientContext* context) {
    stub->async()->AppendLog(context, &response_, this);
    StartWriteLast(&piece_, grpc::WriteOptions());
    StartCall();
  }

  void OnDone(const grpc::Status& status) override {
    end_(status);
    std::move(done_)(base::FromGrpc(status));
    const std::function<void()> left = std::move(left_);
    delete this;
    left();
  }

 private:
  const v1::AppendLogRequest piece_;
  v1::AppendLogResponse response_;
  SyncChannel::AppendDone done_;
  const std::function<void(const grpc::Status&)> end_;
  std::function<void()> left_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcSyncChannel>> GrpcSyncChannel::Create(
    std::vector<std::string> addresses) {
  addresses.erase(std::remove(addresses.begin(), addresses.end(), ""), addresses.end());
  if (addresses.empty()) {
    return absl::InvalidArgumentError(
        "no coordinator address; give one or several as host:port, separated by commas");
  }
  return std::unique_ptr<GrpcSyncChannel>(
      new GrpcSyncChannel(std::make_shared<Body>(std::move(addresses))));
}

GrpcSyncChannel::GrpcSyncChannel(std::shared_ptr<Body> body) : body_(std::move(body)) {}

GrpcSyncChannel::~GrpcSyncChannel() { body_->Close(); }

void GrpcSyncChannel::Sync(const v1::SyncRequest& request, absl::Duration timeout, SyncDone done) {
  struct SyncCall {
    Body::Call call;
    v1::SyncRequest request;
    v1::SyncResponse response;
    SyncDone done;
  };
  auto sync = std::make_shared<SyncCall>();
  sync->request = request;
  sync->done = std::move(done);
  body_->Entered();
  if (!body_->Begin(&sync->call, timeout)) {
    std::move(sync->done)(absl::CancelledError("the channel is closed"));
    body_->Left();
    return;
  }
  sync->call.stub->async()->Sync(
      &sync->call.context, &sync->request, &sync->response,
      [sync, body = body_](const grpc::Status& status) {
        body->End(&sync->call, status);
        if (status.ok()) {
          std::move(sync->done)(std::make_unique<v1::SyncResponse>(std::move(sync->response)));
        } else {
          std::move(sync->done)(base::FromGrpc(status));
        }
        body->Left();
      });
}

void GrpcSyncChannel::AppendLog(const v1::AppendLogRequest& piece, AppendDone done) {
  auto call = std::make_shared<Body::Call>();
  body_->Entered();
  if (!body_->Begin(call.get(), kAppendTimeout)) {
    std::move(done)(absl::CancelledError("the channel is closed"));
    body_->Left();
    return;
  }
  auto* const append = new AppendCall(
      piece, std::move(done),
      [call, body = body_](const grpc::Status& status) { body->End(call.get(), status); },
      [body = body_, call] { body->Left(); });
  append->Run(call->stub.get(), &call->context);
}

void GrpcSyncChannel::Reconnect() { body_->Reconnect(); }

std::string GrpcSyncChannel::address() const { return body_->address(); }

}  // namespace stevedore::worker
