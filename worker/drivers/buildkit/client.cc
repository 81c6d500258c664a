#include "worker/drivers/buildkit/client.h"

#include <fcntl.h>
#include <grpcpp/create_channel_posix.h>
#include <grpcpp/grpcpp.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "base/grpc_status.h"
#include "base/hash.h"
#include "base/mutex.h"
#include "base/status.h"
#include "control.grpc.pb.h"

namespace stevedore::worker {

namespace wire = ::moby::buildkit::v1;

// Connections of one build.
class BuildkitClient::Connection {
 public:
  explicit Connection(std::shared_ptr<grpc::Channel> channel) : channel_(std::move(channel)) {}
  virtual ~Connection() = default;
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

 private:
  const std::shared_ptr<grpc::Channel> channel_;
};

namespace {

constexpr int kMessageBytes = 16 << 20;
// To be connected.
constexpr absl::Duration kConnectLimit = absl::Seconds(20);
// For a build that was given up to end: containers are killed at once, their files cleaned up.
constexpr absl::Duration kEndLimit = absl::Seconds(20);
// The same where nothing was heard of the build.
constexpr absl::Duration kSilentEndLimit = absl::Milliseconds(500);

// Calls `context.TryCancel()` when `stop` is requested.
class CancelOnStop {
 public:
  CancelOnStop(std::stop_token stop, grpc::ClientContext* context)
      : callback_(std::move(stop), [context] { context->TryCancel(); }) {}

 private:
  std::stop_callback<std::function<void()>> callback_;
};

grpc::ChannelArguments Arguments() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMessageBytes);
  return arguments;
}

// What one build tells while it runs. The daemon ends the stream when nothing of the build runs any
// more.
class StatusStream {
 public:
  StatusStream(wire::Control::Stub& stub, const std::string& reference,
               const BuildkitClient::OnStatus& on_status)
      : thread_([this, &stub, reference, &on_status] {
          wire::StatusRequest request;
          request.set_ref(reference);
          const auto stream = stub.Status(&context_, request);
          wire::StatusResponse response;
          while (stream->Read(&response)) {
            heard_ = true;
            on_status(response);
          }
          stream->Finish();
          base::MutexLock lock(&mu_);
          ended_ = true;
          changed_.SignalAll();
        }) {}
  StatusStream(const StatusStream&) = delete;
  StatusStream& operator=(const StatusStream&) = delete;
  ~StatusStream() {
    context_.TryCancel();
    thread_.join();
  }

  // Call when the build's call is over. Returns when the stream has ended, or does not end within
  // kEndLimit.
  void WaitForEnd() {
    // The stream of a build that never began waits for it.
    const absl::Time limit = absl::Now() + (heard_ ? kEndLimit : kSilentEndLimit);
    base::MutexLock lock(&mu_);
    while (!ended_ && absl::Now() < limit) changed_.WaitFor(&mu_, limit - absl::Now());
  }

 private:
  grpc::ClientContext context_;
  std::atomic<bool> heard_ = false;
  base::Mutex mu_;
  base::CondVar changed_;
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;  // Last: it uses the others.
};

// Carries a session inside a call: the daemon's end is the call, ours a socket that the session's
// server reads.
class Tunnel {
 public:
  static absl::StatusOr<std::unique_ptr<Tunnel>> Open(wire::Control::Stub& stub, Session& session) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
      return base::ErrnoStatus(errno, "make the connection of a session");
    }
    std::unique_ptr<Tunnel> tunnel(new Tunnel(base::FileDescriptor(ends[0])));
    base::FileDescriptor server_end(ends[1]);
    for (const auto& [name, value] : session.Headers()) {
      tunnel->context_.AddMetadata(absl::AsciiStrToLower(name), value);
    }
    tunnel->stream_ = stub.Session(&tunnel->context_);
    RETURN_IF_ERROR(session.Attach(std::move(server_end)));
    tunnel->Start();
    return tunnel;
  }

  ~Tunnel() {
    context_.TryCancel();
    shutdown(socket_.get(), SHUT_RDWR);
    if (out_.joinable()) out_.join();
    if (in_.joinable()) in_.join();
    if (stream_ != nullptr) stream_->Finish();
  }

 private:
  explicit Tunnel(base::FileDescriptor socket) : socket_(std::move(socket)) {}

  void Start() {
    out_ = std::thread([this] {
      wire::BytesMessage message;
      char buffer[64 << 10];
      for (;;) {
        const ssize_t n = recv(socket_.get(), buffer, sizeof(buffer), 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return;
        message.set_data(buffer, static_cast<size_t>(n));
        if (!stream_->Write(message)) return;
      }
    });
    in_ = std::thread([this] {
      wire::BytesMessage message;
      while (stream_->Read(&message)) {
        absl::string_view bytes = message.data();
        while (!bytes.empty()) {
          const ssize_t n = send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
          if (n < 0 && errno == EINTR) continue;
          if (n <= 0) return;
          bytes.remove_prefix(static_cast<size_t>(n));
        }
      }
      shutdown(socket_.get(), SHUT_RDWR);
    });
  }

  const base::FileDescriptor socket_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<wire::BytesMessage, wire::BytesMessage>> stream_;
  std::thread out_;
  std::thread in_;
};

