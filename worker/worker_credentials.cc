#include "worker/worker_credentials.h"

#include <sys/stat.h>

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/status.h"

namespace stevedore::worker {
namespace {

constexpr char kKeyVariable[] = "STEVEDORE_CREDENTIALS_ENCRYPTION_KEY";
constexpr uint64_t kKeyLimitBytes = 4096;

bool IsFolder(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

void WarnIfOthersRead(const std::string& file) {
  struct stat status;
  if (stat(file.c_str(), &status) != 0 || (status.st_mode & 077) == 0) return;
  base::Log(base::LogLevel::kWarning, "others may read a secret file; chmod 600 changes that",
            {{"file", file}});
}

absl::StatusOr<base::Secret> EncryptionKey(const WorkerFlags& flags,
                                           const std::map<std::string, std::string>& environment) {
  if (flags.credentials_encryption_key_file.empty()) {
    const auto it = environment.find(kKeyVariable);
    return it == environment.end() ? base::Secret() : base::Secret(it->second);
  }
  const std::string where =
      absl::StrCat("--credentials-encryption-key-file ", flags.credentials_encryption_key_file);
  absl::StatusOr<std::string> text =
      base::ReadFile(flags.credentials_encryption_key_file, kKeyLimitBytes);
  if (!text.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(where, ": ", text.status().message()));
  }
  WarnIfOthersRead(flags.credentials_encryption_key_file);
  base::Secret key(std::string(absl::StripTrailingAsciiWhitespace(*text)));
  if (key.empty()) return absl::InvalidArgumentError(absl::StrCat(where, ": the file is empty"));
  return key;
}

// Where Docker's configuration is, for OpenCredentials: its folder.
absl::Status UseDockerConfig(std::string path, std::map<std::string, std::string>* environment) {
  constexpr char kFile[] = "/config.json";
  const std::string given = path;
  if (!IsFolder(path) && path.size() > sizeof(kFile) && absl::EndsWith(path, kFile)) {
    path.resize(path.size() - (sizeof(kFile) - 1));
  }
  if (!base::Exists(path + kFile)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--docker-config ", given,
                     ": there is no config.json; give the folder that holds it, as DOCKER_CONFIG"));
  }
  (*environment)["DOCKER_CONFIG"] = path;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<credentials::LoginChain>> OpenWorkerCredentials(
    const WorkerFlags& flags, http::Client* http,
    const std::map<std::string, std::string>& environment) {
  std::map<std::string, std::string> variables = environment;
  if (!flags.docker_config.empty()) {
    RETURN_IF_ERROR(UseDockerConfig(flags.docker_config, &variables));
  }
  auto chain = std::make_unique<credentials::LoginChain>(http, variables);
  credentials::RecordStoreSettings settings;
  settings.local_path = flags.credentials_local_storage_path;
  settings.type = flags.credentials_storage_type;
  if (settings.type.empty() && settings.local_path.empty()) {
    if (!flags.credentials_encryption_key_file.empty()) {
      return absl::InvalidArgumentError(
          "--credentials-encryption-key-file needs --credentials-local-storage-path DIR, or "
          "--credentials-storage-type envvars");
    }
    return chain;
  }
  if (settings.type.empty()) settings.type = "local";
  ASSIGN_OR_RETURN(settings.encryption_key, EncryptionKey(flags, environment));
  settings.environment = std::move(variables);
  if (settings.type == "local" && !IsFolder(settings.local_path)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--credentials-local-storage-path ", base::Quoted(settings.local_path),
        ": there is no such folder; `stevedore-cli create credentials ID --local-storage-path DIR` "
        "makes one"));
  }
  if (settings.type == "envvars" && settings.encryption_key.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--credentials-storage-type envvars needs "
                     "--credentials-encryption-key-file FILE or ",
                     kKeyVariable));
  }
  ASSIGN_OR_RETURN(std::unique_ptr<credentials::RecordStore> records,
                   credentials::OpenRecordStore(settings));
  chain->UseStore(std::move(records));
  return chain;
}

absl::StatusOr<credentials::SealingKeyring> LoadSealingKeys(const WorkerFlags& flags) {
  for (const std::string& file : flags.sealing_keys) WarnIfOthersRead(file);
  return credentials::SealingKeyring::Load(flags.sealing_keys);
}

}  // namespace stevedore::worker
