// The keys that ssh servers are known by.

#ifndef STEVEDORE_CONTEXT_SSH_KNOWN_HOSTS_H_
#define STEVEDORE_CONTEXT_SSH_KNOWN_HOSTS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace stevedore::context {

// What stands in known_hosts files, as sshd(8) describes them: plain and hashed names, patterns,
// ports, revoked keys. Certificate authorities and key types that the ssh library does not know are
// left out. Thread-safe once built.
class SshKnownHosts {
 public:
  // A host's key as the file has it.
  struct Key {
    std::string type;    // "ssh-ed25519".
    std::string base64;  // The key itself.
  };
  enum class Verdict {
    kKnown,
    kUnknown,   // No line names this host.
    kOtherKey,  // The host is known by other keys.
    kRevoked,   // A line forbids this key.
  };

  // Adds the lines of a file. What is no line of such a file is left out: it vouches for nothing.
  void Add(absl::string_view text);

  // The keys that `host` may have at `port`, the best kind first.
  std::vector<Key> KeysOf(absl::string_view host, int port) const;

  // Whether the raw public key `key` is one of them.
  Verdict Check(absl::string_view host, int port, absl::string_view key) const;

  // The files that count: $SSH_KNOWN_HOSTS (several with colons), else ~/.ssh/known_hosts and
  // /etc/ssh/ssh_known_hosts.
  static std::vector<std::string> DefaultFiles();
  // All of `files` together; those that are not there or not readable are empty.
  static SshKnownHosts Load(const std::vector<std::string>& files);

 private:
  struct Line {
    std::string patterns;
    Key key;
    bool revoked = false;
  };
  std::vector<Line> lines_;
};

// The kind of a raw public key as it names itself: "ssh-rsa"; empty if it is none. Thread-safe.
std::string SshKeyType(absl::string_view raw_key);

}  // namespace stevedore::context

#endif  // STEVEDORE_CONTEXT_SSH_KNOWN_HOSTS_H_
