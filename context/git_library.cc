#include "context/git_library.h"

#include <dlfcn.h>
#include <errno.h>
#include <sys/mman.h>

#include <cstdlib>
#include <initializer_list>
#include <mutex>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"

namespace stevedore::context::git {
namespace {

// Objects that libgit2 keeps parsed: trees of a walk; blobs are never asked for twice.
constexpr size_t kObjectCacheBytes = 32 << 20;

const char* FirstSet(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const char* const value = std::getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  return nullptr;
}

// Lives as long as the process: git_libgit2_shutdown is left out on purpose, as threads may still
// use the library while the process ends.
void Start() {
  git_libgit2_init();
  // The same context everywhere: what people or machines have configured for their own git
  // (rewritten URLs, proxies, "safe" owners) must not decide what is built.
  for (const int level : {GIT_CONFIG_LEVEL_PROGRAMDATA, GIT_CONFIG_LEVEL_SYSTEM,
                          GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_GLOBAL}) {
    git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level, "");
  }
  git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
  git_libgit2_opts(GIT_OPT_SET_CACHE_MAX_SIZE, static_cast<ssize_t>(kObjectCacheBytes));
  git_libgit2_opts(GIT_OPT_SET_USER_AGENT, "stevedore");
  const char* const file = FirstSet({"GIT_SSL_CAINFO", "SSL_CERT_FILE"});
  const char* const folder = FirstSet({"GIT_SSL_CAPATH", "SSL_CERT_DIR"});
  if (file != nullptr || folder != nullptr) {
    git_libgit2_opts(GIT_OPT_SET_SSL_CERT_LOCATIONS, file, folder);
  }
}

// What this thread's connections read in place of ~/.ssh/known_hosts; empty: that.
thread_local std::string known_hosts_path;

absl::StatusCode CodeOfClass(int klass, absl::string_view text) {
  switch (klass) {
    case GIT_ERROR_ZLIB:
    case GIT_ERROR_ODB:
    case GIT_ERROR_OBJECT:
    case GIT_ERROR_TREE:
    case GIT_ERROR_INDEXER:
      return absl::StatusCode::kDataLoss;
    case GIT_ERROR_NET:
    case GIT_ERROR_SSL:
    case GIT_ERROR_SSH:
    case GIT_ERROR_HTTP:
      return absl::StatusCode::kUnavailable;
    case GIT_ERROR_NOMEMORY:
      return absl::StatusCode::kResourceExhausted;
    case GIT_ERROR_OS:
    case GIT_ERROR_FILESYSTEM:
      if (absl::StrContains(text, "No space left")) return absl::StatusCode::kResourceExhausted;
      if (absl::StrContains(text, "ermission denied")) return absl::StatusCode::kPermissionDenied;
      return absl::StatusCode::kUnavailable;
    default:
      return absl::StatusCode::kInternal;
  }
}

absl::StatusCode CodeOf(int rc, int klass, absl::string_view text) {
  switch (rc) {
    case GIT_ENOTFOUND:
      return absl::StatusCode::kNotFound;
    case GIT_EEXISTS:
      return absl::StatusCode::kAlreadyExists;
    case GIT_EAUTH:
      return absl::StatusCode::kUnauthenticated;
    case GIT_ECERTIFICATE:
      return absl::StatusCode::kFailedPrecondition;
    case GIT_EUSER:
      return absl::StatusCode::kCancelled;
    case GIT_EMISMATCH:
      return absl::StatusCode::kDataLoss;
    case GIT_EAMBIGUOUS:
    case GIT_EINVALIDSPEC:
    case GIT_EPEEL:
      return absl::StatusCode::kInvalidArgument;
    case GIT_EEOF:
      return absl::StatusCode::kUnavailable;
    case GIT_ELOCKED:
      return absl::StatusCode::kAborted;
    default:
      return CodeOfClass(klass, text);
  }
}

}  // namespace

void StartLibrary() {
  static std::once_flag once;
  std::call_once(once, Start);
}

absl::StatusOr<std::unique_ptr<KnownHosts>> KnownHosts::Offer(absl::string_view text) {
  base::FileDescriptor file(::memfd_create("known_hosts", MFD_CLOEXEC));
  if (!file.valid()) return base::ErrnoStatus(errno, "memfd_create");
  RETURN_IF_ERROR(base::WriteFully(file.get(), text, "known hosts"));
  known_hosts_path = absl::StrCat("/proc/self/fd/", file.get());
  return std::unique_ptr<KnownHosts>(new KnownHosts(std::move(file)));
}

KnownHosts::~KnownHosts() { known_hosts_path.clear(); }

absl::Status ToStatus(int rc, absl::string_view doing) {
  if (rc >= 0) return absl::OkStatus();
  const git_error* const error = git_error_last();
  const absl::string_view text =
      error == nullptr || error->message == nullptr ? "no reason given" : error->message;
  const int klass = error == nullptr ? GIT_ERROR_NONE : error->klass;
  return absl::Status(CodeOf(rc, klass, text), absl::StrCat(doing, ": ", text));
}

std::string Hex(const git_oid& id) {
  char text[GIT_OID_HEXSZ + 1];
  git_oid_tostr(text, sizeof(text), &id);
  return text;
}

}  // namespace stevedore::context::git

// libgit2 asks a server for the kind of host key that ~/.ssh/known_hosts has, and lets nobody
// choose the file. Without this, a server that is known by its ed25519 key would show its ecdsa key
// and be refused. Stands before libssh2's own function of this name; whatever it does, the host key
// is checked by Connection::OnCertificate.
extern "C" int libssh2_knownhost_readfile(void* hosts, const char* file, int type) {
  using Read = int (*)(void*, const char*, int);
  static const Read read = reinterpret_cast<Read>(::dlsym(RTLD_NEXT, "libssh2_knownhost_readfile"));
  const std::string& own = stevedore::context::git::known_hosts_path;
  if (read == nullptr) return -1;
  return read(hosts, own.empty() ? file : own.c_str(), type);
}