wire::SolveRequest ToRequest(const Solve& solve, const std::string& reference,
                             const std::string& session) {
  wire::SolveRequest request;
  request.set_ref(reference);
  request.set_session(session);
  request.set_frontend(solve.frontend);
  request.set_exporter(solve.exporter);
  request.mutable_frontend_attrs()->insert(solve.frontend_attributes.begin(),
                                           solve.frontend_attributes.end());
  request.mutable_exporter_attrs()->insert(solve.exporter_attributes.begin(),
                                           solve.exporter_attributes.end());
  const auto add = [](const std::vector<CachePlace>& places, auto* entries) {
    for (const CachePlace& place : places) {
      wire::CacheOptionsEntry& entry = *entries->Add();
      entry.set_type(place.type);
      entry.mutable_attrs()->insert(place.attributes.begin(), place.attributes.end());
    }
  };
  add(solve.cache_from, request.mutable_cache()->mutable_imports());
  add(solve.cache_to, request.mutable_cache()->mutable_exports());
  for (const std::string& entitlement : solve.entitlements) {
    request.add_entitlements(entitlement);
  }
  return request;
}

// What a failed Solve means.
absl::Status Explain(const grpc::Status& status, const std::string& name, std::stop_token stop) {
  if (stop.stop_requested()) return absl::CancelledError("the build was cancelled");
  const std::string words(absl::StripPrefix(status.error_message(), "failed to solve: "));
  switch (status.error_code()) {
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return absl::DeadlineExceededError(
          "the build took longer than its `timeout`; BuildKit was told to end it");
    case grpc::StatusCode::UNIMPLEMENTED:
      return absl::UnavailableError(absl::StrCat("BuildKit at ", name, " does not offer this (",
                                                 words,
                                                 "); it is too old or has BuildKit switched off: "
                                                 "use Docker 18.09 or newer, or buildkitd"));
    case grpc::StatusCode::UNAVAILABLE:
      return absl::UnavailableError(absl::StrCat(
          "BuildKit at ", name, " went away: ", words,
          "; see that it runs (`docker info`, `buildctl debug workers`), and its log"));
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return absl::ResourceExhaustedError(absl::StrCat("BuildKit at ", name, ": ", words));
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::PERMISSION_DENIED:
    case grpc::StatusCode::INVALID_ARGUMENT:
      return absl::InvalidArgumentError(words);
    default:
      break;
  }
  if (words.find("no space left on device") != std::string::npos) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "BuildKit at ", name, ": ", words, "; free space there (`docker builder prune`)"));
  }
  return absl::FailedPreconditionError(words);
}

// A daemon of its own.
class DaemonClient final : public BuildkitClient {
 public:
  DaemonClient(std::string name, std::shared_ptr<grpc::Channel> channel)
      : name_(std::move(name)), channel_(std::move(channel)) {}
  std::string name() const override { return name_; }

 protected:
  absl::StatusOr<std::unique_ptr<Connection>> Connect(Session& session,
                                                      std::stop_token stop) override {
    const std::chrono::system_clock::time_point limit =
        absl::ToChronoTime(absl::Now() + kConnectLimit);
    while (!channel_->WaitForConnected(
        std::min(limit, std::chrono::system_clock::now() + std::chrono::milliseconds(200)))) {
      if (stop.stop_requested()) return absl::CancelledError("the build was cancelled");
      if (std::chrono::system_clock::now() >= limit ||
          channel_->GetState(true) == GRPC_CHANNEL_TRANSIENT_FAILURE) {
        return absl::UnavailableError(
            absl::StrCat("BuildKit at ", name_,
                         " does not answer; see that buildkitd runs there, that this "
                         "user may open its socket, and that BUILDKIT_HOST is right"));
      }
    }
    auto connection = std::make_unique<Tunnelled>(channel_);
    ASSIGN_OR_RETURN(connection->tunnel, Tunnel::Open(connection->stub, session));
    return connection;
  }

