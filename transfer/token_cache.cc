#include "transfer/token_cache.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/hash.h"
#include "base/status.h"
#include "http/url.h"
#include "nlohmann/json.hpp"
#include "oci/image/canonical_json.h"
#include "transfer/registry_error.h"

namespace stevedore::transfer {
namespace {

// The token protocol's default and least lifetime.
constexpr absl::Duration kLeastLifetime = absl::Seconds(60);
// A token must still be good when the request that carries it arrives.
constexpr absl::Duration kExpiryMargin = absl::Seconds(10);
constexpr uint64_t kAnswerLimitBytes = 1 << 20;
// Forgotten tokens are dropped when there are more entries than a large build has repositories.
constexpr size_t kEntryLimit = 4096;
// Waiting for another thread's fetch looks for `stop` so often.
constexpr absl::Duration kStopCheck = absl::Milliseconds(100);

std::string Key(const TokenRequest& request) {
  // The identity is part of the key: a token of one user must never serve another.
  const std::string identity =
      request.credential.has_value()
          ? base::Sha256Hex(absl::StrCat(request.credential->username.size(), ":",
                                         request.credential->username,
                                         request.credential->password.Reveal(), "\n",
                                         request.credential->identity_token.Reveal()))
          : "anonymous";
  return absl::StrJoin({request.registry, request.realm, request.service,
                        absl::StrJoin(request.scopes, " "), identity},
                       "\n");
}

// What asks the service at `request.realm`: GET with the password, or, as OAuth2 has it, a POST
// that trades an identity token, or the password if `as_form`.
http::Request ServiceCall(const TokenRequest& request, bool as_form) {
  http::Request call{
      .url = request.realm, .tls = request.tls, .stranger_named_it = request.stranger_named_it};
  const bool has_identity_token =
      request.credential.has_value() && !request.credential->identity_token.empty();
  if (has_identity_token || (as_form && request.credential.has_value())) {
    const auto field = [&](absl::string_view name, absl::string_view value) {
      absl::StrAppend(&call.body, call.body.empty() ? "" : "&", name, "=",
                      http::EncodeQueryValue(value));
    };
    call.method = "POST";
    call.headers.Add("Content-Type", "application/x-www-form-urlencoded");
    field("grant_type", has_identity_token ? "refresh_token" : "password");
    field("client_id", "stevedore");
    field("service", request.service);
    if (!request.scopes.empty()) field("scope", absl::StrJoin(request.scopes, " "));
    if (has_identity_token) {
      field("refresh_token", request.credential->identity_token.Reveal());
    } else {
      field("username", request.credential->username);
      field("password", request.credential->password.Reveal());
    }
    return call;
  }
  if (!request.service.empty()) call.url = http::AddQuery(call.url, "service", request.service);
  for (const std::string& scope : request.scopes) {
    call.url = http::AddQuery(call.url, "scope", scope);
  }
  if (request.credential.has_value()) {
    call.url = http::AddQuery(call.url, "account", request.credential->username);
    call.headers.Add("Authorization", BasicAuthorization(*request.credential));
  }
  return call;
}

}  // namespace

absl::StatusOr<base::Secret> TokenCache::Get(const TokenRequest& request, std::stop_token stop) {
  const std::string key = Key(request);
  {
    base::MutexLock lock(&mu_);
    while (true) {
      const absl::Duration now = clock_->SinceBoot();
      if (entries_.size() > kEntryLimit) {
        std::erase_if(entries_, [now](const auto& item) {
          return !item.second.fetching && item.second.expires_at <= now;
        });
      }
      Entry& entry = entries_[key];
      if (!entry.token.empty() && now < entry.expires_at) return entry.token;
      if (!entry.fetching) {
        entry.fetching = true;
        break;
      }
      changed_.WaitFor(&mu_, kStopCheck);
      if (stop.stop_requested()) return absl::CancelledError("token request cancelled");
    }
  }
  absl::StatusOr<Fetched> fetched = Fetch(request, stop);
  base::MutexLock lock(&mu_);
  changed_.SignalAll();
  Entry& entry = entries_[key];
  entry.fetching = false;
  RETURN_IF_ERROR(fetched.status());
  entry.token = fetched->token;
  entry.expires_at = clock_->SinceBoot() + fetched->lifetime - kExpiryMargin;
  return std::move(fetched->token);
}

void TokenCache::Forget(const TokenRequest& request) {
  base::MutexLock lock(&mu_);
  if (const auto it = entries_.find(Key(request)); it != entries_.end()) {
    it->second.token = base::Secret();
  }
}

absl::StatusOr<TokenCache::Fetched> TokenCache::Fetch(const TokenRequest& request,
                                                      std::stop_token stop) const {
  const std::string doing = absl::StrCat("token for ", request.registry);
  http::Request call = ServiceCall(request, /*as_form=*/false);
  const auto send = [&]() -> absl::StatusOr<http::Response> {
    call.total_timeout = absl::Seconds(60);
    call.stop = stop;
    return http_->Send(call, kAnswerLimitBytes);
  };
  ASSIGN_OR_RETURN(http::Response answer, send(), doing);
  if ((answer.status == 404 || answer.status == 405) && call.method == "GET" &&
      request.credential.has_value()) {
    // A service that knows OAuth2 only.
    call = ServiceCall(request, /*as_form=*/true);
    ASSIGN_OR_RETURN(answer, send(), doing);
  }
  if (answer.status != 200) {
    const ErrorContext context{.doing = absl::StrCat(doing, " from ", request.realm),
                               .registry = request.registry,
                               .credential = request.credential};
    // Services say 403 as well as 401 to a wrong password, and OAuth2 says 400 to a bad token.
    const bool refused = answer.status == 403 || (answer.status == 400 && call.method == "POST");
    return StatusFromAnswer(context, refused ? 401 : answer.status, answer.body);
  }
  const auto parsed = oci::ParseJson(answer.body, kAnswerLimitBytes);
  const nlohmann::json json = parsed.ok() ? *parsed : nlohmann::json();
  for (const char* member : {"token", "access_token"}) {
    if (!json.is_object() || !json.contains(member) || !json[member].is_string()) continue;
    std::string token = json[member].get<std::string>();
    if (token.empty() || token.find_first_of("\r\n") != std::string::npos) continue;
    const auto lifetime = json.find("expires_in");
    const bool known = lifetime != json.end() && lifetime->is_number();
    return Fetched{base::Secret(std::move(token)),
                   std::max(kLeastLifetime,
                            known ? absl::Seconds(lifetime->get<double>()) : absl::ZeroDuration())};
  }
  return absl::InternalError(
      absl::StrCat(doing, ": the answer of ", request.realm, " holds no token"));
}

}  // namespace stevedore::transfer
