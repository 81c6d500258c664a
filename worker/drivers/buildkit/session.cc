#include "worker/drivers/buildkit/session.h"

#include <fcntl.h>
#include <grpc/grpc.h>
#include <grpcpp/ext/health_check_service_server_builder_option.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/server_posix.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/grpc_status.h"
#include "base/hash.h"
#include "base/status.h"
#include "filesync.grpc.pb.h"
#include "secrets.grpc.pb.h"
#include "ssh.grpc.pb.h"
#include "worker/drivers/buildkit/agent_relay.h"
#include "worker/drivers/buildkit/folder.h"
#include "worker/drivers/buildkit/header_text.h"
#include "worker/drivers/buildkit/tree_sender.h"

namespace stevedore::worker {
namespace {

namespace filesync = ::moby::filesync::v1;
namespace secrets = ::moby::buildkit::secrets::v1;
namespace ssh = ::moby::sshforward::v1;
using fsutil::types::Packet;

// Result tars come in pieces of up to 3 MiB.
constexpr int kMessageBytes = 16 << 20;
// For calls on their way when a build is over.
constexpr std::chrono::seconds kGoodbye(2);

// Values of one key of a call's metadata, decoded.
std::vector<std::string> Metadata(const grpc::ServerContext& context, const std::string& key) {
  const auto& metadata = context.client_metadata();
  const auto flag = metadata.find(key + "-encoded");
  const bool encoded = flag != metadata.end() && flag->second == "1";
  std::vector<std::string> values;
  const auto range = metadata.equal_range(key);
  for (auto it = range.first; it != range.second; ++it) {
    std::string value(it->second.data(), it->second.size());
    values.push_back(encoded ? QueryUnescape(value) : std::move(value));
  }
  return values;
}

// Packets over a call.
class CallPackets final : public PacketStream {
 public:
  explicit CallPackets(grpc::ServerReaderWriter<Packet, Packet>* stream) : stream_(*stream) {}
  bool Write(const Packet& packet) override { return stream_.Write(packet); }
  bool Read(Packet* packet) override { return stream_.Read(packet); }

 private:
  grpc::ServerReaderWriter<Packet, Packet>& stream_;
};

// Sends folders.
class FileSync final : public filesync::FileSync::Service {
 public:
  explicit FileSync(const SessionContent& content) : content_(content) {}

  grpc::Status DiffCopy(grpc::ServerContext* context,
                        grpc::ServerReaderWriter<Packet, Packet>* stream) override {
    const std::vector<std::string> names = Metadata(*context, "dir-name");
    const std::string name = names.empty() ? "" : names.front();
    const auto folder = content_.folders.find(name);
    if (folder == content_.folders.end() || folder->second == nullptr) {
      return {grpc::StatusCode::NOT_FOUND,
              absl::StrCat("this build has no folder ", base::Quoted(name))};
    }
    const context::Tree& tree = *folder->second;
    CallPackets packets(stream);
    TreeSender sender(tree, FollowPaths(tree, Metadata(*context, "followpaths")),
                      content_.file_time, content_.sent);
    return base::ToGrpc(sender.Run(packets));
  }

 private:
  const SessionContent& content_;
};

// Takes the result.
class FileSend final : public filesync::FileSend::Service {
 public:
  explicit FileSend(const SessionContent& content) : content_(content) {}

  grpc::Status DiffCopy(
      grpc::ServerContext* /*context*/,
      grpc::ServerReaderWriter<filesync::BytesMessage, filesync::BytesMessage>* stream) override {
    if (content_.result == nullptr) {
      return {grpc::StatusCode::FAILED_PRECONDITION, "this build takes no file as result"};
    }
    filesync::BytesMessage message;
    while (stream->Read(&message)) {
      if (const absl::Status status = content_.result->Write(message.data()); !status.ok()) {
        return base::ToGrpc(status);
      }
    }
    return base::ToGrpc(content_.result->Close());
  }

 private:
  const SessionContent& content_;
};

// Answers for registries.
class Auth final : public filesync::Auth::Service {
 public:
  explicit Auth(const SessionContent& content) : content_(content) {}

  grpc::Status Credentials(grpc::ServerContext* /*context*/,
                           const filesync::CredentialsRequest* request,
                           filesync::CredentialsResponse* response) override {
    if (!content_.login) return grpc::Status::OK;
    const auto login = content_.login(request->host());
    // A login that cannot be looked up must not become an anonymous access.
    if (!login.ok()) return base::ToGrpc(login.status());
    if (!login->has_value()) return grpc::Status::OK;
    if (!(*login)->identity_token.empty()) {
      response->set_secret((*login)->identity_token.Reveal());
    } else {
      response->set_username((*login)->username);
      response->set_secret((*login)->password.Reveal());
    }
    return grpc::Status::OK;
  }

 private:
  const SessionContent& content_;
};

// Hands out secrets.
class Secrets final : public secrets::Secrets::Service {
 public:
  explicit Secrets(const SessionContent& content) : content_(content) {}

  grpc::Status GetSecret(grpc::ServerContext* /*context*/, const secrets::GetSecretRequest* request,
                         secrets::GetSecretResponse* response) override {
    const auto secret = content_.secrets.find(request->id());
    if (secret == content_.secrets.end()) {
      // BuildKit takes NOT_FOUND for "go on without", unless the mount says `required`.
      return {grpc::StatusCode::NOT_FOUND, absl::StrCat("secret ", base::Quoted(request->id()),
                                                        " is not among the builder's `secrets`")};
    }
    response->set_data(secret->second.Reveal());
    return grpc::Status::OK;
  }

