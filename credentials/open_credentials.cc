#include "credentials/open_credentials.h"

#include <unistd.h>

#include <optional>
#include <utility>

#include "credentials/credential_helper.h"
#include "credentials/docker_config_credential_store.h"
#include "credentials/ecr.h"

extern char** environ;

namespace stevedore::credentials {
namespace {

// The stores of a program with what they stand on. Thread-safe.
class ProgramCredentials final : public CredentialStore {
 public:
  explicit ProgramCredentials(CredentialSettings settings)
      : settings_(std::move(settings)),
        docker_(DockerConfigCredentialStore::DefaultPaths(settings_.environment),
                std::make_shared<CredentialHelpers>(settings_.clock)),
        ecr_({.http = settings_.http,
              .environment = settings_.environment,
              .clock = settings_.clock}) {}

  absl::StatusOr<std::optional<Credential>> Find(absl::string_view registry,
                                                 absl::string_view repository) const override {
    if (settings_.records == nullptr) return docker_.Find(registry, repository);
    const RecordCredentialStore records(settings_.records, &ecr_);
    return ChainCredentialStore({&records, &docker_}).Find(registry, repository);
  }

 private:
  const CredentialSettings settings_;
  const DockerConfigCredentialStore docker_;
  const EcrExchange ecr_;
};

}  // namespace

std::map<std::string, std::string> ProcessEnvironment() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (const size_t equals = text.find('='); equals != std::string::npos) {
      variables.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  return variables;
}

std::unique_ptr<CredentialStore> OpenCredentials(CredentialSettings settings) {
  return std::make_unique<ProgramCredentials>(std::move(settings));
}

}  // namespace stevedore::credentials
