#include "transfer/docker_engine.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "http/url.h"
#include "nlohmann/json.hpp"
#include "oci/image/canonical_json.h"
#include "oci/image/reference.h"
#include "transfer/docker_engine_error.h"

namespace stevedore::transfer {
namespace {

using Json = nlohmann::json;

// By which engines look Docker Hub's login up.
constexpr absl::string_view kHubIndex = "https://index.docker.io/v1/";
constexpr uint64_t kMaxAnswerBytes = 64 << 20;
constexpr uint64_t kMaxErrorBytes = 64 << 10;
// Questions without work behind them. A busy engine may take long; a hanging one must not hold up
// a build for ever.
constexpr absl::Duration kQuestionTimeout = absl::Seconds(120);

std::pair<int, int> VersionNumbers(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, '.');
  int major = 0, minor = 0;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &major) ||
      !absl::SimpleAtoi(parts[1], &minor)) {
    return {0, 0};
  }
  return {major, minor};
}

bool Older(absl::string_view a, absl::string_view b) {
  return VersionNumbers(a) < VersionNumbers(b);
}

std::string TextOf(const Json& object, const char* member) {
  if (!object.is_object()) return "";
  const auto found = object.find(member);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::vector<std::string> TextsOf(const Json& object, const char* member) {
  std::vector<std::string> texts;
  const auto found = object.find(member);
  if (found == object.end() || !found->is_array()) return texts;
  for (const Json& item : *found) {
    if (item.is_string()) texts.push_back(item.get<std::string>());
  }
  return texts;
}

// A login as the API has it.
Json LoginOf(const credentials::Credential& login) {
  if (!login.registry_token.empty()) return {{"registrytoken", login.registry_token.Reveal()}};
  if (!login.identity_token.empty()) return {{"identitytoken", login.identity_token.Reveal()}};
  return {{"username", login.username}, {"password", login.password.Reveal()}};
}

std::string Header(const Json& json) {
  // URL-safe, but with padding: engines silently take a header without it for no login at all.
  const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  return absl::StrReplaceAll(absl::Base64Escape(text), {{"+", "-"}, {"/", "_"}});
}

// "name" and "tag or digest" as the API wants them apart.
std::pair<std::string, std::string> SplitReference(const std::string& reference) {
  const size_t at = reference.find('@');
  if (at != std::string::npos) return {reference.substr(0, at), reference.substr(at + 1)};
  const size_t colon = reference.rfind(':');
  const size_t slash = reference.rfind('/');
  if (colon == std::string::npos || (slash != std::string::npos && colon < slash)) {
    return {reference, "latest"};
  }
  return {reference.substr(0, colon), reference.substr(colon + 1)};
}

// References and ids have no characters that a path must escape but these.
std::string InPath(absl::string_view reference) {
  std::string path;
  for (const char c : reference) {
    const bool plain = absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                       absl::StrContains("/:@._-+", absl::string_view(&c, 1));
    if (plain) {
      path += c;
    } else {
      path += '%';
      path += absl::BytesToHexString(absl::string_view(&c, 1));
    }
  }
  return path;
}

}  // namespace

std::string DockerEngine::HostName() const {
  return address_.unix_socket.empty() ? absl::StrCat(address_.host, ":", address_.port) : "docker";
}

http::Request DockerEngine::RequestFor(const Call& call, absl::string_view version) const {
  http::Request request;
  request.method = call.method;
  request.url = absl::StrCat(address_.use_tls ? "https://" : "http://", HostName(),
                             version.empty() ? "" : "/v", version, call.path);
  for (const auto& [name, value] : call.query) {
    request.url = http::AddQuery(request.url, name, value);
  }
  request.headers = call.headers;
  request.body_source = call.body;
  request.body_size = call.body_size;
  request.tls = address_.tls;
  request.unix_socket = address_.unix_socket;
  request.idle_timeout = call.idle_timeout;
  request.total_timeout = call.timeout;
  request.stop = call.stop;
  return request;
}

absl::Status DockerEngine::Explain(const absl::Status& status) const {
  return ExplainEngineFailure(address_, status);
}

