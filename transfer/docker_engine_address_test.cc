#include "transfer/docker_engine_address.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace stevedore::transfer {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::HasSubstr;

TEST(DockerEngineAddressTest, Forms) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"unix:///run/x.sock", "unix:///run/x.sock"},
      {"tcp://build", "tcp://build:2375"},
      {"tcp://10.0.0.1:99/", "tcp://10.0.0.1:99"},
      {"http://h:1", "tcp://h:1"},
      {"https://h", "tcp://h:2376"},
      {"tcp://[::1]:2375", "tcp://[::1]:2375"},
      {"tcp://[::1]", "tcp://[::1]:2375"}};
  for (const auto& [text, shown] : cases) {
    ASSERT_OK_AND_ASSIGN(const DockerEngineAddress address, DockerEngineAddress::Parse(text));
    EXPECT_EQ(address.ToString(), shown);
    EXPECT_EQ(address.use_tls, text == "https://h");
  }
}

TEST(DockerEngineAddressTest, OthersAreRefusedWithWhatIsAllowed) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "write unix:///PATH or tcp://HOST:PORT"},
      {"/var/run/docker.sock", "write unix:///PATH"},
      {"unix://docker.sock", "needs its full path"},
      {"tcp://", "is no host"},
      {"tcp://h:", "is no port"},
      {"tcp://h:70000", "is no port"},
      {"tcp://u@h:1", "is no host"},
      {"tcp://h:1/x", "is no port"},
      {"npipe:////./pipe/docker_engine", "is no address of an engine"},
      {"ssh://me@host", "forward the socket"}};
  for (const auto& [text, message] : cases) {
    EXPECT_THAT(DockerEngineAddress::Parse(text),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)))
        << text;
  }
}

TEST(DockerEngineAddressTest, TheDefaultIsTheSystemsSocket) {
  ASSERT_OK_AND_ASSIGN(const DockerEngineAddress address, DockerEngineAddress::FromEnvironment({}));
  EXPECT_EQ(address.ToString(), "unix:///var/run/docker.sock");
  EXPECT_FALSE(address.use_tls);
}

class WithFolderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(base::TemporaryDirectory folder, base::TemporaryDirectory::Create());
    folder_.emplace(std::move(folder));
  }
  std::string Path(const std::string& name) const { return base::JoinPath(folder_->path(), name); }
  void Write(const std::string& name, const std::string& text) const {
    ASSERT_OK(base::MakeDirectories(Path(name.substr(0, name.rfind('/') + 1))));
    ASSERT_OK(base::WriteFileAtomically(Path(name), text));
  }

  std::optional<base::TemporaryDirectory> folder_;
};

TEST_F(WithFolderTest, CertificatesOfTheEnvironment) {
  for (const char* name : {"certs/ca.pem", "certs/cert.pem", "certs/key.pem"}) Write(name, "x");
  ASSERT_OK_AND_ASSIGN(DockerEngineAddress address,
                       DockerEngineAddress::FromEnvironment({{"DOCKER_HOST", "tcp://h:2376"},
                                                             {"DOCKER_TLS_VERIFY", "1"},
                                                             {"DOCKER_CERT_PATH", Path("certs")},
                                                             {"DOCKER_API_VERSION", "v1.40"}}));
  EXPECT_TRUE(address.use_tls);
  EXPECT_TRUE(address.tls.verify_server);
  EXPECT_EQ(address.tls.ca_file, Path("certs/ca.pem"));
  EXPECT_EQ(address.tls.client_certificate_file, Path("certs/cert.pem"));
  EXPECT_EQ(address.tls.client_key_file, Path("certs/key.pem"));
  EXPECT_EQ(address.api_version, "1.40");

  // TLS without looking who answers, as the docker client has it.
  ASSERT_OK_AND_ASSIGN(address,
                       DockerEngineAddress::FromEnvironment(
                           {{"DOCKER_HOST", "tcp://h:2376"}, {"DOCKER_CERT_PATH", Path("certs")}}));
  EXPECT_TRUE(address.use_tls);
  EXPECT_FALSE(address.tls.verify_server);

  EXPECT_THAT(
      DockerEngineAddress::FromEnvironment(
          {{"DOCKER_HOST", "tcp://h:2376"}, {"DOCKER_CERT_PATH", Path("none")}}),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("with ca.pem, cert.pem and key.pem")));
}

TEST_F(WithFolderTest, DockerContexts) {
  const std::string id = base::Sha256Hex("prod");
  Write("config.json", R"({"currentContext": "prod"})");
  Write(absl::StrCat("contexts/meta/", id, "/meta.json"),
        R"({"Name": "prod", "Endpoints": {"docker": {"Host": "tcp://far:2376"}}})");
  Write(absl::StrCat("contexts/tls/", id, "/docker/ca.pem"), "x");
  ASSERT_OK_AND_ASSIGN(DockerEngineAddress address,
                       DockerEngineAddress::FromEnvironment({{"DOCKER_CONFIG", folder_->path()}}));
  EXPECT_EQ(address.ToString(), "tcp://far:2376");
  EXPECT_EQ(address.origin, "docker context prod");
  EXPECT_TRUE(address.use_tls);
  EXPECT_TRUE(address.tls.verify_server);

  ASSERT_OK_AND_ASSIGN(address,
                       DockerEngineAddress::FromEnvironment(
                           {{"DOCKER_CONFIG", folder_->path()}, {"DOCKER_HOST", "unix:///s"}}));
  EXPECT_EQ(address.ToString(), "unix:///s");
  ASSERT_OK_AND_ASSIGN(address,
                       DockerEngineAddress::FromEnvironment(
                           {{"DOCKER_CONFIG", folder_->path()}, {"DOCKER_CONTEXT", "default"}}));
  EXPECT_EQ(address.ToString(), "unix:///var/run/docker.sock");
  EXPECT_THAT(DockerEngineAddress::FromEnvironment(
                  {{"DOCKER_CONFIG", folder_->path()}, {"DOCKER_CONTEXT", "test"}}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("docker context `test`")));
}

}  // namespace
}  // namespace stevedore::transfer
