// Any bytes as what git repositories, servers and users' files hold: URLs, .gitmodules, LFS
// pointers, answers of cat-file, known_hosts, private keys and the table of digests. Errors or
// values, never a crash; what is accepted keeps its promises.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "context/git_blob_table.h"
#include "context/git_formats.h"
#include "context/git_url.h"
#include "context/ssh_known_hosts.h"
#include "context/ssh_private_key.h"

using stevedore::context::GitUrl;

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void TryUrl(const std::string& text) {
  const auto url = GitUrl::Parse(text);
  if (!url.ok()) return;
  Require(url->scheme == GitUrl::Scheme::kLocal || !url->host.empty());
  const std::string shown = url->ToString();
  Require(shown.empty() || shown[0] != '-');
  const auto again = GitUrl::Parse(shown);
  Require(again.ok() && again->host == url->host && again->path == url->path);
  const auto parent = GitUrl::Parse("https://git.test/shop/web");
  const auto module = parent->Resolve(text);
  Require(!module.ok() || module->scheme != GitUrl::Scheme::kLocal);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string text(reinterpret_cast<const char*>(bytes), size);
  TryUrl(text);
  const auto modules = stevedore::context::ParseGitModules(text);
  if (modules.ok()) {
    for (const auto& module : *modules) Require(!module.path.empty() && !module.url.empty());
  }
  (void)stevedore::context::IsLfsPointer(text);
  (void)stevedore::context::ParseCatFileHeader(text, text.substr(0, text.find(' ')));
  const auto folder = stevedore::context::CleanSubdirectory(text);
  if (folder.ok()) Require(("/" + *folder + "/").find("/../") == std::string::npos);
  stevedore::context::SshKnownHosts hosts;
  hosts.Add(text);
  hosts.Add("git.test ssh-ed25519 " + text);
  (void)hosts.Check("git.test", 22, text);
  (void)hosts.KeysOf("git.test", 2222);
  (void)stevedore::context::LookAtPrivateKey(text);
  stevedore::context::GitBlobTable table;
  (void)table.Decode(text);
  return 0;
}
