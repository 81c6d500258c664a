// A real docker-registry for tests.

#ifndef STEVEDORE_TESTS_HARNESS_REGISTRY_H_
#define STEVEDORE_TESTS_HARNESS_REGISTRY_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/file.h"
#include "tests/harness/process.h"
#include "tests/harness/tls_front.h"
#include "tests/harness/token_server.h"

namespace stevedore::testing {

// What kind of registry. Plain data.
struct RegistryOptions {
  enum class Auth : uint8_t {
    kNone,   // Open to everybody.
    kBasic,  // htpasswd.
    kToken,  // Tokens from a TokenServer of its own.
  };
  Auth auth = Auth::kNone;
  std::string username = "alice";
  std::string password = "wonderland";
  // Serve HTTPS with a certificate for 127.0.0.1 and localhost that `ca_file` signs; the token
  // service does so, too.
  bool tls = false;
};

// One docker-registry in a folder of its own on a free port, gone with this object. Not
// thread-safe.
class Registry {
 public:
  // Returns when it answers.
  static absl::StatusOr<std::unique_ptr<Registry>> Start(RegistryOptions options = {});

  // "127.0.0.1:34567": the registry part of references to it.
  std::string host() const;
  // "http://127.0.0.1:34567" or https.
  std::string url() const;
  int port() const { return port_; }
  // PEM certificate to trust; empty without TLS.
  const std::string& ca_file() const { return ca_file_; }
  // Where it keeps its blobs.
  std::string data_directory() const { return base::JoinPath(directory_.path(), "data"); }
  // A folder for DOCKER_CONFIG whose config.json logs in with `username` and `password`.
  absl::StatusOr<std::string> WriteDockerConfig(const std::string& username,
                                                const std::string& password) const;
  // With the right ones.
  absl::StatusOr<std::string> WriteDockerConfig() const {
    return WriteDockerConfig(options_.username, options_.password);
  }
  // How many requests it logged, since its last start, whose line contains `text`, such as
  // `"PUT /v2/shop/`. The log may be a moment behind the answers; FaultyProxy counts exactly.
  int RequestCount(absl::string_view text) const;

  // kill -9; then nothing listens at its port.
  void Kill();
  // Starts again on the same port and folder; kills first if it runs.
  absl::Status Restart();
  // For Suspend and Resume, and its log.
  Process& process() { return *process_; }
  // Only with Auth::kToken.
  TokenServer& token_server() { return *token_server_; }
  // Where clients are told to ask for tokens. Only with Auth::kToken.
  std::string token_realm() const;

 private:
  Registry(RegistryOptions options, base::TemporaryDirectory directory)
      : options_(std::move(options)), directory_(std::move(directory)) {}

  std::string key_file() const { return base::JoinPath(directory_.path(), "tls.key"); }
  absl::Status MakeCertificate();
  absl::Status MakePasswordFile();
  absl::StatusOr<std::string> Configuration();

  const RegistryOptions options_;
  const base::TemporaryDirectory directory_;
  std::string ca_file_, password_file_;
  int port_ = 0;
  std::unique_ptr<TokenServer> token_server_;
  std::unique_ptr<TlsFront> token_front_;
  std::unique_ptr<Process> process_;
};

}  // namespace stevedore::testing

#endif  // STEVEDORE_TESTS_HARNESS_REGISTRY_H_
