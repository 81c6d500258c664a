#include "context/git_remote.h"

#include <cstdlib>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/status.h"
#include "context/ssh_known_hosts.h"
#include "context/ssh_private_key.h"

namespace stevedore::context::git {
namespace {

constexpr absl::string_view kRsaAdvice =
    "this is an RSA key, and the ssh library signs with it in a way (SHA-1) that current servers "
    "refuse: use an ed25519 or ecdsa key, made with: ssh-keygen -t ed25519";
constexpr uint64_t kKeyFileLimit = 1 << 20;

bool IsSet(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

bool ProxyConfigured() {
  for (const char* name : {"http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"}) {
    if (IsSet(name)) return true;
  }
  return false;
}

bool IsHttp(const GitUrl& url) {
  return url.scheme == GitUrl::Scheme::kHttp || url.scheme == GitUrl::Scheme::kHttps;
}

NetworkWatchOptions WatchOptions(const ServerOptions& options) {
  NetworkWatchOptions watch;
  watch.connect_timeout = options.connect_timeout;
  watch.idle_timeout = options.idle_timeout;
  watch.stop = options.stop;
  watch.host = options.url.host;
  watch.port = options.url.EffectivePort();
  return watch;
}

std::vector<std::string> KnownHostsFiles(const ServerOptions& options) {
  return options.known_hosts_files.empty() ? SshKnownHosts::DefaultFiles()
                                           : options.known_hosts_files;
}

// "[host]:2222" as ssh-keygen -R wants it.
std::string HostName(const GitUrl& url) {
  const int port = url.EffectivePort();
  return port == 22 ? url.host : absl::StrCat("'[", url.host, "]:", port, "'");
}

std::string KeyScan(const GitUrl& url, const std::string& file) {
  const int port = url.EffectivePort();
  return absl::StrCat("ssh-keyscan ", port == 22 ? "" : absl::StrCat("-p ", port, " "), url.host,
                      " >> ", file);
}

// "ssh-ed25519 SHA256:...", as ssh itself shows keys.
std::string Fingerprint(const git_cert_hostkey& key, absl::string_view raw) {
  std::string text = SshKeyType(raw);
  if ((key.type & GIT_CERT_SSH_SHA256) != 0) {
    std::string base64 =
        absl::Base64Escape(absl::string_view(reinterpret_cast<const char*>(key.hash_sha256), 32));
    while (absl::EndsWith(base64, "=")) base64.pop_back();
    absl::StrAppend(&text, " SHA256:", base64);
  }
  return text;
}

absl::Status CheckHostKey(const git_cert_hostkey& key, const ServerOptions& options) {
  const GitUrl& url = options.url;
  const absl::string_view raw(key.hostkey, key.hostkey == nullptr ? 0 : key.hostkey_len);
  const std::vector<std::string> files = KnownHostsFiles(options);
  const std::string file = files.empty() ? "~/.ssh/known_hosts" : files[0];
  const std::string shown = Fingerprint(key, raw);
  switch (SshKnownHosts::Load(files).Check(url.host, url.EffectivePort(), raw)) {
    case SshKnownHosts::Verdict::kKnown:
      return absl::OkStatus();
    case SshKnownHosts::Verdict::kUnknown:
      return absl::PermissionDeniedError(
          absl::StrCat("the ssh server ", url.host, " is not known here: its host key ", shown,
                       " is not in ", absl::StrJoin(files, " or "),
                       "; compare it with what the server's owner says, then add "
                       "it with: ",
                       KeyScan(url, file)));
    case SshKnownHosts::Verdict::kRevoked:
      return absl::PermissionDeniedError(absl::StrCat("the host key ", shown, " of ", url.host,
                                                      " is revoked in ",
                                                      absl::StrJoin(files, " or ")));
    case SshKnownHosts::Verdict::kOtherKey:
      break;
  }
  return absl::PermissionDeniedError(absl::StrCat(
      "wrong host key: ", url.host, " shows ", shown, ", but ", absl::StrJoin(files, " or "),
      " knows it by another; somebody may be listening in, or the server has a new key. If its "
      "owner confirms the new one: ssh-keygen -f ",
      file, " -R ", HostName(url), " && ", KeyScan(url, file)));
}

absl::StatusCode CodeOfHttp(absl::string_view text) {
  if (absl::StrContains(text, "status code: 404")) return absl::StatusCode::kNotFound;
  if (absl::StrContains(text, "status code: 403")) return absl::StatusCode::kPermissionDenied;
  if (absl::StrContains(text, "status code: 401")) return absl::StatusCode::kUnauthenticated;
  return absl::StatusCode::kUnavailable;
}

}  // namespace

Connection::Connection(ServerOptions options)
    : options_(std::move(options)), watch_(WatchOptions(options_)) {}

Connection::~Connection() {
  // Its sockets tell the watch when they close.
  if (remote_ != nullptr) git_remote_disconnect(remote_.get());
  remote_.reset();
}

absl::StatusOr<std::unique_ptr<Connection>> Connection::Open(git_repository* mirror,
                                                             ServerOptions options) {
  std::unique_ptr<Connection> connection(new Connection(std::move(options)));
  RETURN_IF_ERROR(connection->Start(mirror), "git repository ",
                  connection->options_.url.ToString());
  return connection;
}

git_remote_callbacks Connection::Callbacks() {
  git_remote_callbacks callbacks = GIT_REMOTE_CALLBACKS_INIT;
  callbacks.credentials = OnCredentials;
  callbacks.certificate_check = OnCertificate;
  callbacks.transfer_progress = OnProgress;
  callbacks.sideband_progress = OnText;
  callbacks.payload = this;
  return callbacks;
}

absl::Status Connection::Start(git_repository* mirror) {
  StartLibrary();
  if (options_.url.scheme == GitUrl::Scheme::kSsh) RETURN_IF_ERROR(PrepareSsh());
  const std::string url = options_.url.ToString();
  if (options_.url.scheme == GitUrl::Scheme::kLocal) {
    Repository local;
    if (git_repository_open(base::Out(local), url.c_str()) < 0) {
      return absl::NotFoundError(absl::StrCat(
          base::Exists(url) ? "this folder is no git repository" : "there is no such folder",
          " on this machine; correct `git.repository`"));
    }
  }
  git_remote_create_options create = GIT_REMOTE_CREATE_OPTIONS_INIT;
  create.repository = mirror;
  // Nobody's configuration rewrites URLs here; looking for it would match regular expressions,
  // each of which costs libgit2 1.5 some 20 KiB for ever.
  create.flags = GIT_REMOTE_CREATE_SKIP_INSTEADOF | GIT_REMOTE_CREATE_SKIP_DEFAULT_FETCHSPEC;
  RETURN_IF_ERROR(
      ToStatus(git_remote_create_with_opts(base::Out(remote_), url.c_str(), &create), "prepare"));
  git_remote_connect_options connect = GIT_REMOTE_CONNECT_OPTIONS_INIT;
  connect.callbacks = Callbacks();
  if (IsHttp(options_.url) && ProxyConfigured()) {
    connect.proxy_opts.type = GIT_PROXY_AUTO;
    // Through a proxy one does not see where a redirect leads.
    connect.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
  }
  const int rc = git_remote_connect_ext(remote_.get(), GIT_DIRECTION_FETCH, &connect);
  if (rc < 0) return Explain(rc, "connect");
  return ReadRefs();
}

absl::Status Connection::PrepareSsh() {
  const SshKnownHosts hosts = SshKnownHosts::Load(KnownHostsFiles(options_));
  const int port = options_.url.EffectivePort();
  // The check itself is in OnCertificate.
  std::string text;
  for (const SshKnownHosts::Key& key : hosts.KeysOf(options_.url.host, port)) {
    absl::StrAppend(&text, "[", options_.url.host, "]:", port, " ", key.type, " ", key.base64, "\n",
                    options_.url.host, " ", key.type, " ", key.base64, "\n");
  }
  ASSIGN_OR_RETURN(known_hosts_, KnownHosts::Offer(text));
  return absl::OkStatus();
}

absl::Status Connection::ReadRefs() {
  const git_remote_head** heads = nullptr;
  size_t count = 0;
  const int rc = git_remote_ls(&heads, &count, remote_.get());
  if (rc < 0) return Explain(rc, "list references");
  for (size_t i = 0; i < count; ++i) {
    AdvertisedRef ref;
    ref.name = heads[i]->name;
    ref.id = Hex(heads[i]->oid);
    if (heads[i]->symref_target != nullptr) ref.target = heads[i]->symref_target;
    refs_.push_back(std::move(ref));
  }
  return absl::OkStatus();
}

absl::Status Connection::Fetch(const std::vector<std::string>& refspecs) {
  std::vector<char*> pointers;
  for (const std::string& refspec : refspecs)
    pointers.push_back(const_cast<char*>(refspec.c_str()));
  const git_strarray array = {pointers.data(), pointers.size()};
  git_fetch_options fetch = GIT_FETCH_OPTIONS_INIT;
  fetch.callbacks = Callbacks();
  fetch.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
  fetch.prune = GIT_FETCH_NO_PRUNE;
  fetch.update_fetchhead = 0;
  if (IsHttp(options_.url) && ProxyConfigured()) {
    fetch.proxy_opts.type = GIT_PROXY_AUTO;
    fetch.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
  }
  const int rc = git_remote_fetch(remote_.get(), &array, &fetch, nullptr);
  if (rc < 0) {
    return base::Annotate(Explain(rc, "fetch"),
                          absl::StrCat("git repository ", options_.url.ToString()));
  }
  return absl::OkStatus();
}

absl::Status Connection::Explain(int rc, absl::string_view doing) const {
  if (!refused_.ok()) return refused_;
  if (const absl::Status cut = watch_.failure(); !cut.ok()) return cut;
  if (options_.stop.stop_requested()) return absl::CancelledError("cancelled");
  absl::Status status = ToStatus(rc, doing);
  const git_error* const error = git_error_last();
  const absl::string_view text = status.message();
  if (error != nullptr && error->klass == GIT_ERROR_HTTP) {
    status = absl::Status(CodeOfHttp(text), text);
  }
  if (absl::StrContains(text, "remote error") || absl::StrContains(text, "not found")) {
    status = absl::NotFoundError(text);  // The server was reached and has said no.
  }
  if (rc == GIT_ECERTIFICATE || absl::StrContains(text, "certificate")) {
    return absl::PermissionDeniedError(absl::StrCat(
        text,
        "; if the server's certificate is from an authority of your own, name its file in "
        "SSL_CERT_FILE"));
  }
  if (absl::StrContains(text, "Private key unpack failed") ||
      absl::StrContains(text, "extract public key")) {
    return absl::UnauthenticatedError(
        absl::StrCat("private key file ", options_.credential.private_key_file,
                     " cannot be opened: its password is wrong, or it is damaged"));
  }
  if (absl::StrContains(text, "error loading known_hosts") && !IsSet("HOME")) {
    return absl::FailedPreconditionError(
        "the ssh library needs the variable HOME, which is not set; set it to any folder");
  }
  if (absl::StrContains(text, "SSH session") && absl::StrContains(text, "exchange")) {
    return absl::UnavailableError(absl::StrCat(
        text,
        "; the server and the ssh library share no algorithm: if known_hosts has only an "
        "ssh-rsa key for the server, add its ed25519 or ecdsa key: ",
        KeyScan(options_.url, "~/.ssh/known_hosts")));
  }
  if (absl::IsNotFound(status)) {
    return absl::NotFoundError(
        absl::StrCat(text, "; correct `git.repository`, or name credentials that may see it"));
  }
  return status;
}

int Connection::Refuse(absl::Status why) {
  if (refused_.ok()) refused_ = std::move(why);
  git_error_set_str(GIT_ERROR_CALLBACK, "refused");
  return GIT_EUSER;
}

int Connection::OnProgress(const git_indexer_progress* /*stats*/, void* payload) {
  auto* const self = static_cast<Connection*>(payload);
  self->watch_.Progress();
  return self->options_.stop.stop_requested() || self->watch_.cut() ? GIT_EUSER : 0;
}

int Connection::OnText(const char* /*text*/, int /*size*/, void* payload) {
  return OnProgress(nullptr, payload);
}

int Connection::OnCertificate(git_cert* certificate, int valid, const char* host, void* payload) {
  auto* const self = static_cast<Connection*>(payload);
  if (certificate->cert_type == GIT_CERT_HOSTKEY_LIBSSH2) {
    const absl::Status known =
        CheckHostKey(*reinterpret_cast<git_cert_hostkey*>(certificate), self->options_);
    return known.ok() ? 0 : self->Refuse(known);
  }
  if (valid != 0) return 0;
  return self->Refuse(absl::PermissionDeniedError(absl::StrCat(
      "the certificate of ", host == nullptr ? "the server" : host,
      " is not valid; if it is from an authority of your own, name its file in SSL_CERT_FILE")));
}

int Connection::OnCredentials(git_credential** out, const char* /*url*/, const char* user,
                              unsigned int allowed, void* payload) {
  auto* const self = static_cast<Connection*>(payload);
  const GitUrl& url = self->options_.url;
  if ((allowed & GIT_CREDENTIAL_USERNAME) != 0) {
    const std::string& name = url.user.empty() ? self->options_.credential.ssh_user : url.user;
    return git_credential_username_new(out, name.c_str());
  }
  const std::string elsewhere = self->watch_.elsewhere();
  if (!elsewhere.empty() && !(IsHttp(url) && ProxyConfigured())) {
    return self->Refuse(absl::PermissionDeniedError(absl::StrCat(
        "the server redirects to ", elsewhere, ", which wants credentials; those of ", url.host,
        " are not shown there; use that address in the definition if it is right")));
  }
  if (url.scheme == GitUrl::Scheme::kSsh) return self->GiveSshCredentials(out, user, allowed);
  if ((allowed & GIT_CREDENTIAL_USERPASS_PLAINTEXT) != 0) return self->GivePassword(out);
  return self->Refuse(absl::UnauthenticatedError(
      "the server wants a kind of credentials other than user and password"));
}

int Connection::GivePassword(git_credential** out) {
  const GitCredential& credential = options_.credential;
  std::string user = credential.username;
  const base::Secret* password = &credential.password;
  if (!credential.has_password() && !options_.url.password.empty()) {
    user = options_.url.user;
    password = &options_.url.password;
  }
  if (user.empty() || password->empty()) {
    return Refuse(absl::UnauthenticatedError(absl::StrCat(
        "the server wants a user and a password (some answer so if there is no such repository); ",
        credential.source.empty() ? "name credentials with `git.auth.credentials_id`"
                                  : absl::StrCat(credential.source, " have none"))));
  }
  if (++asked_ > 1) {
    return Refuse(absl::UnauthenticatedError(
        absl::StrCat("the server refuses user ", base::Quoted(user), " with the password of ",
                     credential.source.empty() ? "the definition" : credential.source)));
  }
  watch_.CredentialsGiven();
  return git_credential_userpass_plaintext_new(out, user.c_str(), password->Reveal().c_str());
}

int Connection::GiveSshCredentials(git_credential** out, const char* user, unsigned int allowed) {
  const GitCredential& credential = options_.credential;
  const std::string name = user == nullptr ? credential.ssh_user : user;
  const std::string of = credential.source.empty() ? "" : absl::StrCat(" of ", credential.source);
  ++asked_;
  if (credential.has_password() && !credential.has_key()) {
    if (asked_ > 1 || (allowed & GIT_CREDENTIAL_USERPASS_PLAINTEXT) == 0) {
      return Refuse(absl::UnauthenticatedError(
          absl::StrCat("the ssh server refuses user ", base::Quoted(name), " with the password", of,
                       "; most want a key")));
    }
    return git_credential_userpass_plaintext_new(out, name.c_str(),
                                                 credential.password.Reveal().c_str());
  }
  if (!credential.has_key()) {
    if (!IsSet("SSH_AUTH_SOCK")) {
      return Refuse(absl::UnauthenticatedError(
          absl::StrCat("no key for ssh: no ssh-agent is running (SSH_AUTH_SOCK is not set) and no "
                       "key file is named",
                       of, "; name a credential with `git.auth.credentials_id`")));
    }
    if (agent_asked_) {
      return Refuse(absl::UnauthenticatedError(absl::StrCat(
          "the ssh server refuses user ", base::Quoted(name),
          " with every key of the ssh-agent; list them with ssh-add -l (RSA keys do not work with "
          "current servers: use ed25519 or ecdsa)")));
    }
    agent_asked_ = true;
    return git_credential_ssh_key_from_agent(out, name.c_str());
  }
  return GiveKey(out, name, of);
}

int Connection::GiveKey(git_credential** out, const std::string& name, const std::string& of) {
  const GitCredential& credential = options_.credential;
  base::Secret text = credential.private_key;
  const std::string file = text.empty() ? credential.private_key_file : "that came with the build";
  if (text.empty()) {
    absl::StatusOr<std::string> read = base::ReadFile(file, kKeyFileLimit);
    if (!read.ok()) {
      return Refuse(absl::FailedPreconditionError(
          absl::StrCat("private key file", of, ": ", read.status().message())));
    }
    text = base::Secret(*std::move(read));
  }
  const SshPrivateKey key = LookAtPrivateKey(text.Reveal());
  if (!key.is_key) {
    return Refuse(absl::FailedPreconditionError(
        absl::StrCat("private key file ", file, of, " is no private key")));
  }
  const base::Secret& password = credential.private_key_password;
  if (key.encrypted && password.empty()) {
    return Refuse(absl::UnauthenticatedError(absl::StrCat(
        "private key file ", file, of, " needs a password; give it as private_key_password")));
  }
  if (asked_ > 1) {
    return Refuse(absl::UnauthenticatedError(
        absl::StrCat("the ssh server refuses user ", base::Quoted(name), " with the key ", file, of,
                     key.encrypted ? ", or its password is wrong" : "",
                     key.rsa ? absl::StrCat("; ", kRsaAdvice) : "")));
  }
  return git_credential_ssh_key_memory_new(out, name.c_str(), nullptr, text.Reveal().c_str(),
                                           password.empty() ? nullptr : password.Reveal().c_str());
}

}  // namespace stevedore::context::git
