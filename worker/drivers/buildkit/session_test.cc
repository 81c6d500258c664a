#include "worker/drivers/buildkit/session.h"

#include <fcntl.h>
#include <grpcpp/create_channel_posix.h>
#include <grpcpp/grpcpp.h>
#include <sys/socket.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/testing/status_matchers.h"
#include "filesync.grpc.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "secrets.grpc.pb.h"
#include "ssh.grpc.pb.h"

namespace stevedore::worker {
namespace {

namespace filesync = ::moby::filesync::v1;
namespace secrets = ::moby::buildkit::secrets::v1;
namespace ssh = ::moby::sshforward::v1;
using ::fsutil::types::Packet;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

// A session and the channel that a daemon has to it.
class SessionTest : public ::testing::Test {
 protected:
  void Start(SessionContent content) {
    ASSERT_OK_AND_ASSIGN(session_, Session::Start(std::move(content)));
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    ASSERT_OK(session_->Attach(base::FileDescriptor(ends[0])));
    ASSERT_EQ(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    channel_ = grpc::CreateInsecureChannelFromFd("session", ends[1]);
  }

  // Paths that the session lists for a daemon that wants `folder`, and how the call ended.
  grpc::Status List(const std::vector<std::pair<std::string, std::string>>& metadata,
                    std::vector<std::string>* paths) {
    grpc::ClientContext context;
    for (const auto& [name, value] : metadata) context.AddMetadata(name, value);
    const auto stub = filesync::FileSync::NewStub(channel_);
    const auto stream = stub->DiffCopy(&context);
    Packet packet;
    while (stream->Read(&packet)) {
      if (packet.type() == Packet::PACKET_STAT && packet.has_stat()) {
        paths->push_back(packet.stat().path());
      } else if (packet.type() == Packet::PACKET_STAT) {
        Packet end;
        end.set_type(Packet::PACKET_FIN);
        stream->Write(end);
      }
    }
    return stream->Finish();
  }

  std::unique_ptr<Session> session_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(SessionTest, HeadersNameWhatIsServed) {
  Start({});
  EXPECT_THAT(
      session_->Headers(),
      AllOf(Contains(Pair("X-Docker-Expose-Session-Uuid", session_->id())),
            Contains(
                Pair("X-Docker-Expose-Session-Grpc-Method", "/moby.filesync.v1.FileSync/diffcopy")),
            Not(Contains(Pair("X-Docker-Expose-Session-Grpc-Method", HasSubstr("sshforward"))))));
}

TEST_F(SessionTest, FoldersOnlyAsFarAsTheyAreWanted) {
  SessionContent content;
  ASSERT_OK_AND_ASSIGN(content.folders["context"],
                       context::MemoryTree::Create({{.path = "src/main", .content = "m"},
                                                    {.path = "src/more", .content = "n"},
                                                    {.path = "large/file", .content = "l"}}));
  Start(std::move(content));
  std::vector<std::string> paths;
  EXPECT_TRUE(List({{"dir-name", "context"}}, &paths).ok());
  EXPECT_THAT(paths, ElementsAre("large", "large/file", "src", "src/main", "src/more"));
  paths.clear();
  EXPECT_TRUE(List({{"dir-name", "context"}, {"followpaths", "src/main"}}, &paths).ok());
  EXPECT_THAT(paths, ElementsAre("src", "src/main"));
  paths.clear();
  const grpc::Status other = List({{"dir-name", "etc"}}, &paths);
  EXPECT_EQ(other.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(other.error_message(), HasSubstr("no folder `etc"));
}

TEST_F(SessionTest, LoginsForThoseHostsThatHaveOne) {
  SessionContent content;
  content.login =
      [](const std::string& host) -> absl::StatusOr<std::optional<credentials::Credential>> {
    if (host == "broken.test") return absl::UnavailableError("the store is locked");
    if (host != "reg.test") return std::nullopt;
    return credentials::Credential{.username = "u", .password = base::Secret("p")};
  };
  Start(std::move(content));
  const auto stub = filesync::Auth::NewStub(channel_);
  const auto ask = [&stub](const std::string& host, filesync::CredentialsResponse* response) {
    grpc::ClientContext context;
    filesync::CredentialsRequest request;
    request.set_host(host);
    return stub->Credentials(&context, request, response);
  };
  filesync::CredentialsResponse known, unknown, broken;
  EXPECT_TRUE(ask("reg.test", &known).ok());
  EXPECT_EQ(known.username(), "u");
  EXPECT_EQ(known.secret(), "p");
  EXPECT_TRUE(ask("other.test", &unknown).ok());
  EXPECT_EQ(unknown.username() + unknown.secret(), "");
  // Never anonymous instead.
  EXPECT_EQ(ask("broken.test", &broken).error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(SessionTest, SecretsById) {
  SessionContent content;
  content.secrets["npm"] = base::Secret("token");
  Start(std::move(content));
  const auto stub = secrets::Secrets::NewStub(channel_);
  const auto ask = [&stub](const std::string& id, secrets::GetSecretResponse* response) {
    grpc::ClientContext context;
    secrets::GetSecretRequest request;
    request.set_id(id);
    return stub->GetSecret(&context, request, response);
  };
  secrets::GetSecretResponse known, unknown;
  EXPECT_TRUE(ask("npm", &known).ok());
  EXPECT_EQ(known.data(), "token");
  const grpc::Status none = ask("other", &unknown);
  EXPECT_EQ(none.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(none.error_message(), HasSubstr("is not among the builder's `secrets`"));
}

TEST_F(SessionTest, AgentsById) {
  SessionContent content;
  content.ssh_agents["default"] = "/nonexistent/agent";
  Start(std::move(content));
  const auto stub = ssh::SSH::NewStub(channel_);
  const auto check = [&stub](const std::string& id) {
    grpc::ClientContext context;
    ssh::CheckAgentRequest request;
    request.set_id(id);
    ssh::CheckAgentResponse response;
    return stub->CheckAgent(&context, request, &response).error_code();
  };
  EXPECT_EQ(check(""), grpc::StatusCode::OK);
  EXPECT_EQ(check("default"), grpc::StatusCode::OK);
  EXPECT_EQ(check("git"), grpc::StatusCode::NOT_FOUND);
  grpc::ClientContext context;
  const auto stream = stub->ForwardAgent(&context);
  ssh::BytesMessage message;
  EXPECT_FALSE(stream->Read(&message));
  EXPECT_THAT(stream->Finish().error_message(), HasSubstr("/nonexistent/agent cannot be reached"));
}

TEST_F(SessionTest, TheResultIsWrittenAsItComes) {
  std::string file;
  base::StringSink sink(&file);
  SessionContent content;
  content.result = &sink;
  Start(std::move(content));
  const auto stub = filesync::FileSend::NewStub(channel_);
  grpc::ClientContext context;
  const auto stream = stub->DiffCopy(&context);
  filesync::BytesMessage message;
  for (const char* piece : {"image", " ", "tar"}) {
    message.set_data(piece);
    ASSERT_TRUE(stream->Write(message));
  }
  stream->WritesDone();
  EXPECT_FALSE(stream->Read(&message));
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(file, "image tar");
}

}  // namespace
}  // namespace stevedore::worker