absl::Status DockerEngine::AnswerError(const Call& call, http::Exchange& exchange) const {
  const absl::StatusOr<std::string> body = base::ReadAll(exchange, kMaxErrorBytes);
  std::string text = body.value_or("");
  if (const absl::StatusOr<Json> json = oci::ParseJson(text); json.ok()) {
    if (const std::string message = TextOf(*json, "message"); !message.empty()) text = message;
  }
  text = std::string(absl::StripAsciiWhitespace(text));
  if (text.empty()) {
    text = absl::StrCat(call.method, " ", call.path, " was answered with HTTP status ",
                        exchange.status());
  }
  return EngineAnswerError(address_, exchange.status(), text);
}

absl::StatusOr<std::string> DockerEngine::Negotiate(std::stop_token stop) {
  {
    base::MutexLock lock(&mu_);
    if (!version_.empty()) return version_;
  }
  std::string version = address_.api_version;
  if (version.empty()) {
    const Call call{.path = "/_ping", .timeout = kQuestionTimeout, .stop = std::move(stop)};
    absl::StatusOr<std::unique_ptr<http::Exchange>> exchange = http_.Start(RequestFor(call, ""));
    if (!exchange.ok()) return Explain(exchange.status());
    if ((*exchange)->status() >= 400) return AnswerError(call, **exchange);
    const std::string newest = std::string((*exchange)->headers().Find("Api-Version").value_or(""));
    if (VersionNumbers(newest).first == 0) {
      return absl::UnavailableError(
          absl::StrCat("what answers at ", address_.ToString(),
                       " is no Docker engine (no Api-Version); set DOCKER_HOST to one"));
    }
    if (Older(newest, kOldestApi)) {
      return absl::UnavailableError(
          absl::StrCat("the Docker engine at ", address_.ToString(), " is too old: it speaks API ",
                       newest, ", needed is ", kOldestApi, " (Docker 18.06) or newer; update it"));
    }
    version = Older(newest, kNewestApi) ? newest : std::string(kNewestApi);
    (void)base::ReadAll(**exchange, kMaxErrorBytes);  // So that the connection serves again.
  }
  base::MutexLock lock(&mu_);
  version_ = version;
  return version;
}

absl::StatusOr<std::unique_ptr<http::Exchange>> DockerEngine::Start(const Call& call) {
  ASSIGN_OR_RETURN(const std::string version, Negotiate(call.stop));
  absl::StatusOr<std::unique_ptr<http::Exchange>> exchange = http_.Start(RequestFor(call, version));
  if (!exchange.ok()) return Explain(exchange.status());
  if ((*exchange)->status() >= 400) return AnswerError(call, **exchange);
  return exchange;
}

absl::StatusOr<std::string> DockerEngine::Fetch(const Call& call) {
  ASSIGN_OR_RETURN(const std::unique_ptr<http::Exchange> exchange, Start(call));
  absl::StatusOr<std::string> body = base::ReadAll(*exchange, kMaxAnswerBytes);
  if (!body.ok()) return Explain(body.status());
  return body;
}

absl::Status DockerEngine::ReadMessages(http::Exchange& exchange, OnMessage on_message) const {
  EngineMessageReader reader(&exchange);
  while (true) {
    absl::StatusOr<std::optional<EngineMessage>> message = reader.Next();
    if (!message.ok()) return Explain(message.status());
    if (!message->has_value()) return absl::OkStatus();
    RETURN_IF_ERROR(on_message(**message));
  }
}

absl::Status DockerEngine::RunStream(const Call& call, OnMessage on_message) {
  ASSIGN_OR_RETURN(const std::unique_ptr<http::Exchange> exchange, Start(call));
  return ReadMessages(*exchange, [&](const EngineMessage& message) {
    RETURN_IF_ERROR(on_message(message));
    if (message.error.empty()) return absl::OkStatus();
    return EngineReportedError(address_, message.error);
  });
}

