// Calls to AWS's services.

#ifndef STEVEDORE_CREDENTIALS_AWS_SERVICE_H_
#define STEVEDORE_CREDENTIALS_AWS_SERVICE_H_

#include <functional>
#include <map>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "credentials/aws_signature.h"
#include "http/client.h"
#include "http/headers.h"

namespace stevedore::credentials {

// What everything about AWS stands on. Plain data.
struct AwsSettings {
  http::Client* http = nullptr;  // Must outlive the user.
  // Variables of the process: AWS_REGION, AWS_ENDPOINT_URL, HOME...
  std::map<std::string, std::string> environment = {};
  const base::Clock* clock = &base::Clock::System();
  // Waits between attempts; null: the real thing.
  std::function<void(absl::Duration)> wait = nullptr;
};

// One POST to a service. Plain data; borrows `keys`.
struct AwsCall {
  std::string service;            // "ecr": names the endpoint's variable.
  std::string signing_name = "";  // If it is another one.
  std::string region;
  std::string endpoint;
  std::string action;  // "GetAuthorizationToken", for messages.
  http::Headers headers = {};
  std::string body = "";
  const AwsKeys* keys = nullptr;  // Null: not signed.
};

// Sends calls, signed, repeated when throttled or interrupted, and with the time corrected if the
// service says that our clock is wrong. Thread-safe.
class AwsService {
 public:
  explicit AwsService(AwsSettings settings) : settings_(std::move(settings)) {}

  // The body of the answer. Errors name service, endpoint, AWS's error code and what to do:
  // PERMISSION_DENIED, UNAUTHENTICATED (keys), UNAVAILABLE (throttled, or cannot be reached),
  // FAILED_PRECONDITION.
  absl::StatusOr<std::string> Call(const AwsCall& call) ABSL_LOCKS_EXCLUDED(mu_);

  // One request to a metadata service of this machine, without proxy, given up after seconds.
  absl::StatusOr<std::string> AskMachine(const std::string& method, const std::string& url,
                                         const http::Headers& headers);

  // The value of an environment variable, or "".
  std::string Variable(const std::string& name) const;

  // AWS_ENDPOINT_URL_<SERVICE> or AWS_ENDPOINT_URL, else `usual`.
  std::string Endpoint(absl::string_view service, const std::string& usual) const;

  // The time, by AWS's clock if ours was told to be wrong.
  absl::Time Now() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  absl::StatusOr<http::Response> Send(const AwsCall& call);
  absl::Status Refusal(const AwsCall& call, const http::Response& answer) const;
  // True if the answer says that our time is wrong and what it should be.
  bool CorrectTime(const http::Response& answer) ABSL_LOCKS_EXCLUDED(mu_);
  void Wait(absl::Duration duration) const;

  const AwsSettings settings_;
  mutable base::Mutex mu_;
  absl::Duration correction_ ABSL_GUARDED_BY(mu_);
};

}  // namespace stevedore::credentials

#endif  // STEVEDORE_CREDENTIALS_AWS_SERVICE_H_
