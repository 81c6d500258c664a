// The parts of AWS that give out identities and passwords for ECR.

#ifndef STEVEDORE_TESTS_HARNESS_AWS_SERVER_H_
#define STEVEDORE_TESTS_HARNESS_AWS_SERVER_H_

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "credentials/aws_signature.h"
#include "http/testing/loopback_server.h"

namespace stevedore::testing {

// ECR and STS (POST /), the container endpoint (GET /container) and instance metadata (/latest),
// all at one address. Checks every signature, its time and its session token as AWS does.
// Thread-safe.
class AwsServer {
 public:
  // Who may assume a role, and how.
  struct Role {
    std::string by_key = "";       // Access key id that may assume it; empty: any.
    std::string external_id = "";  // Must be given; empty: need not.
    std::string web_token = "";    // For AssumeRoleWithWebIdentity; empty: not possible.
  };

  // What it counted.
  struct Counts {
    int ecr = 0, sts = 0, instance = 0, container = 0;
  };

  // Knows the key AKIDTEST with the secret `very/secret+key`.
  static absl::StatusOr<std::unique_ptr<AwsServer>> Start(
      const base::Clock* clock = &base::Clock::System());

  // "http://127.0.0.1:34567"
  std::string url() const { return server_->url(); }

  void AddKeys(const credentials::AwsKeys& keys) ABSL_LOCKS_EXCLUDED(mu_);
  // Keys that may not ask ECR for passwords.
  void Deny(const std::string& access_key_id) ABSL_LOCKS_EXCLUDED(mu_);
  void AddRole(const std::string& arn, const Role& role) ABSL_LOCKS_EXCLUDED(mu_);
  // The instance has this role; without, there are no instance metadata.
  void set_instance_role(const std::string& name) ABSL_LOCKS_EXCLUDED(mu_);
  // The container endpoint wants this Authorization.
  void set_container_token(const std::string& token) ABSL_LOCKS_EXCLUDED(mu_);
  // ECR gives out this password; until then password-1, password-2 and so on.
  void set_password(const std::string& password) ABSL_LOCKS_EXCLUDED(mu_);
  void set_password_lifetime(absl::Duration lifetime) ABSL_LOCKS_EXCLUDED(mu_);
  // The next `count` calls of ECR and STS are refused.
  void FailNext(int count, int status, const std::string& code) ABSL_LOCKS_EXCLUDED(mu_);

  Counts counts() const ABSL_LOCKS_EXCLUDED(mu_);
  // Of the last password: the access key it was asked with, or "role ARN"; and the region signed.
  std::string last_identity() const ABSL_LOCKS_EXCLUDED(mu_);
  std::string last_region() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Reply {
    int status = 200;
    std::string body;
  };

  explicit AwsServer(const base::Clock* clock) : clock_(clock) {}
  void Serve(http::testing::Connection& connection);
  Reply Handle(const http::testing::ReceivedRequest& request, const std::string& body)
      ABSL_LOCKS_EXCLUDED(mu_);
  Reply Ecr(const std::string& key_id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Reply Sts(const std::map<std::string, std::string>& form, const std::string& key_id)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Reply Machine(const http::testing::ReceivedRequest& request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The access key id of a rightly signed request, or the refusal.
  std::optional<Reply> CheckSignature(const http::testing::ReceivedRequest& request,
                                      const std::string& body, std::string* key_id)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  credentials::AwsKeys MakeKeys(const std::string& identity) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const base::Clock* const clock_;
  mutable base::Mutex mu_;
  std::map<std::string, credentials::AwsKeys> keys_ ABSL_GUARDED_BY(mu_);  // By access key id.
  std::map<std::string, Role> roles_ ABSL_GUARDED_BY(mu_);
  std::set<std::string> denied_ ABSL_GUARDED_BY(mu_);
  std::string instance_role_, container_token_, password_ ABSL_GUARDED_BY(mu_);
  std::string last_identity_, last_region_ ABSL_GUARDED_BY(mu_);
  absl::Duration password_lifetime_ ABSL_GUARDED_BY(mu_) = absl::Hours(12);
  Counts counts_ ABSL_GUARDED_BY(mu_);
  int fail_count_ ABSL_GUARDED_BY(mu_) = 0, fail_status_ ABSL_GUARDED_BY(mu_) = 0;
  std::string fail_code_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<http::testing::LoopbackServer> server_;
};

}  // namespace stevedore::testing

#endif  // STEVEDORE_TESTS_HARNESS_AWS_SERVER_H_
