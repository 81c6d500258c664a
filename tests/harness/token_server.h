// A token service as registries with Bearer authentication use one.

#ifndef STEVEDORE_TESTS_HARNESS_TOKEN_SERVER_H_
#define STEVEDORE_TESTS_HARNESS_TOKEN_SERVER_H_

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/file.h"
#include "base/mutex.h"
#include "http/testing/loopback_server.h"

namespace stevedore::testing {

// Hands out signed tokens for everything that one user asks for. Nobody else gets a token, except
// anonymous ones for reading if `anonymous_pull`. Thread-safe.
class TokenServer {
 public:
  static constexpr char kIssuer[] = "stevedore-test-issuer";
  static constexpr char kService[] = "stevedore-test-registry";

  static absl::StatusOr<std::unique_ptr<TokenServer>> Start(std::string username,
                                                            std::string password,
                                                            bool anonymous_pull = false);

  // "http://127.0.0.1:34567/token"
  std::string realm() const { return server_->url() + "/token"; }
  int port() const { return server_->port(); }
  // PEM certificate of the signing key, for the registry.
  const std::string& certificate_file() const { return certificate_file_; }
  // Tokens handed out so far.
  int token_count() const { return token_count_; }
  // Requests refused so far.
  int refused_count() const { return refused_count_; }
  // How long tokens are good for, from the next one on. The registry allows a minute more.
  void set_lifetime(absl::Duration lifetime) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  TokenServer(std::string username, std::string password, bool anonymous_pull,
              base::TemporaryDirectory directory);
  absl::Status MakeKey();
  void Serve(http::testing::Connection& connection);
  absl::StatusOr<std::string> MakeToken(const std::string& user,
                                        const std::vector<std::string>& scopes)
      ABSL_LOCKS_EXCLUDED(mu_);

  const std::string username_, password_;
  const bool anonymous_pull_;
  const base::TemporaryDirectory directory_;
  std::string key_file_, certificate_file_;
  std::string certificate_;  // Base64 of the DER form, as tokens carry it.
  std::atomic<int> token_count_ = 0, refused_count_ = 0;
  base::Mutex mu_;
  absl::Duration lifetime_ ABSL_GUARDED_BY(mu_) = absl::Minutes(5);
  std::unique_ptr<http::testing::LoopbackServer> server_;
};

}  // namespace stevedore::testing

#endif  // STEVEDORE_TESTS_HARNESS_TOKEN_SERVER_H_
