#include "transfer/docker_engine_address.h"

#include <cstdlib>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/status.h"
#include "nlohmann/json.hpp"
#include "oci/image/canonical_json.h"

namespace stevedore::transfer {
namespace {

using Json = nlohmann::json;
using Environment = std::map<std::string, std::string>;

constexpr int kPlainPort = 2375;
constexpr int kTlsPort = 2376;
constexpr uint64_t kMaxConfigBytes = 4 << 20;

std::string Get(const Environment& environment, const std::string& name) {
  const auto found = environment.find(name);
  return found == environment.end() ? "" : found->second;
}

std::string TextMember(const Json& json, const char* name) {
  if (!json.is_object()) return "";
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

Json Member(const Json& json, const char* name) {
  if (!json.is_object() || !json.contains(name)) return Json();
  return json.at(name);
}

absl::StatusOr<Json> ReadJson(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, base::ReadFile(path, kMaxConfigBytes));
  ASSIGN_OR_RETURN(Json json, oci::ParseJson(text), path);
  return json;
}

absl::Status ParsePort(absl::string_view text, absl::string_view address, int* port) {
  if (absl::SimpleAtoi(text, port) && *port > 0 && *port < 65536) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(base::Quoted(address), ": ", base::Quoted(text),
                                                 " is no port; write tcp://HOST:PORT"));
}

// Files of `folder` that are there; a client certificate only with its key.
void UseCertificates(const std::string& folder, http::TlsOptions* tls) {
  const std::string ca = base::JoinPath(folder, "ca.pem");
  const std::string certificate = base::JoinPath(folder, "cert.pem");
  const std::string key = base::JoinPath(folder, "key.pem");
  if (base::Exists(ca)) tls->ca_file = ca;
  if (base::Exists(certificate) && base::Exists(key)) {
    tls->client_certificate_file = certificate;
    tls->client_key_file = key;
  }
}

absl::StatusOr<DockerEngineAddress> FromContext(const std::string& name,
                                                const std::string& config_folder) {
  const std::string id = base::Sha256Hex(name);
  const std::string path =
      base::JoinPath(config_folder, absl::StrCat("contexts/meta/", id, "/meta.json"));
  const absl::StatusOr<Json> meta = ReadJson(path);
  if (absl::IsNotFound(meta.status())) {
    return absl::NotFoundError(
        absl::StrCat("docker context ", base::Quoted(name), " is not there (", path,
                     "); create it, choose another one with DOCKER_CONTEXT, or set DOCKER_HOST"));
  }
  RETURN_IF_ERROR(meta.status(), "docker context ", name);
  const Json endpoint = Member(Member(*meta, "Endpoints"), "docker");
  const std::string host = TextMember(endpoint, "Host");
  if (host.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": has no Endpoints.docker.Host"));
  }
  ASSIGN_OR_RETURN(DockerEngineAddress address, DockerEngineAddress::Parse(host), "docker context ",
                   name);
  const std::string certificates =
      base::JoinPath(config_folder, absl::StrCat("contexts/tls/", id, "/docker"));
  if (address.unix_socket.empty() && base::Exists(certificates)) {
    address.use_tls = true;
    UseCertificates(certificates, &address.tls);
  }
  const Json skip = Member(endpoint, "SkipTLSVerify");
  address.tls.verify_server = !(skip.is_boolean() && skip.get<bool>());
  address.origin = absl::StrCat("docker context ", name);
  return address;
}

std::string ConfigFolder(const Environment& environment) {
  const std::string folder = Get(environment, "DOCKER_CONFIG");
  if (!folder.empty()) return folder;
  const std::string home = Get(environment, "HOME");
  return home.empty() ? "" : base::JoinPath(home, ".docker");
}

// The context that is chosen, or "".
std::string ContextName(const Environment& environment, const std::string& config_folder) {
  std::string name = Get(environment, "DOCKER_CONTEXT");
  if (name.empty() && !config_folder.empty()) {
    // A config.json that cannot be read is the credential store's to complain about.
    const absl::StatusOr<Json> config = ReadJson(base::JoinPath(config_folder, "config.json"));
    if (config.ok()) name = TextMember(*config, "currentContext");
  }
  return name == "default" ? "" : name;
}

}  // namespace

