#include "worker/drivers/docker_inputs.h"

#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "context/merged_tree.h"
#include "context/tree.h"
#include "nlohmann/json.hpp"
#include "oci/image/reference.h"
#include "worker/drivers/file_layer.h"

namespace stevedore::worker {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kMaxDockerfileBytes = 4 << 20;
// Microseconds: the engine wants the share of cores as a quota per period.
constexpr int kCpuPeriod = 100'000;

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

absl::StatusOr<std::string> ReadDockerfile(const context::Tree& tree, const std::string& path) {
  const context::TreeEntry* entry = tree.Find(path);
  if (entry == nullptr) {
    return base::Annotate(NotInContext(tree, path), "Dockerfile (option `dockerfile`)");
  }
  if (entry->type == context::TreeEntry::Type::kDirectory) {
    return absl::InvalidArgumentError(
        absl::StrCat(base::Quoted(path), " of the context is a folder, no Dockerfile"));
  }
  // A link: the engine follows it, here nothing can be pinned.
  if (entry->type == context::TreeEntry::Type::kSymlink) return "";
  if (entry->size > kMaxDockerfileBytes) {
    return absl::ResourceExhaustedError(absl::StrCat(path, " of the context has ", entry->size,
                                                     " bytes; a Dockerfile may have ",
                                                     kMaxDockerfileBytes));
  }
  std::string text(entry->size, '\0');
  if (text.empty()) return text;
  ASSIGN_OR_RETURN(const std::unique_ptr<base::RandomReader> reader,
                   tree.OpenContent(entry->content_id));
  RETURN_IF_ERROR(reader->ReadAt(0, text.data(), text.size()), "context ", path);
  return text;
}

// What the Dockerfile calls parents, to what the engine should.
std::map<std::string, std::string> Replacements(const BuildRequest& request,
                                                const std::vector<DockerfileReference>& references,
                                                const std::vector<PinnedParent>& parents) {
  std::map<std::string, std::string> replacements;
  for (const DockerfileReference& reference : references) {
    const absl::StatusOr<oci::Reference> named = oci::Reference::Parse(reference.image);
    if (!named.ok() || !named->digest().empty()) continue;
    for (size_t i = 0; i < parents.size() && i < request.parents.size(); ++i) {
      const absl::StatusOr<oci::Reference> parent =
          oci::Reference::Parse(request.parents[i].reference);
      if (parent.ok() && *parent == *named) replacements[reference.image] = parents[i].reference;
    }
  }
  return replacements;
}

}  // namespace

absl::StatusOr<PinnedParent> PinByDigest(const ParentImage& parent) {
  ASSIGN_OR_RETURN(const oci::Reference reference, oci::Reference::Parse(parent.reference),
                   "parent ", parent.id);
  const std::string digest = parent.image.manifest.digest().ToString();
  PinnedParent pinned;
  pinned.tag = absl::StrCat(reference.tag(), "@", digest);
  pinned.reference = absl::StrCat(reference.Name(), reference.tag().empty() ? "" : ":", pinned.tag);
  return pinned;
}

std::map<std::string, std::string> PinnedArguments(const BuildRequest& request,
                                                   const std::vector<PinnedParent>& parents) {
  std::map<std::string, std::string> arguments = request.arguments;
  if (parents.empty()) return arguments;
  for (const auto& [name, meaning] : request.parent_arguments) {
    if (meaning == "reference") arguments[name] = parents[0].reference;
    if (meaning == "tag") arguments[name] = parents[0].tag;
  }
  return arguments;
}

absl::StatusOr<PinnedContext> PinContext(const BuildRequest& request, const std::string& path,
                                         const std::map<std::string, std::string>& arguments,
                                         const std::vector<PinnedParent>& parents) {
  ASSIGN_OR_RETURN(const std::string text, ReadDockerfile(*request.context, path));
  PinnedContext pinned{.tree = request.context, .references = FindReferences(text, arguments)};
  const std::map<std::string, std::string> replacements =
      Replacements(request, pinned.references, parents);
  if (replacements.empty()) return pinned;
  std::string changed = ReplaceReferences(text, pinned.references, replacements);
  pinned.references = FindReferences(changed, arguments);
  const uint32_t mode = request.context->Find(path)->mode;
  ASSIGN_OR_RETURN(
      std::shared_ptr<const context::Tree> file,
      context::MemoryTree::Create({{.path = path, .content = std::move(changed), .mode = mode}}));
  pinned.tree = context::MergedTree::Create({request.context, std::move(file)});
  return pinned;
}

absl::StatusOr<std::map<std::string, credentials::Credential>> FindLogins(
    const BuildRequest& request, const std::vector<DockerfileReference>& references,
    const graph::DockerfileOptions& options, const credentials::CredentialStore* store) {
  std::map<std::string, credentials::Credential> logins;
  if (store == nullptr) return logins;
  std::vector<std::string> images;
  for (const ParentImage& parent : request.parents) images.push_back(parent.reference);
  for (const DockerfileReference& reference : references) images.push_back(reference.image);
  images.insert(images.end(), options.cache_from.begin(), options.cache_from.end());
  images.push_back(request.reference);
  for (const std::string& image : images) {
    const absl::StatusOr<oci::Reference> reference = oci::Reference::Parse(image);
    // What is wrong with it is the engine's to say.
    if (!reference.ok() || logins.count(reference->registry()) > 0) continue;
    ASSIGN_OR_RETURN(std::optional<credentials::Credential> found,
                     store->Find(reference->registry(), reference->repository()),
                     "credentials for ", reference->registry());
    if (found.has_value()) logins[reference->registry()] = *std::move(found);
  }
  return logins;
}

transfer::EngineQuery BuildQuery(const graph::DockerfileOptions& options,
                                 const std::map<std::string, std::string>& arguments,
                                 const std::map<std::string, std::string>& labels,
                                 absl::string_view platform, absl::string_view tag) {
  transfer::EngineQuery query = {{"version", "1"},
                                 {"t", std::string(tag)},
                                 {"dockerfile", options.dockerfile},
                                 {"rm", "1"},
                                 {"forcerm", "1"}};
  const auto add = [&query](const char* name, std::string value) {
    query.emplace_back(name, std::move(value));
  };
  if (!arguments.empty()) add("buildargs", Dump(Json(arguments)));
  if (!labels.empty()) add("labels", Dump(Json(labels)));
  if (!options.target.empty()) add("target", options.target);
  if (options.pull) add("pull", "1");
  if (options.no_cache) add("nocache", "1");
  if (!options.network.empty()) add("networkmode", options.network);
  if (!platform.empty()) add("platform", std::string(platform));
  if (!options.cache_from.empty()) add("cachefrom", Dump(Json(options.cache_from)));
  for (const std::string& host : options.extra_hosts) add("extrahosts", host);
  if (options.memory_bytes > 0) add("memory", absl::StrCat(options.memory_bytes));
  if (options.cpus > 0) {
    add("cpuperiod", absl::StrCat(kCpuPeriod));
    add("cpuquota", absl::StrCat(std::llround(options.cpus * kCpuPeriod)));
  }
  if (options.cpu_shares > 0) add("cpushares", absl::StrCat(options.cpu_shares));
  if (options.shm_bytes > 0) add("shmsize", absl::StrCat(options.shm_bytes));
  Json ulimits = Json::array();
  for (const graph::Ulimit& limit : options.ulimits) {
    ulimits.push_back({{"Name", limit.name}, {"Soft", limit.soft}, {"Hard", limit.hard}});
  }
  if (!ulimits.empty()) add("ulimits", Dump(ulimits));
  return query;
}

}  // namespace stevedore::worker
