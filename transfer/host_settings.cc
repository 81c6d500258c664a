#include "transfer/host_settings.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/status.h"

namespace stevedore::transfer {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kCertificateLimitBytes = 1 << 20;

// Names in `directory`, sorted; none if it is not there or not ours to read.
std::set<std::string> NamesIn(const std::string& directory) {
  std::set<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    names.insert(it->path().filename().string());
  }
  return names;
}

// "10.0.0.1:5000" for ":5000" as well as for the host alone.
template <typename Map>
auto FindHost(const Map& map, const std::string& registry) {
  const auto it = map.find(registry);
  const size_t colon = registry.rfind(':');
  if (it != map.end() || colon == std::string::npos || absl::EndsWith(registry, "]")) return it;
  return map.find(registry.substr(0, colon));
}

absl::Status AddPair(const std::string& folder, const std::set<std::string>& names,
                     HostSettings* settings) {
  for (const std::string& name : names) {
    absl::string_view stem = name;
    const bool is_certificate = absl::ConsumeSuffix(&stem, ".cert");
    if (!is_certificate && !absl::ConsumeSuffix(&stem, ".key")) continue;
    const std::string other = absl::StrCat(stem, is_certificate ? ".key" : ".cert");
    if (!names.contains(other)) {
      return absl::FailedPreconditionError(absl::StrCat(
          base::JoinPath(folder, name), ": there is no ", other,
          " beside it; a client certificate and its key need each other: add or remove one"));
    }
    if (!is_certificate || !settings->tls.client_certificate_file.empty()) continue;
    settings->tls.client_certificate_file = base::JoinPath(folder, name);
    settings->tls.client_key_file = base::JoinPath(folder, other);
    settings->has_certificates = true;
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<std::string> CertificateDirectories(
    const std::map<std::string, std::string>& environment) {
  std::vector<std::string> directories;
  const auto config = environment.find("XDG_CONFIG_HOME");
  const auto home = environment.find("HOME");
  if (config != environment.end() && !config->second.empty()) {
    directories.push_back(base::JoinPath(config->second, "containers/certs.d"));
  } else if (home != environment.end() && !home->second.empty()) {
    directories.push_back(base::JoinPath(home->second, ".config/containers/certs.d"));
  }
  directories.push_back("/etc/containers/certs.d");
  directories.push_back("/etc/docker/certs.d");
  return directories;
}

absl::Status AddCertificates(const std::vector<std::string>& directories,
                             const std::string& registry, HostSettings* settings) {
  for (const std::string& directory : directories) {
    const std::string folder = base::JoinPath(directory, registry);
    const std::set<std::string> names = NamesIn(folder);
    if (names.empty()) continue;
    if (settings->tls.ca_file.empty()) {
      for (const std::string& name : names) {
        if (!absl::EndsWith(name, ".crt")) continue;
        ASSIGN_OR_RETURN(const std::string pem,
                         base::ReadFile(base::JoinPath(folder, name), kCertificateLimitBytes));
        absl::StrAppend(&settings->tls.ca_pem, pem, "\n");
        settings->has_certificates = true;
      }
    }
    return AddPair(folder, names, settings);
  }
  return absl::OkStatus();
}

HostSettingsFinder FindHostSettings(std::map<std::string, HostSettings> configured,
                                    std::vector<std::string> directories) {
  return [configured = std::move(configured), directories = std::move(directories)](
             const std::string& registry) -> absl::StatusOr<HostSettings> {
    HostSettings settings;
    if (const auto it = FindHost(configured, registry); it != configured.end()) {
      settings = it->second;
    }
    settings.has_certificates =
        !settings.tls.ca_file.empty() || !settings.tls.client_certificate_file.empty();
    RETURN_IF_ERROR(AddCertificates(directories, registry, &settings), "certificates of registry ",
                    registry);
    return settings;
  };
}

}  // namespace stevedore::transfer