std::string DockerEngineAddress::ToString() const {
  if (!unix_socket.empty()) return absl::StrCat("unix://", unix_socket);
  return absl::StrCat("tcp://", host, ":", port);
}

absl::StatusOr<DockerEngineAddress> DockerEngineAddress::Parse(absl::string_view text) {
  DockerEngineAddress address;
  absl::string_view rest = text;
  if (absl::ConsumePrefix(&rest, "unix://")) {
    if (!absl::StartsWith(rest, "/")) {
      return absl::InvalidArgumentError(absl::StrCat(
          base::Quoted(text), ": a unix socket needs its full path, unix:///var/run/docker.sock"));
    }
    address.unix_socket = std::string(rest);
    return address;
  }
  if (absl::StartsWith(text, "ssh://")) {
    return absl::InvalidArgumentError(absl::StrCat(
        base::Quoted(text), ": engines are not reached over ssh by themselves; forward the socket ",
        "(ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock HOST) and set ",
        "DOCKER_HOST=unix:///tmp/docker.sock"));
  }
  address.unix_socket.clear();
  if (absl::ConsumePrefix(&rest, "https://")) {
    address.use_tls = true;
  } else if (!absl::ConsumePrefix(&rest, "tcp://") && !absl::ConsumePrefix(&rest, "http://")) {
    return absl::InvalidArgumentError(
        absl::StrCat(base::Quoted(text), " is no address of an engine; write unix:///PATH or ",
                     "tcp://HOST:PORT"));
  }
  absl::ConsumeSuffix(&rest, "/");
  const size_t colon = rest.rfind(':');
  const bool has_port = colon != absl::string_view::npos && !absl::EndsWith(rest, "]");
  address.port = address.use_tls ? kTlsPort : kPlainPort;
  if (has_port) RETURN_IF_ERROR(ParsePort(rest.substr(colon + 1), text, &address.port));
  address.host = std::string(rest.substr(0, has_port ? colon : rest.size()));
  if (address.host.empty() || address.host.find_first_of("/@ ?#") != std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat(base::Quoted(text), ": ",
                                                   base::Quoted(address.host),
                                                   " is no host; write tcp://HOST:PORT"));
  }
  return address;
}

absl::StatusOr<DockerEngineAddress> DockerEngineAddress::FromEnvironment(
    const Environment& environment) {
  DockerEngineAddress address;
  const std::string host = Get(environment, "DOCKER_HOST");
  const std::string config_folder = ConfigFolder(environment);
  if (!host.empty()) {
    ASSIGN_OR_RETURN(address, Parse(host), "DOCKER_HOST");
    address.origin = "DOCKER_HOST";
  } else if (const std::string name = ContextName(environment, config_folder); !name.empty()) {
    ASSIGN_OR_RETURN(address, FromContext(name, config_folder));
  }
  const std::string certificates = Get(environment, "DOCKER_CERT_PATH");
  const bool verify = !Get(environment, "DOCKER_TLS_VERIFY").empty();
  if (address.origin == "DOCKER_HOST" && address.unix_socket.empty() &&
      (verify || !certificates.empty() || address.use_tls)) {
    address.use_tls = true;
    address.tls.verify_server = verify;
    const std::string folder = certificates.empty() ? config_folder : certificates;
    if (!certificates.empty() && !base::Exists(certificates)) {
      return absl::NotFoundError(absl::StrCat("DOCKER_CERT_PATH: ", certificates,
                                              " is not there; it must be the folder ",
                                              "with ca.pem, cert.pem and key.pem"));
    }
    if (!folder.empty()) UseCertificates(folder, &address.tls);
  }
  address.api_version = std::string(absl::StripPrefix(Get(environment, "DOCKER_API_VERSION"), "v"));
  return address;
}

std::map<std::string, std::string> DockerEnvironment() {
  Environment environment;
  for (const char* name : {"DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "HOME",
                           "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_API_VERSION"}) {
    if (const char* value = getenv(name); value != nullptr) environment[name] = value;
  }
  return environment;
}

}  // namespace stevedore::transfer
