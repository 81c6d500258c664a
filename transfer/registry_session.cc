#include "transfer/registry_session.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/status.h"
#include "transfer/host_rules.h"
#include "transfer/registry_error.h"

namespace stevedore::transfer {
namespace {

// Error documents are short; who sends more is not read further.
constexpr uint64_t kErrorBodyLimitBytes = 64 << 10;
constexpr int kRedirectLimit = 5;
constexpr int kFirstContactRetries = 2;
// A mirror that failed is left alone for so long.
constexpr absl::Duration kMirrorPause = absl::Minutes(5);

uint64_t Seed() {
  const std::string bytes = base::RandomBytes(sizeof(uint64_t));
  uint64_t seed;
  memcpy(&seed, bytes.data(), sizeof seed);
  return seed;
}

void WaitReally(absl::Duration duration, std::stop_token stop) {
  base::Mutex mu;
  base::CondVar changed;
  const std::stop_callback wake(stop, [&] {
    base::MutexLock lock(&mu);
    changed.SignalAll();
  });
  const absl::Time end = absl::Now() + duration;
  base::MutexLock lock(&mu);
  while (!stop.stop_requested() && absl::Now() < end) changed.WaitFor(&mu, end - absl::Now());
}

// "host:port" in lists that may name either the host or host and port.
template <typename Map>
auto FindHost(const Map& map, const std::string& registry) {
  const auto it = map.find(registry);
  if (it != map.end() || absl::StartsWith(registry, "[")) return it;
  return map.find(registry.substr(0, registry.find(':')));
}

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// Whether `scope` asks for nothing that `wanted` does not ask for already.
bool Covered(absl::string_view scope, const std::vector<std::string>& wanted) {
  const size_t colon = scope.rfind(':');
  if (colon == absl::string_view::npos) return false;
  const std::vector<absl::string_view> actions = absl::StrSplit(scope.substr(colon + 1), ',');
  for (const std::string& other : wanted) {
    if (!absl::StartsWith(other, scope.substr(0, colon + 1))) continue;
    const std::vector<absl::string_view> have =
        absl::StrSplit(absl::string_view(other).substr(colon + 1), ',');
    if (std::all_of(actions.begin(), actions.end(), [&](absl::string_view action) {
          return std::find(have.begin(), have.end(), action) != have.end();
        })) {
      return true;
    }
  }
  return false;
}

std::string ScopeKey(const Call& call) {
  return absl::StrCat(call.repository.Name(), call.push ? " push" : "", " ", call.also_pull, " ",
                      call.scope);
}

}  // namespace

Retries::Retries(const RegistryClientOptions* options, int limit)
    : options_(options),
      limit_(limit),
      backoff_(std::in_place, options->first_wait, options->longest_wait, Seed()) {}

bool Retries::Again(std::optional<absl::Duration> hint, std::stop_token stop) {
  if (used_ >= limit_ || stop.stop_requested()) return false;
  ++used_;
  ++attempts_;
  const absl::Duration own = backoff_->Next();
  const absl::Duration wait = std::min(hint.value_or(own), options_->longest_wait);
  if (options_->wait != nullptr) {
    options_->wait(wait, stop);
  } else {
    WaitReally(wait, stop);
  }
  return !stop.stop_requested();
}

void Retries::Restart() {
  used_ = 0;
  backoff_.emplace(options_->first_wait, options_->longest_wait, Seed());
}

RegistrySession::RegistrySession(http::Client* http,
                                 const credentials::CredentialStore* credentials,
                                 RegistryClientOptions options)
    : http_(http),
      credentials_(credentials),
      options_(std::move(options)),
      tokens_(http, &base::Clock::System()) {}

bool RegistrySession::AnswersTls(const std::string& host, const http::TlsOptions& tls,
                                 std::stop_token stop) {
  {
    base::MutexLock lock(&mu_);
    if (const auto it = answers_tls_.find(host); it != answers_tls_.end()) return it->second;
  }
  http::Request probe{.method = "HEAD", .url = absl::StrCat("https://", host, "/v2/")};
  probe.tls = tls;
  probe.connect_timeout = options_.connect_timeout;
  probe.idle_timeout = options_.connect_timeout;
  probe.head_timeout = 2 * options_.connect_timeout;
  probe.stop = stop;
  const absl::Status status = http_->Send(probe, kErrorBodyLimitBytes).status();
  // Nobody there: not known yet, the plain attempt will say so.
  if (!status.ok() && status.code() != absl::StatusCode::kFailedPrecondition) return false;
  base::MutexLock lock(&mu_);
  return answers_tls_[host] = status.ok();
}

absl::StatusOr<HostSettings> RegistrySession::Settings(const oci::Reference& repository) {
  const std::string& registry = repository.registry();
  {
    base::MutexLock lock(&mu_);
    if (const auto it = settings_.find(registry); it != settings_.end()) return it->second;
  }
  HostSettings settings;
  if (options_.host_settings != nullptr) {
    ASSIGN_OR_RETURN(settings, options_.host_settings(registry));
  }
  base::MutexLock lock(&mu_);
  return settings_[registry] = std::move(settings);
}

absl::StatusOr<RegistrySession::Endpoint> RegistrySession::FindEndpoint(
    const oci::Reference& repository, std::stop_token stop) {
  const std::string host = repository.ApiHost();
  ASSIGN_OR_RETURN(const HostSettings settings, Settings(repository));
  if (settings.blocked) {
    return absl::FailedPreconditionError(
        absl::StrCat("registry ", repository.registry(), " is blocked",
                     settings.said_in.empty() ? "" : absl::StrCat(" by ", settings.said_in),
                     "; use another registry, or remove `blocked` there"));
  }
  Endpoint endpoint = {.base = {}, .tls = settings.tls, .token_hosts = options_.token_hosts};
  endpoint.token_hosts.insert(endpoint.token_hosts.end(), settings.token_hosts.begin(),
                              settings.token_hosts.end());
  std::string scheme = "https";
  const auto listed = [&](const std::string& name) {
    const std::vector<std::string>& hosts = options_.insecure_registries;
    return std::find(hosts.begin(), hosts.end(), name) != hosts.end();
  };
  if (const auto tls = FindHost(options_.tls_hosts, host); tls != options_.tls_hosts.end()) {
    endpoint.tls = tls->second;
  } else if (settings.insecure || listed(host) || listed(host.substr(0, host.rfind(':')))) {
    endpoint.tls.verify_server = false;
    if (!AnswersTls(host, endpoint.tls, stop)) scheme = "http";
  } else if (http::IsLoopbackHost(host) && !settings.has_certificates) {
    endpoint.plain_is_a_guess = true;
    base::MutexLock lock(&mu_);
    const auto known = answers_tls_.find(host);
    if (known == answers_tls_.end() || !known->second) scheme = "http";
  }
  ASSIGN_OR_RETURN(endpoint.base, http::Url::Parse(absl::StrCat(scheme, "://", host, "/")));
  return endpoint;
}

absl::StatusOr<std::vector<oci::Reference>> RegistrySession::Places(const oci::Reference& image) {
  ASSIGN_OR_RETURN(const HostSettings settings, Settings(image));
  std::vector<oci::Reference> places;
  // A blocked registry has no mirrors either; the own place says that it is blocked.
  if (!settings.blocked) {
    const absl::Duration now = base::Clock::System().SinceBoot();
    for (const std::string& mirror : settings.mirrors) {
      std::string text = absl::StrCat(mirror, "/", image.repository());
      if (!image.tag().empty()) absl::StrAppend(&text, ":", image.tag());
      if (!image.digest().empty()) absl::StrAppend(&text, "@", image.digest().ToString());
      ASSIGN_OR_RETURN(oci::Reference place, oci::Reference::Parse(text, {.tag = ""}), "mirror ",
                       base::Quoted(mirror), " of registry ", image.registry());
      base::MutexLock lock(&mu_);
      const auto failed = failed_mirrors_.find(place.registry());
      if (failed != failed_mirrors_.end() && now < failed->second) continue;
      places.push_back(std::move(place));
    }
  }
  places.push_back(image);
  return places;
}

void RegistrySession::MirrorFailed(const oci::Reference& place, const absl::Status& status) {
  base::Log(base::LogLevel::kDebug, "mirror not used",
            {{"mirror", place.Name()}, {"cause", status.message()}});
  if (absl::IsNotFound(status) || absl::IsCancelled(status)) return;
  base::MutexLock lock(&mu_);
  failed_mirrors_[place.registry()] = base::Clock::System().SinceBoot() + kMirrorPause;
}

int RegistrySession::RetryLimit(const Call& call) {
  if (!call.patient) return 0;
  base::MutexLock lock(&mu_);
  return answered_.contains(call.repository.registry())
             ? options_.retries
             : std::min(options_.retries, kFirstContactRetries);
}

absl::StatusOr<Answer> RegistrySession::Perform(const Call& call) {
  ASSIGN_OR_RETURN(Endpoint endpoint, FindEndpoint(call.repository, call.stop));
  const std::string& registry = call.repository.registry();
  std::optional<Retries> retries;
  while (true) {
    absl::StatusOr<Answer> answer = Attempt(call, endpoint);
    absl::Status failure = answer.status();
    std::optional<absl::Duration> hint;
    if (answer.ok()) {
      // What servers of TLS say to plain requests. Nothing secret was sent: they ask for it first.
      if (answer->status() == 400 && endpoint.plain_is_a_guess && endpoint.base.scheme == "http" &&
          call.body_source == nullptr &&
          AnswersTls(call.repository.ApiHost(), endpoint.tls, call.stop)) {
        ASSIGN_OR_RETURN(endpoint, FindEndpoint(call.repository, call.stop));
        continue;
      }
      {
        base::MutexLock lock(&mu_);
        answered_.insert(registry);
      }
      if (!IsPassing(answer->status()) || call.body_source != nullptr) return answer;
      hint = RetryAfter(answer->exchange->headers(), absl::Now());
      failure = Refusal(call, *answer);
    } else if (absl::IsFailedPrecondition(failure) && endpoint.base.scheme == "https") {
      // Not FAILED_PRECONDITION: no definition is at fault.
      return base::Annotate(absl::PermissionDeniedError(failure.message()),
                            absl::StrCat("registry ", registry,
                                         " (to accept any certificate or plain HTTP: "
                                         "--insecure-registry ",
                                         registry, ")"));
    } else if (!absl::IsUnavailable(failure) || call.body_source != nullptr) {
      return failure;
    }
    if (!retries.has_value()) retries.emplace(&options_, RetryLimit(call));
    const int attempts = retries->attempts();
    if (!retries->Again(hint, call.stop)) {
      if (call.stop.stop_requested()) return absl::CancelledError("cancelled");
      return absl::UnavailableError(
          absl::StrCat("registry ", registry, " cannot be used: ", failure.message(), "; tried ",
                       attempts, " times; check the address and that the registry runs"));
    }
    base::Log(base::LogLevel::kDebug, "registry request repeated",
              {{"registry", registry}, {"cause", failure.message()}});
  }
}

absl::StatusOr<Answer> RegistrySession::PerformOnce(const Call& call, absl::Duration limit) {
  ASSIGN_OR_RETURN(const Endpoint endpoint, FindEndpoint(call.repository, call.stop));
  return Attempt(call, endpoint, limit);
}

absl::StatusOr<Answer> RegistrySession::Attempt(const Call& call, const Endpoint& endpoint,
                                                absl::Duration limit) {
  ASSIGN_OR_RETURN(Identity identity, Identify(call, endpoint));
  ASSIGN_OR_RETURN(Answer answer, Send(call, endpoint, identity, limit));
  answer.credential = identity.credential;
  if (answer.status() != 401 || answer.url.Origin() != endpoint.base.Origin()) return answer;
  if (identity.token_request.has_value()) tokens_.Forget(*identity.token_request);
  RETURN_IF_ERROR(Learn(call, answer), "registry ", call.repository.registry());
  if (call.body_source != nullptr) return answer;
  const std::string tried = identity.authorization;
  ASSIGN_OR_RETURN(identity, Identify(call, endpoint));
  // Nothing new to say: the refusal stands.
  if (identity.authorization.empty() ||
      (identity.authorization == tried && !identity.token_request.has_value())) {
    return answer;
  }
  ASSIGN_OR_RETURN(answer, Send(call, endpoint, identity, limit));
  answer.credential = identity.credential;
  answer.identity_accepted = identity.token_request.has_value();
  return answer;
}

absl::StatusOr<Answer> RegistrySession::Send(const Call& call, const Endpoint& endpoint,
                                             const Identity& identity, absl::Duration limit) {
  ASSIGN_OR_RETURN(http::Url url, endpoint.base.Resolve(call.url));
  const bool reads = call.method == "GET" || call.method == "HEAD";
  for (int hop = 0; hop <= kRedirectLimit; ++hop) {
    http::Request request{.method = call.method, .url = url.ToString(), .headers = call.headers};
    request.body = call.body;
    request.body_source = call.body_source;
    request.body_size = call.body_size;
    request.connect_timeout = options_.connect_timeout;
    request.idle_timeout = options_.idle_timeout;
    request.total_timeout = std::min(limit, call.total_timeout);
    if (reads) request.head_timeout = options_.connect_timeout + options_.idle_timeout;
    request.stop = call.stop;
    // Identity and TLS settings belong to this origin alone.
    if (url.Origin() == endpoint.base.Origin()) {
      request.tls = endpoint.tls;
      if (!identity.authorization.empty()) {
        request.headers.Set("Authorization", identity.authorization);
      }
    } else {
      request.stranger_named_it = !http::IsLoopbackHost(endpoint.base.host);
    }
    if (options_.before_request != nullptr) RETURN_IF_ERROR(options_.before_request(call.stop));
    ASSIGN_OR_RETURN(std::unique_ptr<http::Exchange> exchange, http_->Start(request));
    ShowWarnings(call, exchange->headers());
    const auto location = exchange->headers().Find("Location");
    if (!reads || !IsRedirect(exchange->status()) || !location.has_value()) {
      return Answer{.exchange = std::move(exchange), .url = std::move(url)};
    }
    ASSIGN_OR_RETURN(http::Url target, url.Resolve(*location), "redirect of ", url.WithoutQuery());
    RETURN_IF_ERROR(CheckTarget(url, target), "redirect");
    url = std::move(target);
  }
  return absl::InternalError(absl::StrCat(call.method, " ", call.url, ": more than ",
                                          kRedirectLimit, " redirects, the last to ",
                                          url.WithoutQuery()));
}

std::vector<std::string> RegistrySession::Scopes(const Call& call) {
  std::vector<std::string> scopes;
  if (!call.whole_registry) {
    scopes.push_back(absl::StrCat("repository:", call.repository.repository(),
                                  call.push ? ":pull,push" : ":pull"));
  }
  if (!call.scope.empty()) scopes.push_back(call.scope);
  if (!call.also_pull.empty())
    scopes.push_back(absl::StrCat("repository:", call.also_pull, ":pull"));
  base::MutexLock lock(&mu_);
  if (const auto it = extra_scopes_.find(ScopeKey(call)); it != extra_scopes_.end()) {
    scopes.push_back(it->second);
  }
  return scopes;
}

absl::StatusOr<RegistrySession::Identity> RegistrySession::Identify(const Call& call,
                                                                    const Endpoint& endpoint) {
  const std::string& registry = call.repository.registry();
  Recipe recipe;
  {
    base::MutexLock lock(&mu_);
    if (const auto it = recipes_.find(registry); it != recipes_.end()) recipe = it->second;
  }
  Identity identity;
  if (recipe.scheme.empty()) return identity;  // Not asked yet, so nothing is told.
  ASSIGN_OR_RETURN(
      identity.credential,
      credentials_->Find(registry, call.whole_registry ? "" : call.repository.repository()),
      "credentials for ", registry);
  if (identity.credential.has_value() && !identity.credential->registry_token.empty()) {
    identity.authorization = absl::StrCat("Bearer ", identity.credential->registry_token.Reveal());
    return identity;
  }
  if (recipe.scheme == "basic") {
    if (!identity.credential.has_value()) return identity;
    if (!identity.credential->identity_token.empty()) {
      return absl::UnauthenticatedError(absl::StrCat(
          registry, " takes passwords only, but ", identity.credential->origin,
          " holds an identity token for it; log in again with a user name and password"));
    }
    identity.authorization = BasicAuthorization(*identity.credential);
    return identity;
  }
  ASSIGN_OR_RETURN(const http::Url realm, http::Url::Parse(recipe.realm),
                   "token service of registry ", registry);
  RETURN_IF_ERROR(CheckTokenService(endpoint.base, realm, identity.credential.has_value(),
                                    endpoint.token_hosts));
  TokenRequest request{.registry = registry,
                       .realm = recipe.realm,
                       .service = recipe.service,
                       .scopes = Scopes(call),
                       .credential = identity.credential,
                       .tls = {},
                       .stranger_named_it = realm.host != endpoint.base.host &&
                                            !http::IsLoopbackHost(endpoint.base.host)};
  const std::string host =
      absl::StrCat(realm.host, realm.port == 443 ? "" : absl::StrCat(":", realm.port));
  if (realm.Origin() == endpoint.base.Origin()) request.tls = endpoint.tls;
  if (const auto tls = FindHost(options_.tls_hosts, host); tls != options_.tls_hosts.end()) {
    request.tls = tls->second;
  }
  ASSIGN_OR_RETURN(const base::Secret token, tokens_.Get(request, call.stop));
  identity.authorization = absl::StrCat("Bearer ", token.Reveal());
  identity.token_request = std::move(request);
  return identity;
}

absl::Status RegistrySession::Learn(const Call& call, const Answer& answer) {
  Recipe recipe;
  std::string scope;
  for (const std::string& header : answer.exchange->headers().FindAll("WWW-Authenticate")) {
    ASSIGN_OR_RETURN(const std::vector<Challenge> challenges, ParseChallenges(header));
    for (const Challenge& challenge : challenges) {
      if (challenge.scheme == "bearer" && !challenge.Get("realm").empty()) {
        recipe = {"bearer", challenge.Get("realm"), challenge.Get("service")};
        scope = challenge.Get("scope");
      } else if (challenge.scheme == "basic" && recipe.scheme.empty()) {
        recipe.scheme = "basic";
      }
    }
  }
  if (recipe.scheme.empty()) return absl::OkStatus();  // The 401 itself will be reported.
  std::string extra;
  if (!scope.empty()) {
    const std::vector<std::string> wanted = Scopes(call);
    for (const absl::string_view part : absl::StrSplit(scope, ' ', absl::SkipEmpty())) {
      if (!Covered(part, wanted)) extra = scope;
    }
  }
  base::MutexLock lock(&mu_);
  recipes_[call.repository.registry()] = std::move(recipe);
  if (!extra.empty()) extra_scopes_[ScopeKey(call)] = std::move(extra);
  return absl::OkStatus();
}

void RegistrySession::ShowWarnings(const Call& call, const http::Headers& headers) {
  for (const std::string& warning : headers.FindAll("Warning")) {
    if (!absl::StartsWith(warning, "299 ")) continue;
    {
      base::MutexLock lock(&mu_);
      // A registry may invent a new one for each answer.
      if (warnings_shown_.size() > 100 || !warnings_shown_.insert(warning).second) continue;
    }
    const std::string text = base::Quoted(absl::string_view(warning).substr(4), 300);
    if (options_.warn != nullptr) {
      options_.warn(call.repository.registry(), text);
    } else {
      base::Log(base::LogLevel::kWarning, "registry warns",
                {{"registry", call.repository.registry()}, {"warning", text}});
    }
  }
}

absl::Status RegistrySession::Refusal(const Call& call, Answer& answer) const {
  std::string body;
  if (auto read = base::ReadAll(*answer.exchange, kErrorBodyLimitBytes); read.ok()) {
    body = *std::move(read);
  }
  const std::string& repository = call.repository.repository();
  return StatusFromAnswer(
      ErrorContext{.doing = absl::StrCat(call.method, " ", answer.url.WithoutQuery()),
                   .registry = call.repository.registry(),
                   .access = call.whole_registry
                                 ? ""
                                 : absl::StrCat(call.push ? "push to " : "pull from ", repository),
                   .credential = answer.credential,
                   .identity_accepted = answer.identity_accepted},
      answer.status(), body);
}

absl::StatusOr<std::string> RegistrySession::Location(const Answer& answer) const {
  const auto location = answer.exchange->headers().Find("Location");
  if (!location.has_value()) {
    return absl::InternalError(
        absl::StrCat(answer.url.WithoutQuery(), ": the answer names no Location for the upload"));
  }
  ASSIGN_OR_RETURN(const http::Url target, answer.url.Resolve(*location), "upload location");
  RETURN_IF_ERROR(CheckTarget(answer.url, target), "upload location");
  return target.ToString();
}

}  // namespace stevedore::transfer