 private:
  const SessionContent& content_;
};

// Joins commands with agents.
class Agents final : public ssh::SSH::Service {
 public:
  explicit Agents(const SessionContent& content) : content_(content) {}

  grpc::Status CheckAgent(grpc::ServerContext* /*context*/, const ssh::CheckAgentRequest* request,
                          ssh::CheckAgentResponse* /*response*/) override {
    return base::ToGrpc(Find(request->id()).status());
  }

  grpc::Status ForwardAgent(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<ssh::BytesMessage, ssh::BytesMessage>* stream) override {
    const std::vector<std::string> ids = Metadata(*context, "buildkit.ssh.id");
    const absl::StatusOr<std::string> path = Find(ids.empty() ? "" : ids.front());
    if (!path.ok()) return base::ToGrpc(path.status());
    return base::ToGrpc(RelayAgent(
        *path,
        [stream](std::string* bytes) {
          ssh::BytesMessage message;
          if (!stream->Read(&message)) return false;
          *bytes = std::move(*message.mutable_data());
          return true;
        },
        [stream](absl::string_view bytes) {
          ssh::BytesMessage message;
          message.set_data(std::string(bytes));
          return stream->Write(message);
        },
        [context] { context->TryCancel(); }));
  }

 private:
  absl::StatusOr<std::string> Find(const std::string& id) const {
    const auto agent = content_.ssh_agents.find(id.empty() ? "default" : id);
    if (agent == content_.ssh_agents.end()) {
      return absl::NotFoundError(
          absl::StrCat("ssh agent ", base::Quoted(id), " is not among the builder's `ssh`"));
    }
    return agent->second;
  }

  const SessionContent& content_;
};

}  // namespace

// The server and what it serves.
class Session::Body {
 public:
  explicit Body(SessionContent content)
      : content_(std::move(content)),
        file_sync_(content_),
        file_send_(content_),
        auth_(content_),
        secrets_(content_),
        agents_(content_) {}

  ~Body() {
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now() + kGoodbye);
  }

  absl::Status Start() {
    // Whenever its last user goes, gRPC shuts down, and that may wait 10 s for a poller: here is a
    // user that stays.
    static const bool stays = [] {
      grpc_init();
      return true;
    }();
    (void)stays;
    // The daemon ends builds whose session does not answer health checks.
    grpc::EnableDefaultHealthCheckService(true);
    grpc::ServerBuilder builder;
    builder.SetMaxReceiveMessageSize(kMessageBytes);
    builder.RegisterService(&file_sync_);
    if (content_.result != nullptr) builder.RegisterService(&file_send_);
    builder.RegisterService(&auth_);
    builder.RegisterService(&secrets_);
    if (!content_.ssh_agents.empty()) builder.RegisterService(&agents_);
    builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::NUM_CQS, 1);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr) return absl::InternalError("cannot start the server of a session");
    return absl::OkStatus();
  }

  std::vector<std::string> Methods() const {
    std::vector<std::string> methods = {
        "/moby.filesync.v1.FileSync/diffcopy", "/moby.filesync.v1.Auth/Credentials",
        "/moby.buildkit.secrets.v1.Secrets/GetSecret", "/grpc.health.v1.Health/Check"};
    if (content_.result != nullptr) methods.push_back("/moby.filesync.v1.FileSend/diffcopy");
    if (!content_.ssh_agents.empty()) {
      methods.push_back("/moby.sshforward.v1.SSH/CheckAgent");
      methods.push_back("/moby.sshforward.v1.SSH/ForwardAgent");
    }
    return methods;
  }

  grpc::Server& server() { return *server_; }

 private:
  const SessionContent content_;
  FileSync file_sync_;
  FileSend file_send_;
  Auth auth_;
  Secrets secrets_;
  Agents agents_;
  std::unique_ptr<grpc::Server> server_;
};

Session::Session(std::string id, std::unique_ptr<Body> body)
    : id_(std::move(id)), body_(std::move(body)) {}
Session::~Session() = default;

absl::StatusOr<std::unique_ptr<Session>> Session::Start(SessionContent content) {
  auto body = std::make_unique<Body>(std::move(content));
  RETURN_IF_ERROR(body->Start());
  return std::unique_ptr<Session>(new Session(base::RandomHex(16), std::move(body)));
}

std::vector<std::pair<std::string, std::string>> Session::Headers() const {
  std::vector<std::pair<std::string, std::string>> headers = {
      {"X-Docker-Expose-Session-Uuid", id_},
      {"X-Docker-Expose-Session-Name", "stevedore"},
      // Folders of sessions with one key are taken for versions of each other, whose files differ
      // if their size or time does; all our files have one time. So no two sessions share one.
      {"X-Docker-Expose-Session-Sharedkey", id_}};
  for (std::string& method : body_->Methods()) {
    headers.emplace_back("X-Docker-Expose-Session-Grpc-Method", std::move(method));
  }
  return headers;
}

absl::Status Session::Attach(base::FileDescriptor connection) {
  const int flags = fcntl(connection.get(), F_GETFL);
  if (flags < 0 || fcntl(connection.get(), F_SETFL, flags | O_NONBLOCK) != 0) {
    return base::ErrnoStatus(errno, "prepare the connection of a session");
  }
  grpc::AddInsecureChannelFromFd(&body_->server(), connection.Release());
  return absl::OkStatus();
}

}  // namespace stevedore::worker