 private:
  // A connection whose session goes through a call.
  struct Tunnelled final : public Connection {
    explicit Tunnelled(const std::shared_ptr<grpc::Channel>& channel)
        : Connection(channel), stub(channel) {}
    wire::Control::Stub stub;
    std::unique_ptr<Tunnel> tunnel;
  };

  const std::string name_;
  const std::shared_ptr<grpc::Channel> channel_;
};

// The daemon inside a Docker engine.
class EngineClient final : public BuildkitClient {
 public:
  explicit EngineClient(transfer::DockerEngine* engine) : engine_(*engine) {}
  std::string name() const override { return engine_.address().ToString(); }

 protected:
  absl::StatusOr<std::unique_ptr<Connection>> Connect(Session& session,
                                                      std::stop_token stop) override {
    http::Headers headers;
    for (const auto& [name, value] : session.Headers()) headers.Add(name, value);
    ASSIGN_OR_RETURN(base::FileDescriptor served, Upgrade("/session", headers, stop));
    RETURN_IF_ERROR(session.Attach(std::move(served)));
    ASSIGN_OR_RETURN(base::FileDescriptor control, Upgrade("/grpc", {}, stop));
    const int flags = fcntl(control.get(), F_GETFL);
    if (flags < 0 || fcntl(control.get(), F_SETFL, flags | O_NONBLOCK) != 0) {
      return base::ErrnoStatus(errno, "prepare the connection to BuildKit");
    }
    return std::make_unique<Connection>(
        grpc::CreateCustomInsecureChannelFromFd("buildkit", control.Release(), Arguments()));
  }

 private:
  absl::StatusOr<base::FileDescriptor> Upgrade(const std::string& path,
                                               const http::Headers& headers, std::stop_token stop) {
    auto connection = engine_.Upgrade(path, "h2c", headers, std::move(stop));
    if (!absl::IsNotFound(connection.status())) return connection;
    return absl::UnavailableError(
        absl::StrCat("the engine at ", name(), " has no BuildKit (", connection.status().message(),
                     "); use Docker 18.09 or newer, driver docker, or set BUILDKIT_HOST"));
  }

  transfer::DockerEngine& engine_;
};

}  // namespace

absl::StatusOr<std::map<std::string, std::string>> BuildkitClient::Run(const Solve& solve,
                                                                       Session& session,
                                                                       const OnStatus& on_status,
                                                                       std::stop_token stop) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, Connect(session, stop));
  wire::Control::Stub stub(connection->channel());
  const std::string reference = base::RandomHex(16);

  StatusStream watcher(stub, reference, on_status);
  grpc::ClientContext context;
  if (solve.timeout != absl::InfiniteDuration()) {
    context.set_deadline(absl::ToChronoTime(absl::Now() + solve.timeout));
  }
  wire::SolveResponse response;
  grpc::Status status;
  {
    const CancelOnStop cancel(stop, &context);
    status = stub.Solve(&context, ToRequest(solve, reference, session.id()), &response);
  }
  // A call that we gave up ends here before the build does there.
  watcher.WaitForEnd();
  if (!status.ok()) {
    return Explain(status, name(), stop);
  }
  return std::map<std::string, std::string>(response.exporter_response().begin(),
                                            response.exporter_response().end());
}

absl::StatusOr<std::unique_ptr<BuildkitClient>> BuildkitClient::Create(
    const BuildkitAddress& address) {
  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();
  grpc::ChannelArguments arguments = Arguments();
  if (address.tls) {
    grpc::SslCredentialsOptions options;
    ASSIGN_OR_RETURN(options.pem_root_certs, base::ReadFile(address.authority_file));
    ASSIGN_OR_RETURN(options.pem_cert_chain, base::ReadFile(address.certificate_file));
    ASSIGN_OR_RETURN(options.pem_private_key, base::ReadFile(address.key_file));
    credentials = grpc::SslCredentials(options);
    if (!address.server_name.empty()) {
      arguments.SetSslTargetNameOverride(address.server_name);
    }
  }
  return std::make_unique<DaemonClient>(
      address.text, grpc::CreateCustomChannel(address.target, credentials, arguments));
}

std::unique_ptr<BuildkitClient> BuildkitClient::Create(transfer::DockerEngine* engine) {
  return std::make_unique<EngineClient>(engine);
}

}  // namespace stevedore::worker
