#include "worker/drivers/buildkit_solve.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/byte_source.h"
#include "base/file.h"
#include "base/status.h"
#include "oci/image/reference.h"

namespace stevedore::worker {
namespace {

// Nobody writes more by hand.
constexpr uint64_t kMaxDockerfileBytes = 4 << 20;
// BuildKit refuses larger secrets.
constexpr uint64_t kMaxSecretBytes = 500 << 10;

std::vector<CachePlace> Places(const std::vector<graph::BuildCache>& caches) {
  std::vector<CachePlace> places;
  for (const graph::BuildCache& cache : caches) places.push_back({cache.type, cache.attributes});
  return places;
}

void AddResources(const graph::DockerfileOptions& options,
                  std::map<std::string, std::string>* attributes) {
  if (options.shm_bytes != 0) (*attributes)["shm-size"] = absl::StrCat(options.shm_bytes);
  if (!options.ulimits.empty()) {
    (*attributes)["ulimit"] =
        absl::StrJoin(options.ulimits, ",", [](std::string* out, const graph::Ulimit& limit) {
          absl::StrAppend(out, limit.name, "=", limit.soft, ":", limit.hard);
        });
  }
  if (!options.extra_hosts.empty()) {
    (*attributes)["add-hosts"] =
        absl::StrJoin(options.extra_hosts, ",", [](std::string* out, const std::string& host) {
          const std::pair<absl::string_view, absl::string_view> parts =
              absl::StrSplit(host, absl::MaxSplits(':', 1));
          absl::StrAppend(out, parts.first, "=", parts.second);
        });
  }
}

}  // namespace

Solve MakeSolve(const graph::BuildkitOptions& options, const BuildRequest& request,
                const std::map<std::string, std::string>& arguments, bool local_parents) {
  const graph::DockerfileOptions& common = options.common;
  Solve solve;
  std::map<std::string, std::string>& attributes = solve.frontend_attributes;
  if (!options.frontend.empty()) {
    solve.frontend = "gateway.v0";
    attributes["source"] = options.frontend;
  }
  const size_t slash = common.dockerfile.rfind('/');
  attributes["filename"] =
      slash == std::string::npos ? common.dockerfile : common.dockerfile.substr(slash + 1);
  if (!common.target.empty()) attributes["target"] = common.target;
  attributes["platform"] = request.platform.ToString();
  if (common.no_cache) attributes["no-cache"] = "";
  if (local_parents) {
    attributes["image-resolve-mode"] = "local";
  } else if (common.pull) {
    attributes["image-resolve-mode"] = "pull";
  }
  if (common.network == "none" || common.network == "host") {
    attributes["force-network-mode"] = common.network;
    if (common.network == "host") solve.entitlements.push_back("network.host");
  }
  AddResources(common, &attributes);
  for (const auto& [name, value] : arguments) attributes[absl::StrCat("build-arg:", name)] = value;
  if (request.source_date_epoch.has_value()) {
    attributes["build-arg:SOURCE_DATE_EPOCH"] = absl::StrCat(*request.source_date_epoch);
  }
  for (const auto& [name, value] : request.labels) {
    attributes[absl::StrCat("label:", name)] = value;
  }
  for (const auto& [name, place] : options.build_contexts) {
    attributes[absl::StrCat("context:", name)] = place;
  }
  solve.cache_from = Places(options.cache_from);
  solve.cache_to = Places(options.cache_to);
  if (!solve.cache_from.empty()) {
    // Older frontends read imports from here.
    std::vector<std::string> references;
    for (const CachePlace& place : solve.cache_from) {
      const auto reference = place.attributes.find("ref");
      if (place.type == "registry" && reference != place.attributes.end()) {
        references.push_back(reference->second);
      }
    }
    if (!references.empty()) attributes["cache-from"] = absl::StrJoin(references, ",");
  }
  solve.timeout = std::min(common.timeout, request.limits.time);
  return solve;
}

void PinContexts(const BuildRequest& request, const std::vector<PinnedParent>& pinned,
                 Solve* solve) {
  constexpr absl::string_view kImage = "docker-image://";
  for (auto& [name, value] : solve->frontend_attributes) {
    absl::string_view place = value;
    if (!absl::StartsWith(name, "context:") || !absl::ConsumePrefix(&place, kImage)) continue;
    const absl::StatusOr<oci::Reference> wanted = oci::Reference::Parse(place);
    if (!wanted.ok()) continue;
    for (size_t i = 0; i < request.parents.size() && i < pinned.size(); ++i) {
      const absl::StatusOr<oci::Reference> parent =
          oci::Reference::Parse(request.parents[i].reference);
      if (!parent.ok() || parent->Canonical() != wanted->Canonical()) continue;
      value = absl::StrCat(kImage, pinned[i].reference);
      break;
    }
  }
}

absl::StatusOr<std::shared_ptr<const context::Tree>> DockerfileFolder(const context::Tree& tree,
                                                                      const std::string& path) {
  const context::TreeEntry* entry = tree.Find(path);
  if (entry == nullptr || entry->type != context::TreeEntry::Type::kFile) {
    return absl::NotFoundError(absl::StrCat("there is no file `", path,
                                            "` in the context; correct the option `dockerfile`"));
  }
  if (entry->size > kMaxDockerfileBytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat(path, " has ", entry->size, " bytes; a Dockerfile may have 4 MiB"));
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<base::RandomReader> reader,
                   tree.OpenContent(entry->content_id));
  std::string text(entry->size, '\0');
  RETURN_IF_ERROR(reader->ReadAt(0, text.data(), text.size()), path);
  const size_t slash = path.rfind('/');
  ASSIGN_OR_RETURN(std::shared_ptr<const context::Tree> folder,
                   context::MemoryTree::Create(
                       {{.path = slash == std::string::npos ? path : path.substr(slash + 1),
                         .content = std::move(text)}}));
  return folder;
}

