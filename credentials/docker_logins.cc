#include "credentials/docker_logins.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <optional>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"
#include "credentials/credential_store.h"

namespace stevedore::credentials {
namespace {

constexpr uint64_t kFileLimitBytes = 1 << 20;
constexpr int kLinkLimit = 40;  // As the kernel has it.

std::string Folder(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// What `path` leads to if it is a link, there or not.
absl::StatusOr<std::string> FollowLinks(std::string path) {
  for (int i = 0; i < kLinkLimit; ++i) {
    char target[PATH_MAX];
    const ssize_t size = readlink(path.c_str(), target, sizeof target);
    if (size < 0 && (errno == EINVAL || errno == ENOENT)) return path;
    if (size < 0) return base::ErrnoStatus(errno, path);
    path = base::JoinPath(Folder(path), absl::string_view(target, static_cast<size_t>(size)));
  }
  return absl::FailedPreconditionError(absl::StrCat(path, ": too many links; untie them"));
}

// Held as long as the descriptor is open.
absl::StatusOr<base::FileDescriptor> Lock(const std::string& path) {
  const std::string name = path + ".lock";
  ASSIGN_OR_RETURN(base::FileDescriptor file, base::OpenFile(name, O_CREAT | O_RDWR, 0600));
  while (flock(file.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return base::ErrnoStatus(errno, absl::StrCat("lock ", name));
  }
  return file;
}

// The names under which a login for `key` may be kept: Docker Hub has several.
std::vector<std::string> Names(const std::string& key) {
  return key == "docker.io" ? LookupKeys(key, "") : std::vector<std::string>{key};
}

// The program that keeps logins for `key`, or "".
std::string HelperFor(const DockerConfig& config, const std::string& key) {
  for (const std::string& name : Names(key)) {
    if (std::string helper = config.HelperOf(name); !helper.empty()) return helper;
  }
  return config.credentials_store();
}

}  // namespace

absl::StatusOr<DockerConfig> DockerLogins::Read(const std::string& path) const {
  const absl::StatusOr<std::string> text = base::ReadFile(path, kFileLimitBytes);
  if (!text.ok() && !absl::IsNotFound(text.status())) return text.status();
  return DockerConfig::Parse(text.ok() ? *text : "", path);
}

absl::Status DockerLogins::Edit(
    absl::FunctionRef<absl::StatusOr<bool>(DockerConfig&)> change) const {
  ASSIGN_OR_RETURN(const std::string path, FollowLinks(path_));
  RETURN_IF_ERROR(base::MakeDirectories(Folder(path), 0700));
  ASSIGN_OR_RETURN(const base::FileDescriptor lock, Lock(path));
  ASSIGN_OR_RETURN(DockerConfig config, Read(path));
  ASSIGN_OR_RETURN(const bool changed, change(config));
  if (!changed) return absl::OkStatus();
  return base::WriteFileAtomically(path, config.ToText(), 0600);
}

absl::StatusOr<DockerLogins::Place> DockerLogins::Store(const std::string& key,
                                                        const Credential& credential) const {
  ASSIGN_OR_RETURN(const DockerConfig before, Read(path_));
  const std::string helper = HelperFor(before, key);
  std::optional<Credential> in_file = credential;
  Place place{.name = path_, .readable_text = true};
  if (!helper.empty()) {
    RETURN_IF_ERROR(helpers_->Store(helper, DockerServer(key), credential), path_);
    in_file.reset();
    place = {.name = absl::StrCat("docker-credential-", helper, ", named in ", path_)};
  }
  RETURN_IF_ERROR(Edit([&](DockerConfig& config) -> absl::StatusOr<bool> {
    for (const std::string& name : Names(key)) {
      if (name != key) config.Remove(name);
    }
    RETURN_IF_ERROR(config.Set(key, in_file), path_);
    return true;
  }));
  return place;
}

absl::StatusOr<bool> DockerLogins::Erase(const std::string& key) const {
  ASSIGN_OR_RETURN(const DockerConfig before, Read(path_));
  bool found = false;
  std::vector<std::string> servers = {DockerServer(key)};
  for (const std::string& name : Names(key)) {
    for (const std::string& raw : before.KeysLike(name)) {
      found = true;
      if (std::find(servers.begin(), servers.end(), raw) == servers.end()) servers.push_back(raw);
    }
  }
  if (const std::string helper = HelperFor(before, key); !helper.empty()) {
    for (const std::string& server : servers) {
      ASSIGN_OR_RETURN(const auto kept, helpers_->Get(helper, server), path_);
      if (!kept.has_value()) continue;
      found = true;
      RETURN_IF_ERROR(helpers_->Erase(helper, server), path_);
    }
  }
  if (!found) return false;
  RETURN_IF_ERROR(Edit([&](DockerConfig& config) -> absl::StatusOr<bool> {
    bool changed = false;
    for (const std::string& name : Names(key)) changed = config.Remove(name) || changed;
    return changed;
  }));
  return true;
}

}  // namespace stevedore::credentials
