#include "credentials/aws_service.h"

#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "base/backoff.h"
#include "base/hash.h"
#include "base/status.h"
#include "credentials/aws_answers.h"
#include "http/url.h"

namespace stevedore::credentials {
namespace {

constexpr int kAttempts = 4;
constexpr uint64_t kAnswerLimitBytes = 1 << 20;
// AWS allows five minutes; a clock that is wrong by less than one is not why a call was refused.
constexpr absl::Duration kLeastCorrection = absl::Minutes(1);

bool OneOf(absl::string_view code, std::initializer_list<absl::string_view> codes) {
  for (const absl::string_view other : codes) {
    if (code == other) return true;
  }
  return false;
}

bool IsThrottling(absl::string_view code) {
  return OneOf(code, {"Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled",
                      "RequestThrottledException", "TooManyRequestsException",
                      "RequestLimitExceeded", "LimitExceededException", "SlowDown",
                      "IDPCommunicationError", "PriorRequestNotComplete"});
}

bool MayBeTime(absl::string_view code) {
  return OneOf(code, {"RequestTimeTooSkewed", "RequestExpired", "InvalidSignatureException",
                      "SignatureDoesNotMatch", "AuthFailure", "RequestInTheFuture"});
}

bool IsPassing(const http::Response& answer) {
  if (answer.status >= 500 || answer.status == 429) return true;
  return answer.status != 200 &&
         IsThrottling(
             ParseAwsError(answer.body, answer.headers.Find("X-Amzn-ErrorType").value_or("")).code);
}

uint64_t Seed() {
  const std::string bytes = base::RandomBytes(sizeof(uint64_t));
  uint64_t seed;
  memcpy(&seed, bytes.data(), sizeof seed);
  return seed;
}

std::string Doing(const AwsCall& call) {
  return absl::StrCat("AWS ", call.service, " ", call.action, " at ", call.endpoint);
}

std::string Whose(const AwsCall& call) {
  if (call.keys == nullptr) return "the web identity";
  return absl::StrCat("the key ", call.keys->access_key_id, " (", call.keys->origin, ")");
}

}  // namespace

std::string AwsService::Variable(const std::string& name) const {
  const auto it = settings_.environment.find(name);
  return it == settings_.environment.end() ? "" : it->second;
}

std::string AwsService::Endpoint(absl::string_view service, const std::string& usual) const {
  const std::string name = absl::StrReplaceAll(absl::AsciiStrToUpper(service), {{"-", "_"}});
  std::string url = Variable(absl::StrCat("AWS_ENDPOINT_URL_", name));
  if (url.empty()) url = Variable("AWS_ENDPOINT_URL");
  return url.empty() ? usual : url;
}

absl::Time AwsService::Now() const {
  base::MutexLock lock(&mu_);
  return settings_.clock->Now() + correction_;
}

void AwsService::Wait(absl::Duration duration) const {
  if (settings_.wait != nullptr) {
    settings_.wait(duration);
  } else {
    absl::SleepFor(duration);
  }
}

absl::StatusOr<http::Response> AwsService::Send(const AwsCall& call) {
  ASSIGN_OR_RETURN(const http::Url url, http::Url::Parse(call.endpoint), Doing(call));
  http::Request request{
      .method = "POST", .url = url.ToString(), .headers = call.headers, .body = call.body};
  if (call.keys != nullptr) {
    request.headers =
        SignAwsRequest({.method = request.method,
                        .url = url,
                        .headers = call.headers,
                        .body = request.body,
                        .region = call.region,
                        .service = call.signing_name.empty() ? call.service : call.signing_name,
                        .time = Now()},
                       *call.keys);
  }
  request.connect_timeout = absl::Seconds(10);
  request.total_timeout = absl::Seconds(30);
  return settings_.http->Send(request, kAnswerLimitBytes);
}

bool AwsService::CorrectTime(const http::Response& answer) {
  absl::Time date;
  std::string error;
  if (!absl::ParseTime("%a, %d %b %Y %H:%M:%S GMT", answer.headers.Find("Date").value_or(""), &date,
                       &error)) {
    return false;
  }
  base::MutexLock lock(&mu_);
  const absl::Duration correction = date - settings_.clock->Now();
  if (absl::AbsDuration(correction - correction_) < kLeastCorrection) return false;
  correction_ = correction;
  return true;
}

absl::StatusOr<std::string> AwsService::Call(const AwsCall& call) {
  base::Backoff backoff(absl::Milliseconds(200), absl::Seconds(5), Seed());
  bool corrected = false;
  for (int attempt = 1;; ++attempt) {
    const absl::StatusOr<http::Response> answer = Send(call);
    if (!answer.ok()) {
      const bool passing =
          absl::IsUnavailable(answer.status()) || absl::IsDeadlineExceeded(answer.status());
      if (!passing || attempt == kAttempts) {
        return base::Annotate(
            absl::Status(passing ? absl::StatusCode::kUnavailable : answer.status().code(),
                         absl::StrCat(answer.status().message(),
                                      "; check the region and this machine's network")),
            absl::StrCat("AWS ", call.service, " ", call.action));
      }
    } else if (answer->status == 200) {
      return answer->body;
    } else if (!corrected && call.keys != nullptr &&
               MayBeTime(ParseAwsError(answer->body,
                                       answer->headers.Find("X-Amzn-ErrorType").value_or(""))
                             .code) &&
               CorrectTime(*answer)) {
      corrected = true;
      continue;
    } else if (!IsPassing(*answer) || attempt == kAttempts) {
      return Refusal(call, *answer);
    }
    Wait(backoff.Next());
  }
}

absl::Status AwsService::Refusal(const AwsCall& call, const http::Response& answer) const {
  const AwsError error =
      ParseAwsError(answer.body, answer.headers.Find("X-Amzn-ErrorType").value_or(""));
  std::string text = absl::StrCat(Doing(call), ": HTTP ", answer.status);
  if (!error.code.empty()) absl::StrAppend(&text, " ", base::Quoted(error.code, 60));
  if (!error.message.empty()) absl::StrAppend(&text, " ", base::Quoted(error.message, 300));
  if (IsPassing(answer)) {
    return absl::UnavailableError(
        absl::StrCat(text, "; after ", kAttempts, " attempts; try again later"));
  }
  if (OneOf(error.code, {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})) {
    return absl::PermissionDeniedError(absl::StrCat(
        text, "; allow ", Whose(call), " the action ",
        call.signing_name.empty() ? call.service : call.signing_name, ":", call.action));
  }
  if (OneOf(error.code, {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"})) {
    return absl::UnauthenticatedError(
        absl::StrCat(text, "; ", Whose(call), " has expired; renew it"));
  }
  if (OneOf(error.code, {"UnrecognizedClientException", "InvalidClientTokenId", "AuthFailure",
                         "InvalidSignatureException", "SignatureDoesNotMatch",
                         "IncompleteSignature", "MissingAuthenticationToken", "NotAuthorized",
                         "InvalidAccessKeyId", "RequestTimeTooSkewed", "RequestExpired"})) {
    return absl::UnauthenticatedError(absl::StrCat(
        text, "; AWS does not accept ", Whose(call),
        "; check that key, secret and session token belong together, and this machine's clock"));
  }
  if (OneOf(error.code, {"InvalidIdentityToken", "IDPRejectedClaim"})) {
    return absl::UnauthenticatedError(absl::StrCat(
        text, "; check the file that AWS_WEB_IDENTITY_TOKEN_FILE names and the role's trust"));
  }
  return absl::FailedPreconditionError(
      absl::StrCat(text, "; check region, endpoint and ", Whose(call)));
}

absl::StatusOr<std::string> AwsService::AskMachine(const std::string& method,
                                                   const std::string& url,
                                                   const http::Headers& headers) {
  http::Request request{.method = method, .url = url, .headers = headers};
  request.direct = true;
  // These answer at once or not at all.
  request.connect_timeout = absl::Seconds(1);
  request.total_timeout = absl::Seconds(5);
  ASSIGN_OR_RETURN(http::Response answer, settings_.http->Send(request, kAnswerLimitBytes));
  if (answer.status == 200) return std::move(answer.body);
  const AwsError error = ParseAwsError(answer.body, "");
  return absl::UnavailableError(absl::StrCat(
      method, " ", url, ": HTTP ", answer.status, error.code.empty() ? "" : " ",
      error.code.empty() ? "" : base::Quoted(error.code, 60), error.message.empty() ? "" : " ",
      error.message.empty() ? "" : base::Quoted(error.message, 200)));
}

}  // namespace stevedore::credentials
