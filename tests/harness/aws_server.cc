#include "tests/harness/aws_server.h"

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "http/url.h"

namespace stevedore::testing {
namespace {

using http::testing::Connection;
using http::testing::LoopbackServer;
using http::testing::ReceivedRequest;

constexpr char kInstanceToken[] = "metadata-token";
constexpr absl::Duration kSkewLimit = absl::Minutes(5);

std::string Decode(absl::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out += absl::HexStringToBytes(text.substr(i + 1, 2));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

std::map<std::string, std::string> Form(const std::string& body) {
  std::map<std::string, std::string> form;
  for (const absl::string_view part : absl::StrSplit(body, '&', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(part, absl::MaxSplits('=', 1));
    form[Decode(pair.first)] = Decode(pair.second);
  }
  return form;
}

std::string Between(const std::string& text, absl::string_view from, absl::string_view to) {
  const size_t start = text.find(std::string(from));
  if (start == std::string::npos) return "";
  const size_t begin = start + from.size();
  return text.substr(begin, text.find(std::string(to), begin) - begin);
}

std::string Refused(bool json, const std::string& code, const std::string& message) {
  if (json)
    return nlohmann::json({{"__type", "com.amazonaws#" + code}, {"message", message}}).dump();
  return absl::StrCat("<ErrorResponse><Error><Code>", code, "</Code><Message>", message,
                      "</Message></Error></ErrorResponse>");
}

std::string KeysJson(const credentials::AwsKeys& keys) {
  return nlohmann::json({{"Code", "Success"},
                         {"AccessKeyId", keys.access_key_id},
                         {"SecretAccessKey", keys.secret_access_key.Reveal()},
                         {"Token", keys.session_token.Reveal()},
                         {"Expiration", absl::FormatTime(absl::RFC3339_sec, keys.expires_at,
                                                         absl::UTCTimeZone())}})
      .dump();
}

}  // namespace

absl::StatusOr<std::unique_ptr<AwsServer>> AwsServer::Start(const base::Clock* clock) {
  std::unique_ptr<AwsServer> server(new AwsServer(clock));
  server->AddKeys({"AKIDTEST", base::Secret("very/secret+key")});
  ASSIGN_OR_RETURN(server->server_,
                   LoopbackServer::Start(
                       [self = server.get()](Connection& connection) { self->Serve(connection); }));
  return server;
}

void AwsServer::AddKeys(const credentials::AwsKeys& keys) {
  base::MutexLock lock(&mu_);
  keys_[keys.access_key_id] = keys;
}

void AwsServer::Deny(const std::string& access_key_id) {
  base::MutexLock lock(&mu_);
  denied_.insert(access_key_id);
}

void AwsServer::AddRole(const std::string& arn, const Role& role) {
  base::MutexLock lock(&mu_);
  roles_[arn] = role;
}

void AwsServer::set_instance_role(const std::string& name) {
  base::MutexLock lock(&mu_);
  instance_role_ = name;
}

void AwsServer::set_container_token(const std::string& token) {
  base::MutexLock lock(&mu_);
  container_token_ = token;
}

void AwsServer::set_password(const std::string& password) {
  base::MutexLock lock(&mu_);
  password_ = password;
}

void AwsServer::set_password_lifetime(absl::Duration lifetime) {
  base::MutexLock lock(&mu_);
  password_lifetime_ = lifetime;
}

void AwsServer::FailNext(int count, int status, const std::string& code) {
  base::MutexLock lock(&mu_);
  fail_count_ = count;
  fail_status_ = status;
  fail_code_ = code;
}

AwsServer::Counts AwsServer::counts() const {
  base::MutexLock lock(&mu_);
  return counts_;
}

std::string AwsServer::last_identity() const {
  base::MutexLock lock(&mu_);
  return last_identity_;
}

std::string AwsServer::last_region() const {
  base::MutexLock lock(&mu_);
  return last_region_;
}

void AwsServer::Serve(Connection& connection) {
  while (true) {
    const absl::StatusOr<ReceivedRequest> request = connection.ReadRequest();
    if (!request.ok()) return;
    const absl::StatusOr<std::string> body = connection.ReadExactly(request->ContentLength());
    if (!body.ok()) return;
    const Reply reply = Handle(*request, *body);
    const std::string date =
        absl::FormatTime("%a, %d %b %Y %H:%M:%S GMT", clock_->Now(), absl::UTCTimeZone());
    if (!connection.Answer(reply.status, {{"Date", date}}, reply.body).ok()) return;
  }
}

AwsServer::Reply AwsServer::Handle(const ReceivedRequest& request, const std::string& body) {
  base::MutexLock lock(&mu_);
  if (request.target != "/") return Machine(request);
  const bool ecr = request.headers.Find("X-Amz-Target").has_value();
  ++(ecr ? counts_.ecr : counts_.sts);
  if (fail_count_ > 0) {
    --fail_count_;
    return {fail_status_, Refused(ecr, fail_code_, "as the test wants it")};
  }
  const auto form = Form(body);
  const auto action = form.find("Action");
  std::string key_id;
  if (ecr || action == form.end() || action->second != "AssumeRoleWithWebIdentity") {
    if (auto refusal = CheckSignature(request, body, &key_id); refusal.has_value()) return *refusal;
  }
  if (!ecr) return Sts(form, key_id);
  if (!absl::EndsWith(*request.headers.Find("X-Amz-Target"), ".GetAuthorizationToken")) {
    return {400, Refused(true, "UnknownOperationException", "no such action")};
  }
  return Ecr(key_id);
}

std::optional<AwsServer::Reply> AwsServer::CheckSignature(const ReceivedRequest& request,
                                                          const std::string& body,
                                                          std::string* key_id) {
  const bool json = request.headers.Find("X-Amz-Target").has_value();
  const auto refuse = [&](const char* json_code, const char* xml_code, const char* why) {
    return Reply{json ? 400 : 403, Refused(json, json ? json_code : xml_code, why)};
  };
  const std::string given = request.headers.Find("Authorization").value_or("");
  const std::vector<std::string> scope = absl::StrSplit(Between(given, "Credential=", ","), '/');
  if (scope.size() != 5) {
    return refuse("MissingAuthenticationTokenException", "MissingAuthenticationToken", "unsigned");
  }
  *key_id = scope[0];
  last_region_ = scope[2];
  const auto keys = keys_.find(*key_id);
  if (keys == keys_.end() || keys->second.session_token.Reveal() !=
                                 request.headers.Find("X-Amz-Security-Token").value_or("")) {
    return refuse("UnrecognizedClientException", "InvalidClientTokenId",
                  "The security token included in the request is invalid.");
  }
  absl::Time time;
  std::string error;
  std::string date = request.headers.Find("X-Amz-Date").value_or("");
  // 20150830T123600Z: with the signs that the parser needs between the numbers.
  if (date.size() == 16) {
    for (const size_t at : {13, 11}) date.insert(at, ":");
    for (const size_t at : {6, 4}) date.insert(at, "-");
  }
  if (!absl::ParseTime(absl::RFC3339_sec, date, &time, &error) ||
      absl::AbsDuration(time - clock_->Now()) > kSkewLimit) {
    return refuse("InvalidSignatureException", "SignatureDoesNotMatch",
                  "Signature expired: the time is not ours");
  }
  if (clock_->Now() >= keys->second.expires_at) {
    return refuse("ExpiredTokenException", "ExpiredToken", "The security token is expired");
  }
  http::Headers headers;
  for (const absl::string_view name : absl::StrSplit(Between(given, "SignedHeaders=", ","), ';')) {
    if (name != "host") headers.Set(name, request.headers.Find(name).value_or(""));
  }
  const auto url = http::Url::Parse(
      absl::StrCat("http://", request.headers.Find("Host").value_or(""), request.target));
  if (!url.ok() || credentials::AwsAuthorization({.method = request.method,
                                                  .url = *url,
                                                  .headers = headers,
                                                  .body = body,
                                                  .region = scope[2],
                                                  .service = scope[3],
                                                  .time = time},
                                                 keys->second) != given) {
    return refuse("InvalidSignatureException", "SignatureDoesNotMatch",
                  "The request signature we calculated does not match the signature you provided.");
  }
  return std::nullopt;
}

AwsServer::Reply AwsServer::Ecr(const std::string& key_id) {
  if (denied_.count(key_id) > 0) {
    return {400, Refused(true, "AccessDeniedException",
                         absl::StrCat(key_id,
                                      " is not authorized to perform: "
                                      "ecr:GetAuthorizationToken"))};
  }
  last_identity_ = keys_[key_id].origin.empty() ? key_id : keys_[key_id].origin;
  const std::string password =
      password_.empty() ? absl::StrCat("password-", counts_.ecr) : password_;
  const nlohmann::json token = {
      {"authorizationToken", absl::Base64Escape(absl::StrCat("AWS:", password))},
      {"expiresAt", static_cast<double>(absl::ToUnixSeconds(clock_->Now() + password_lifetime_))},
      {"proxyEndpoint", "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com"}};
  return {200, nlohmann::json({{"authorizationData", {token}}}).dump()};
}

AwsServer::Reply AwsServer::Sts(const std::map<std::string, std::string>& form,
                                const std::string& key_id) {
  const auto field = [&](const char* name) {
    const auto it = form.find(name);
    return it == form.end() ? std::string() : it->second;
  };
  const auto denied = [&](const char* code) {
    return Reply{403, Refused(false, code, "not allowed to assume the role")};
  };
  const std::string arn = field("RoleArn");
  const auto role = roles_.find(arn);
  if (role == roles_.end() || field("RoleSessionName").empty()) return denied("AccessDenied");
  if (field("Action") == "AssumeRoleWithWebIdentity") {
    if (role->second.web_token.empty() || field("WebIdentityToken") != role->second.web_token) {
      return denied("InvalidIdentityToken");
    }
  } else if ((!role->second.by_key.empty() && role->second.by_key != key_id) ||
             role->second.external_id != field("ExternalId")) {
    return denied("AccessDenied");
  }
  const credentials::AwsKeys keys = MakeKeys(absl::StrCat("role ", arn));
  return {200,
          absl::StrCat("<Response><Result><Credentials><AccessKeyId>", keys.access_key_id,
                       "</AccessKeyId><SecretAccessKey>", keys.secret_access_key.Reveal(),
                       "</SecretAccessKey><SessionToken>", keys.session_token.Reveal(),
                       "</SessionToken><Expiration>",
                       absl::FormatTime(absl::RFC3339_sec, keys.expires_at, absl::UTCTimeZone()),
                       "</Expiration></Credentials></Result></Response>")};
}

AwsServer::Reply AwsServer::Machine(const ReceivedRequest& request) {
  const std::string list = "/latest/meta-data/iam/security-credentials/";
  if (request.target == "/container") {
    ++counts_.container;
    if (request.headers.Find("Authorization").value_or("") != container_token_) {
      return {401, R"({"code":"AccessDenied","message":"wrong token"})"};
    }
    return {200, KeysJson(MakeKeys("role container"))};
  }
  ++counts_.instance;
  if (instance_role_.empty()) return {404, ""};
  if (request.method == "PUT" && request.target == "/latest/api/token")
    return {200, kInstanceToken};
  if (request.headers.Find("X-aws-ec2-metadata-token") != kInstanceToken) return {401, ""};
  if (request.target == list) return {200, instance_role_};
  if (request.target == list + instance_role_) {
    return {200, KeysJson(MakeKeys(absl::StrCat("role ", instance_role_)))};
  }
  return {404, ""};
}

credentials::AwsKeys AwsServer::MakeKeys(const std::string& identity) {
  const std::string number = absl::StrCat(keys_.size());
  credentials::AwsKeys keys{.access_key_id = "ASIATEST" + number,
                            .secret_access_key = base::Secret("temporary/secret" + number),
                            .session_token = base::Secret("session+token/" + number),
                            .expires_at = clock_->Now() + absl::Hours(1),
                            .origin = identity};
  keys_[keys.access_key_id] = keys;
  return keys;
}

}  // namespace stevedore::testing