std::vector<std::string> ImagesOf(const graph::BuildkitOptions& options) {
  std::vector<std::string> images;
  for (const auto* caches : {&options.cache_from, &options.cache_to}) {
    for (const graph::BuildCache& cache : *caches) {
      const auto reference = cache.attributes.find("ref");
      if (cache.type == "registry" && reference != cache.attributes.end()) {
        images.push_back(reference->second);
      }
    }
  }
  if (!options.frontend.empty()) images.push_back(options.frontend);
  for (const auto& [name, place] : options.build_contexts) {
    absl::string_view image = place;
    if (absl::ConsumePrefix(&image, "docker-image://")) images.emplace_back(image);
  }
  return images;
}

std::optional<credentials::Credential> LoginFor(
    const std::string& host, const std::map<std::string, credentials::Credential>& logins) {
  const bool hub = host == "registry-1.docker.io" || host == "index.docker.io" ||
                   host == "auth.docker.io" || host == "https://index.docker.io/v1/";
  const auto found = logins.find(hub ? "docker.io" : host);
  if (found == logins.end()) return std::nullopt;
  return found->second;
}

absl::StatusOr<std::map<std::string, base::Secret>> ReadSecrets(
    const std::vector<graph::BuildSecret>& secrets,
    const std::map<std::string, std::string>& environment,
    const credentials::CredentialStore* store) {
  std::map<std::string, base::Secret> result;
  for (const graph::BuildSecret& secret : secrets) {
    const std::string what = absl::StrCat("secret ", secret.id);
    switch (secret.kind) {
      case graph::BuildSecret::Kind::kFile: {
        ASSIGN_OR_RETURN(std::string text, base::ReadFile(secret.source, kMaxSecretBytes), what);
        result[secret.id] = base::Secret(std::move(text));
        break;
      }
      case graph::BuildSecret::Kind::kEnvironment: {
        const auto value = environment.find(secret.source);
        if (value == environment.end()) {
          return absl::NotFoundError(absl::StrCat(what, ": the variable ", secret.source,
                                                  " is not set where the image is built"));
        }
        result[secret.id] = base::Secret(value->second);
        break;
      }
      case graph::BuildSecret::Kind::kCredentials: {
        std::optional<credentials::Credential> credential;
        if (store != nullptr) {
          ASSIGN_OR_RETURN(credential, store->Find(secret.source, ""), what);
        }
        if (!credential.has_value()) {
          return absl::NotFoundError(absl::StrCat(what, ": no credentials `", secret.source,
                                                  "` where the image is built; see "
                                                  "`stevedore-cli create credentials`"));
        }
        result[secret.id] = credential->password;
        break;
      }
    }
  }
  return result;
}

absl::StatusOr<std::map<std::string, std::string>> FindAgents(
    const std::map<std::string, std::string>& ssh,
    const std::map<std::string, std::string>& environment) {
  std::map<std::string, std::string> agents;
  for (const auto& [id, socket] : ssh) {
    if (!socket.empty()) {
      agents[id] = socket;
      continue;
    }
    const auto value = environment.find("SSH_AUTH_SOCK");
    if (value == environment.end() || value->second.empty()) {
      return absl::NotFoundError(
          absl::StrCat("ssh ", id,
                       ": SSH_AUTH_SOCK is not set where the image is built; start "
                       "ssh-agent there, or write ",
                       id, "=SOCKET"));
    }
    agents[id] = value->second;
  }
  return agents;
}

}  // namespace stevedore::worker