absl::StatusOr<EngineVersion> DockerEngine::Version(std::stop_token stop) {
  ASSIGN_OR_RETURN(
      const std::string body,
      Fetch({.path = "/version", .timeout = kQuestionTimeout, .stop = std::move(stop)}));
  ASSIGN_OR_RETURN(const Json json, oci::ParseJson(body), "version of ", address_.ToString());
  return EngineVersion{.version = TextOf(json, "Version"),
                       .api_version = TextOf(json, "ApiVersion"),
                       .min_api_version = TextOf(json, "MinAPIVersion"),
                       .os = TextOf(json, "Os"),
                       .architecture = TextOf(json, "Arch")};
}

std::string DockerEngine::RegistryConfig(
    const std::map<std::string, credentials::Credential>& logins) {
  Json config = Json::object();
  for (const auto& [registry, login] : logins) {
    const std::string key = registry == oci::kDockerHub ? std::string(kHubIndex) : registry;
    config[key] = LoginOf(login);
  }
  return Header(config);
}

absl::Status DockerEngine::Build(const BuildInput& input, OnMessage on_message,
                                 std::stop_token stop) {
  Call call{.method = "POST",
            .path = "/build",
            .query = input.query,
            .body = input.context,
            .body_size = input.size,
            .timeout = input.timeout,
            .stop = std::move(stop)};
  call.headers.Add("Content-Type", "application/x-tar");
  call.headers.Add("X-Registry-Config", RegistryConfig(input.logins));
  ASSIGN_OR_RETURN(const std::unique_ptr<http::Exchange> exchange, Start(call));
  return ReadMessages(*exchange, on_message);
}

absl::StatusOr<std::optional<EngineImage>> DockerEngine::InspectImage(const std::string& reference,
                                                                      std::stop_token stop) {
  const absl::StatusOr<std::string> body =
      Fetch({.path = absl::StrCat("/images/", InPath(reference), "/json"),
             .timeout = kQuestionTimeout,
             .stop = std::move(stop)});
  if (absl::IsNotFound(body.status())) return std::nullopt;
  RETURN_IF_ERROR(body.status());
  ASSIGN_OR_RETURN(const Json json, oci::ParseJson(*body), "inspect ", reference);
  EngineImage image;
  image.id = TextOf(json, "Id");
  image.tags = TextsOf(json, "RepoTags");
  image.repo_digests = TextsOf(json, "RepoDigests");
  image.parent = TextOf(json, "Parent");
  if (json.contains("RootFS") && json.at("RootFS").is_object()) {
    image.diff_ids = TextsOf(json.at("RootFS"), "Layers");
  }
  if (image.id.empty()) {
    return absl::DataLossError(
        absl::StrCat("the engine at ", address_.ToString(), " says nothing of image ", reference));
  }
  return image;
}

absl::Status DockerEngine::LoadImages(base::ByteSource& archive, std::stop_token stop) {
  Call call{.method = "POST",
            .path = "/images/load",
            .query = {{"quiet", "1"}},
            .body = &archive,
            .stop = std::move(stop)};
  call.headers.Add("Content-Type", "application/x-tar");
  return RunStream(call, [](const EngineMessage&) { return absl::OkStatus(); });
}

absl::StatusOr<std::unique_ptr<base::ByteSource>> DockerEngine::ExportImage(
    const std::string& reference, std::stop_token stop) {
  ASSIGN_OR_RETURN(std::unique_ptr<http::Exchange> exchange,
                   Start({.path = absl::StrCat("/images/", InPath(reference), "/get"),
                          .stop = std::move(stop)}));
  return exchange;
}

absl::Status DockerEngine::TagImage(const std::string& id, const std::string& repository,
                                    const std::string& tag, std::stop_token stop) {
  return Fetch({.method = "POST",
                .path = absl::StrCat("/images/", InPath(id), "/tag"),
                .query = {{"repo", repository}, {"tag", tag}},
                .timeout = kQuestionTimeout,
                .stop = std::move(stop)})
      .status();
}

