#include "cli/images/skopeo_sync_file.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "cli/images/sync_keys.h"
#include "cli/images/sync_values.h"
#include "oci/image/reference.h"

namespace stevedore::cli {
namespace {

using graph::Findings;
using graph::YamlNode;
using transfer::Endpoint;
using transfer::SyncJob;
using transfer::SyncSettings;

class SkopeoReader {
 public:
  SkopeoReader(const SyncFileOptions& options, Findings* findings)
      : options_(options), values_(findings), findings_(*findings) {}

  SyncSettings Read(const YamlNode& root) {
    if (options_.destination.empty()) {
      findings_.Error(root.where(),
                      "this file (registries and their images, as skopeo reads them) says what to "
                      "mirror, not where to; name the destination behind the file: sync FILE "
                      "docker://mirror.example.com/prefix");
      return {};
    }
    for (const auto& [key, value] : root.entries()) {
      if (absl::StartsWith(key->text(), "x-")) continue;
      if (!findings_.IsMap(*value, absl::StrCat("registry ", base::Quoted(key->text())))) continue;
      ReadRegistry(*key, *value);
    }
    return std::move(settings_);
  }

 private:
  void ReadRegistry(const YamlNode& key, const YamlNode& map) {
    findings_.CheckKeys(map, SkopeoRegistryKeys().what, SkopeoRegistryKeys());
    const transfer::SyncAccess access = ReadAccess(map);
    const size_t first = settings_.jobs.size();
    for (const auto& [name, node] : map.entries()) {
      const bool by_tag = name->text() == "images";
      const bool by_pattern = name->text() == "images-by-tag-regex";
      const bool by_version = name->text() == "images-by-semver";
      if (!by_tag && !by_pattern && !by_version) continue;
      if (!findings_.IsMap(*node, base::Quoted(name->text()))) continue;
      for (const auto& [repository, wanted] : node->entries()) {
        SyncJob* const job = JobOf(key, *repository, first);
        if (job == nullptr) continue;
        job->source_access = access;
        const std::string what = base::Quoted(repository->text());
        if (by_tag) {
          ReadImages(*wanted, what, job);
        } else if (by_pattern) {
          for (auto& p : values_.Patterns(*wanted, what, /*whole=*/false)) {
            job->tags.patterns.push_back(std::move(p));
          }
        } else {
          for (auto& range : values_.Versions(*wanted, what)) {
            job->tags.versions.push_back(std::move(range));
          }
        }
      }
    }
  }

  transfer::SyncAccess ReadAccess(const YamlNode& map) {
    transfer::SyncAccess access;
    if (const YamlNode* verify = map.Find("tls-verify"); verify != nullptr) {
      access.insecure = !findings_.Bool(*verify, "`tls-verify`", true);
    }
    if (const YamlNode* folder = map.Find("cert-dir"); folder != nullptr) {
      access.certificate_directory = findings_.Text(*folder, "`cert-dir`");
    }
    const YamlNode* const login = map.Find("credentials");
    if (login == nullptr || !findings_.IsMap(*login, "`credentials`")) return access;
    findings_.CheckKeys(*login, SkopeoCredentialsKeys().what, SkopeoCredentialsKeys());
    credentials::Credential credential;
    if (const YamlNode* name = login->Find("username"); name != nullptr) {
      credential.username = findings_.Text(*name, "`username`");
    }
    if (const YamlNode* password = login->Find("password");
        password != nullptr && password->is_scalar()) {
      credential.password = base::Secret(password->text());
    }
    credential.origin = login->where().ToString();
    if (credential.username.empty()) {
      findings_.Error(login->where(), "`credentials` without a `username`");
    }
    access.login = std::move(credential);
    return access;
  }

  // The job for a repository of the registry whose jobs begin at `first`; null if it has no name.
  SyncJob* JobOf(const YamlNode& registry, const YamlNode& repository, size_t first) {
    const std::string text = absl::StrCat(registry.text(), "/", repository.text());
    absl::StatusOr<Endpoint> source = ParseRepository(absl::StrCat("docker://", text));
    if (!source.ok()) {
      findings_.Error(repository.where(), source.status().message());
      return nullptr;
    }
    const std::string name = source->reference.Name();
    for (size_t i = first; i < settings_.jobs.size(); ++i) {
      if (settings_.jobs[i].name == name) return &settings_.jobs[i];
    }
    absl::StatusOr<Endpoint> destination =
        MirrorOf(options_.destination, source->reference, options_.scoped);
    if (!destination.ok()) {
      findings_.Error(repository.where(), destination.status().message());
      return nullptr;
    }
    const auto [taken, is_new] = destinations_.try_emplace(destination->ToString(), name);
    if (!is_new) {
      findings_.Error(repository.where(),
                      absl::StrCat(name, " and ", taken->second, " would both go to ", taken->first,
                                   "; give --scoped, which keeps whole names"));
      return nullptr;
    }
    SyncJob& job = settings_.jobs.emplace_back();
    job.name = name;
    job.source = *std::move(source);
    job.destination = *std::move(destination);
    return &job;
  }

  void ReadImages(const YamlNode& wanted, const std::string& what, SyncJob* job) {
    const std::vector<const YamlNode*> items = findings_.Texts(wanted, what);
    if (wanted.is_null() || (wanted.is_list() && wanted.items().empty())) job->tags.all = true;
    for (const YamlNode* item : items) {
      if (absl::StrContains(item->text(), ':')) {
        for (oci::Digest& digest : values_.Digests(*item, what)) {
          job->digests.push_back(std::move(digest));
        }
      } else {
        for (std::string& tag : values_.Tags(*item, what)) job->tags.tags.push_back(std::move(tag));
      }
    }
  }

  const SyncFileOptions& options_;
  SyncValues values_;
  Findings& findings_;
  SyncSettings settings_;
  std::map<std::string, std::string> destinations_;  // To the source that has it.
};

}  // namespace

bool IsSkopeoSyncFile(const YamlNode& root) {
  if (root.Find("jobs") != nullptr) return false;
  return std::any_of(root.entries().begin(), root.entries().end(), [](const YamlNode::Entry& e) {
    const std::string& key = e.first->text();
    return key == "localhost" || key.find_first_of(".:") != std::string::npos;
  });
}

SyncSettings ReadSkopeoSyncFile(const YamlNode& root, const SyncFileOptions& options,
                                Findings* findings) {
  return SkopeoReader(options, findings).Read(root);
}

absl::StatusOr<Endpoint> MirrorOf(absl::string_view destination, const oci::Reference& source,
                                  bool scoped) {
  const std::string& repository = source.repository();
  std::string name = scoped ? source.Name() : repository.substr(repository.rfind('/') + 1);
  // A colon begins a tag everywhere but in names of folders.
  if (!absl::StartsWith(destination, "dir:")) std::replace(name.begin(), name.end(), ':', '-');
  while (absl::ConsumeSuffix(&destination, "/")) {
  }
  ASSIGN_OR_RETURN(Endpoint mirror, ParseRepository(absl::StrCat(destination, "/", name)),
                   "the mirror of ", source.Name());
  RETURN_IF_ERROR(CheckMirrorDestination(mirror));
  return mirror;
}

}  // namespace stevedore::cli
