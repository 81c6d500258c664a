#include "cli/sealed_submission.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/secret.h"
#include "base/status.h"
#include "coordinator/submission.h"
#include "credentials/record.h"
#include "oci/image/reference.h"
#include "stevedore/v1/build_service.pb.h"

namespace stevedore::cli {
namespace {

using credentials::BundledCredential;
using credentials::Credential;
using credentials::CredentialBundle;
using credentials::Record;

// A bundle travels with each run: beyond so many repositories of one registry it names that.
constexpr size_t kRepositoryLimit = 1000;
constexpr uint64_t kKeyFileLimitBytes = 64 << 10;

// A registry and a repository of it; the latter may be empty.
using Place = std::pair<std::string, std::string>;

bool Same(const Credential& a, const Credential& b) {
  return a.username == b.username && a.password == b.password &&
         a.identity_token == b.identity_token && a.registry_token == b.registry_token;
}

absl::Status AddPlace(const std::string& reference, std::set<Place>* places) {
  ASSIGN_OR_RETURN(const oci::Reference parsed, oci::Reference::Parse(reference));
  places->emplace(parsed.registry(), parsed.repository());
  return absl::OkStatus();
}

absl::StatusOr<std::set<Place>> PlacesOf(const coordinator::Submission& submission,
                                         const std::string& artifact_repository) {
  std::set<Place> places;
  bool contexts = false;
  for (const v1::Image& image : submission.images) {
    RETURN_IF_ERROR(AddPlace(image.reference(), &places), "image ", image.id());
    for (const std::string& tag : image.tags()) {
      RETURN_IF_ERROR(AddPlace(tag, &places), "tag of image ", image.id());
    }
    contexts = contexts || image.contexts_size() > 0;
  }
  for (const v1::ExternalImage& parent : submission.header.external_images()) {
    RETURN_IF_ERROR(AddPlace(parent.reference(), &places), "parent ", parent.id());
  }
  if (contexts && !artifact_repository.empty()) {
    RETURN_IF_ERROR(AddPlace(artifact_repository, &places), "artifact repository");
  }
  return places;
}

void AddLogin(const std::string& key, const Credential& credential, CredentialBundle* bundle) {
  for (BundledCredential& entry : bundle->registries) {
    if (!Same(entry.credential, credential)) continue;
    entry.repositories.push_back(key);
    return;
  }
  bundle->registries.push_back({{key}, credential});
}

// The logins of one registry: by repository, or together where there are too many.
void AddLogins(const std::string& registry, const std::map<std::string, Credential>& found,
               size_t repository_count, CredentialBundle* bundle) {
  const bool one = !found.empty() && found.size() == repository_count &&
                   std::all_of(found.begin(), found.end(), [&](const auto& entry) {
                     return Same(entry.second, found.begin()->second);
                   });
  if (one && found.size() > kRepositoryLimit) {
    AddLogin(credentials::LookupKeys(registry, "").front(), found.begin()->second, bundle);
    return;
  }
  for (const auto& [repository, credential] : found) {
    AddLogin(credentials::LookupKeys(registry, repository).front(), credential, bundle);
  }
}

absl::StatusOr<Record> RecordToSeal(const credentials::RecordStore* records,
                                    const std::string& id) {
  if (records == nullptr) {
    return absl::NotFoundError(
        absl::StrCat("credentials ", base::Quoted(id), ": there is no credential store"));
  }
  const std::string where = absl::StrCat(records->Describe(), ", id ", base::Quoted(id));
  ASSIGN_OR_RETURN(std::optional<Record> record, records->Get(id));
  if (!record.has_value()) {
    return absl::NotFoundError(absl::StrCat(
        where, ": there is no such entry; `stevedore-cli create credentials` makes one"));
  }
  record->id = id;
  if (!record->private_key_file.empty() && record->password.empty()) {
    ASSIGN_OR_RETURN(std::string key, base::ReadFile(record->private_key_file, kKeyFileLimitBytes),
                     where);
    record->private_key = base::Secret(std::move(key));
  } else if (record->type() == credentials::RecordType::kSshAgent) {
    return absl::FailedPreconditionError(absl::StrCat(
        where, ": an SSH agent cannot be sealed; store the key file or a password instead"));
  }
  return *std::move(record);
}

void FindIds(const nlohmann::json& value, std::set<std::string>* ids) {
  for (const auto& [key, member] : value.items()) {
    if (value.is_object() && key == "credentials_id" && member.is_string()) {
      ids->insert(member.get<std::string>());
    } else if (member.is_structured()) {
      FindIds(member, ids);
    }
  }
}

}  // namespace

absl::StatusOr<CredentialBundle> CollectCredentials(const coordinator::Submission& submission,
                                                    const CredentialNeeds& needs,
                                                    const credentials::CredentialStore& logins,
                                                    const credentials::RecordStore* records) {
  CredentialBundle bundle;
  ASSIGN_OR_RETURN(const std::set<Place> places, PlacesOf(submission, needs.artifact_repository));
  for (auto it = places.begin(); it != places.end();) {
    const std::string& registry = it->first;
    std::map<std::string, Credential> found;
    size_t count = 0;
    for (; it != places.end() && it->first == registry; ++it, ++count) {
      ASSIGN_OR_RETURN(std::optional<Credential> login, logins.Find(registry, it->second));
      if (login.has_value()) found.emplace(it->second, *std::move(login));
    }
    AddLogins(std::prev(it)->first, found, count, &bundle);
  }
  for (const std::string& name : needs.further) {
    const size_t slash = name.find('/');
    const std::string registry = name.substr(0, slash);
    const std::string repository = slash == std::string::npos ? "" : name.substr(slash + 1);
    ASSIGN_OR_RETURN(const std::optional<Credential> login, logins.Find(registry, repository));
    if (!login.has_value()) {
      return absl::NotFoundError(absl::StrCat(
          "--also-seal ", base::Quoted(name),
          ": neither the project's credential store nor "
          "Docker's configuration has credentials for it; `stevedore-cli create credentials ",
          registry, " --username NAME` stores some"));
    }
    AddLogin(credentials::LookupKeys(registry, repository).front(), *login, &bundle);
  }
  std::set<std::string> ids(needs.ids.begin(), needs.ids.end());
  for (const v1::Image& image : submission.images) {
    for (std::string& id : CredentialIdsOf(image.options_json())) ids.insert(std::move(id));
  }
  for (const std::string& id : ids) {
    ASSIGN_OR_RETURN(Record record, RecordToSeal(records, id));
    bundle.records.push_back(std::move(record));
  }
  return bundle;
}

std::vector<std::string> CredentialIdsOf(const std::string& options_json) {
  std::set<std::string> ids;
  const nlohmann::json options =
      nlohmann::json::parse(options_json, nullptr, /*allow_exceptions=*/false);
  if (options.is_object()) FindIds(options, &ids);
  return {ids.begin(), ids.end()};
}

absl::StatusOr<credentials::SealingPublicKey> ReadSealingKey(const std::string& file,
                                                             const std::string& from_coordinator) {
  if (!file.empty()) {
    const std::string where = absl::StrCat("--sealing-public-key ", file);
    ASSIGN_OR_RETURN(const std::string text, base::ReadFile(file, 4096), where);
    ASSIGN_OR_RETURN(auto key, credentials::SealingPublicKey::Parse(text), where);
    return key;
  }
  if (from_coordinator.empty()) {
    return absl::FailedPreconditionError(
        "--seal-credentials: the coordinator names no key to seal to; start it with "
        "--sealing-public-key FILE, or give that file here as --sealing-public-key");
  }
  ASSIGN_OR_RETURN(auto key, credentials::SealingPublicKey::Parse(from_coordinator),
                   "--seal-credentials: the coordinator's key");
  return key;
}

}  // namespace stevedore::cli