absl::Status DockerEngine::RemoveImage(const std::string& reference, Removal removal,
                                       std::stop_token stop) {
  const absl::Status status = Fetch({.method = "DELETE",
                                     .path = absl::StrCat("/images/", InPath(reference)),
                                     .query = {{"force", removal.force ? "1" : "0"},
                                               {"noprune", removal.with_parents ? "0" : "1"}},
                                     .timeout = kQuestionTimeout,
                                     .stop = std::move(stop)})
                                  .status();
  return absl::IsNotFound(status) ? absl::OkStatus() : status;
}

absl::Status DockerEngine::PullImage(const std::string& reference, const std::string& platform,
                                     const credentials::Credential* login, OnMessage on_message,
                                     std::stop_token stop) {
  const auto [name, tag] = SplitReference(reference);
  Call call{.method = "POST",
            .path = "/images/create",
            .query = {{"fromImage", name}, {"tag", tag}},
            .stop = std::move(stop)};
  if (!platform.empty()) call.query.push_back({"platform", platform});
  if (login != nullptr) call.headers.Add("X-Registry-Auth", Header(LoginOf(*login)));
  return RunStream(call, on_message);
}

absl::Status DockerEngine::PushImage(const std::string& reference,
                                     const credentials::Credential* login, OnMessage on_message,
                                     std::stop_token stop) {
  const auto [name, tag] = SplitReference(reference);
  Call call{.method = "POST",
            .path = absl::StrCat("/images/", InPath(name), "/push"),
            .query = {{"tag", tag}},
            .stop = std::move(stop)};
  // Engines want the header even without a login.
  call.headers.Add("X-Registry-Auth", login != nullptr ? Header(LoginOf(*login)) : "e30=");
  return RunStream(call, on_message);
}

absl::StatusOr<std::vector<EngineContainer>> DockerEngine::ListContainers(
    const std::map<std::string, std::vector<std::string>>& filters, std::stop_token stop) {
  ASSIGN_OR_RETURN(const std::string body,
                   Fetch({.path = "/containers/json",
                          .query = {{"all", "1"}, {"filters", Json(filters).dump()}},
                          .timeout = kQuestionTimeout,
                          .stop = std::move(stop)}));
  ASSIGN_OR_RETURN(const Json json, oci::ParseJson(body, kMaxAnswerBytes), "list of containers");
  std::vector<EngineContainer> containers;
  for (const Json& item : json) {
    containers.push_back({.id = TextOf(item, "Id"),
                          .image_id = TextOf(item, "ImageID"),
                          .command = TextOf(item, "Command"),
                          .state = TextOf(item, "State")});
  }
  return containers;
}

absl::StatusOr<bool> DockerEngine::HasContainer(const std::string& id, std::stop_token stop) {
  const absl::Status status = Fetch({.path = absl::StrCat("/containers/", InPath(id), "/json"),
                                     .timeout = kQuestionTimeout,
                                     .stop = std::move(stop)})
                                  .status();
  if (absl::IsNotFound(status)) return false;
  RETURN_IF_ERROR(status);
  return true;
}

absl::Status DockerEngine::RemoveContainer(const std::string& id, std::stop_token stop) {
  const absl::Status status = Fetch({.method = "DELETE",
                                     .path = absl::StrCat("/containers/", InPath(id)),
                                     .query = {{"force", "1"}, {"v", "1"}},
                                     .timeout = kQuestionTimeout,
                                     .stop = std::move(stop)})
                                  .status();
  return absl::IsNotFound(status) ? absl::OkStatus() : status;
}

absl::StatusOr<uint64_t> DockerEngine::PruneBuildLeftovers(std::stop_token stop) {
  uint64_t freed = 0;
  for (const char* path : {"/build/prune", "/images/prune"}) {
    ASSIGN_OR_RETURN(const std::string body, Fetch({.method = "POST", .path = path, .stop = stop}));
    ASSIGN_OR_RETURN(const Json json, oci::ParseJson(body, kMaxAnswerBytes), path);
    const auto space = json.find("SpaceReclaimed");
    if (space != json.end() && space->is_number_unsigned()) freed += space->get<uint64_t>();
  }
  return freed;
}

}  // namespace stevedore::transfer
