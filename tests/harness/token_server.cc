#include "tests/harness/token_server.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "base/hash.h"
#include "base/status.h"
#include "nlohmann/json.hpp"
#include "tests/harness/process.h"

namespace stevedore::testing {
namespace {

using http::testing::Connection;
using http::testing::LoopbackServer;
using http::testing::ReceivedRequest;

// Undoes percent-encoding.
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

std::vector<std::string> Values(const std::string& target, absl::string_view name) {
  std::vector<std::string> values;
  const size_t query = target.find('?');
  if (query == std::string::npos) return values;
  for (const absl::string_view part : absl::StrSplit(target.substr(query + 1), '&')) {
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(part, absl::MaxSplits('=', 1));
    if (pair.first == name) values.push_back(Decode(pair.second));
  }
  return values;
}

// JWTs use the URL-safe alphabet without padding.
std::string Base64Url(absl::string_view bytes) {
  std::string text = absl::WebSafeBase64Escape(bytes);
  while (!text.empty() && text.back() == '=') text.pop_back();
  return text;
}

}  // namespace

TokenServer::TokenServer(std::string username, std::string password, bool anonymous_pull,
                         base::TemporaryDirectory directory)
    : username_(std::move(username)),
      password_(std::move(password)),
      anonymous_pull_(anonymous_pull),
      directory_(std::move(directory)) {}

absl::StatusOr<std::unique_ptr<TokenServer>> TokenServer::Start(std::string username,
                                                                std::string password,
                                                                bool anonymous_pull) {
  ASSIGN_OR_RETURN(base::TemporaryDirectory directory, base::TemporaryDirectory::Create());
  std::unique_ptr<TokenServer> server(new TokenServer(std::move(username), std::move(password),
                                                      anonymous_pull, std::move(directory)));
  RETURN_IF_ERROR(server->MakeKey());
  ASSIGN_OR_RETURN(server->server_,
                   LoopbackServer::Start(
                       [self = server.get()](Connection& connection) { self->Serve(connection); }));
  return server;
}

absl::Status TokenServer::MakeKey() {
  key_file_ = base::JoinPath(directory_.path(), "token.key");
  certificate_file_ = base::JoinPath(directory_.path(), "token.pem");
  ASSIGN_OR_RETURN(const ProcessResult made,
                   Process::Run({.argv = {"openssl", "req", "-x509", "-newkey", "rsa:2048",
                                          "-nodes", "-keyout", key_file_, "-out", certificate_file_,
                                          "-days", "2", "-subj", "/CN=token"}}));
  if (made.exit_code != 0) return absl::InternalError(absl::StrCat("openssl req: ", made.err));
  ASSIGN_OR_RETURN(const std::string pem, base::ReadFile(certificate_file_));
  for (const absl::string_view line : absl::StrSplit(pem, '\n')) {
    if (!absl::StartsWith(line, "-----")) absl::StrAppend(&certificate_, line);
  }
  return absl::OkStatus();
}

void TokenServer::set_lifetime(absl::Duration lifetime) {
  base::MutexLock lock(&mu_);
  lifetime_ = lifetime;
}

void TokenServer::Serve(Connection& connection) {
  while (true) {
    const absl::StatusOr<ReceivedRequest> request = connection.ReadRequest();
    if (!request.ok()) return;
    const std::string authorization = request->headers.Find("Authorization").value_or("");
    const bool anonymous = authorization.empty() && anonymous_pull_;
    const std::string right =
        absl::StrCat("Basic ", absl::Base64Escape(absl::StrCat(username_, ":", password_)));
    if (authorization != right && !anonymous) {
      ++refused_count_;
      (void)connection.Answer(401, {}, R"({"details":"incorrect username or password"})");
      continue;
    }
    const absl::StatusOr<std::string> token =
        MakeToken(anonymous ? "" : username_, Values(request->target, "scope"));
    if (!token.ok()) {
      (void)connection.Answer(500, {}, token.status().ToString());
      return;
    }
    ++token_count_;
    const nlohmann::json answer = {{"token", *token}, {"expires_in", 300}};
    (void)connection.Answer(200, {{"Content-Type", "application/json"}}, answer.dump());
  }
}

absl::StatusOr<std::string> TokenServer::MakeToken(const std::string& user,
                                                   const std::vector<std::string>& scopes) {
  nlohmann::json access = nlohmann::json::array();
  for (const std::string& scope : scopes) {
    const std::vector<std::string> parts = absl::StrSplit(scope, ':');
    if (parts.size() != 3) continue;
    nlohmann::json actions = nlohmann::json::array();
    for (const absl::string_view action : absl::StrSplit(parts[2], ',')) {
      if (!user.empty() || action == "pull") actions.push_back(std::string(action));
    }
    access.push_back({{"type", parts[0]}, {"name", parts[1]}, {"actions", actions}});
  }
  absl::Duration lifetime;
  {
    base::MutexLock lock(&mu_);
    lifetime = lifetime_;
  }
  const int64_t now = absl::ToUnixSeconds(absl::Now());
  const nlohmann::json header = {
      {"typ", "JWT"}, {"alg", "RS256"}, {"x5c", nlohmann::json::array({certificate_})}};
  const nlohmann::json claims = {{"iss", kIssuer},
                                 {"sub", user},
                                 {"aud", kService},
                                 {"exp", now + absl::ToInt64Seconds(lifetime)},
                                 {"nbf", now - 60},
                                 {"iat", now},
                                 {"jti", base::RandomHex(8)},
                                 {"access", access}};
  const std::string text = absl::StrCat(Base64Url(header.dump()), ".", Base64Url(claims.dump()));
  ASSIGN_OR_RETURN(
      const ProcessResult made,
      Process::Run({.argv = {"openssl", "dgst", "-sha256", "-sign", key_file_}, .input = text}));
  if (made.exit_code != 0) return absl::InternalError(absl::StrCat("openssl dgst: ", made.err));
  return absl::StrCat(text, ".", Base64Url(made.out));
}

}  // namespace stevedore::testing
