#include "context/ssh_known_hosts.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "absl/strings/escaping.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"

namespace stevedore::context {
namespace {

using Verdict = SshKnownHosts::Verdict;

constexpr char kEd25519[] = "AAAAC3NzaC1lZDI1NTE5AAAAIKvRWFN1JSeZL6gjBybjrsMLo5yzsp3JEUg7Pvp+OdDy";
constexpr char kOther[] =
    "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBDXE6AZ5fPztVdvEs+tZgDgWCI+utxEFEuPC1d"
    "hNX2aUynWpZ6CwUsmmERsbrvzgqd+3FRunEZ+eRCRX+AJcNcU=";
// "git.test", as ssh-keygen -H hides it.
constexpr char kHashed[] = "|1|toEP1c1IUeCC5lorGZyG/2BzBw8=|nkLjpsZiJGD41G8TVW6/7tTQD7Q=";

std::string Raw(const char* base64) {
  std::string raw;
  EXPECT_TRUE(absl::Base64Unescape(base64, &raw));
  return raw;
}

std::string LineOf(const std::string& hosts, const std::string& type, const char* key) {
  return hosts + " " + type + " " + key + " comment\n";
}

TEST(SshKnownHostsTest, HostsAreFoundHoweverTheyAreWritten) {
  struct Row {
    const char* pattern;
    const char* host;
    int port;
    bool known;
  };
  const Row rows[] = {
      {"git.test", "git.test", 22, true},
      {"git.test", "GIT.test", 22, true},
      {"git.test", "git.test", 2222, false},
      {"a.test,git.test", "git.test", 22, true},
      {"[git.test]:2222", "git.test", 2222, true},
      {"[git.test]:2222", "git.test", 22, false},
      {"*.test", "git.test", 22, true},
      {"g?t.test", "git.test", 22, true},
      {"*.test,!git.test", "git.test", 22, false},
      {"*.test,!git.test", "hub.test", 22, true},
      {"*.example.com", "git.test", 22, false},
      {kHashed, "git.test", 22, true},
      {kHashed, "hub.test", 22, false},
      {"|1|broken", "git.test", 22, false},
      {"|2|YQ==|YQ==", "git.test", 22, false},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(std::string(row.pattern) + " for " + row.host);
    SshKnownHosts hosts;
    hosts.Add(LineOf(row.pattern, "ssh-ed25519", kEd25519));
    EXPECT_EQ(hosts.Check(row.host, row.port, Raw(kEd25519)),
              row.known ? Verdict::kKnown : Verdict::kUnknown);
    EXPECT_EQ(hosts.KeysOf(row.host, row.port).size(), row.known ? 1 : 0);
  }
}

TEST(SshKnownHostsTest, OtherAndRevokedKeysAreToldApart) {
  SshKnownHosts hosts;
  hosts.Add(LineOf("git.test", "ecdsa-sha2-nistp256", kOther));
  EXPECT_EQ(hosts.Check("git.test", 22, Raw(kEd25519)), Verdict::kOtherKey);
  hosts.Add("# comment\n\nnonsense\ngit.test ssh-ed25519 !!!\n");
  EXPECT_EQ(hosts.Check("git.test", 22, Raw(kEd25519)), Verdict::kOtherKey);
  hosts.Add(LineOf("git.test", "ssh-ed25519", kEd25519));
  EXPECT_EQ(hosts.Check("git.test", 22, Raw(kEd25519)), Verdict::kKnown);
  hosts.Add(LineOf("@revoked *", "ssh-ed25519", kEd25519));
  EXPECT_EQ(hosts.Check("git.test", 22, Raw(kEd25519)), Verdict::kRevoked);
}

TEST(SshKnownHostsTest, AuthoritiesVouchForNothing) {
  SshKnownHosts hosts;
  hosts.Add(LineOf("@cert-authority *.test", "ssh-ed25519", kEd25519));
  EXPECT_EQ(hosts.Check("git.test", 22, Raw(kEd25519)), Verdict::kUnknown);
}

TEST(SshKnownHostsTest, TheBestKindOfKeyComesFirst) {
  SshKnownHosts hosts;
  hosts.Add(LineOf("git.test", "ssh-rsa", kOther) +
            LineOf("git.test", "ecdsa-sha2-nistp256", kOther) +
            LineOf("git.test", "ssh-ed25519", kEd25519) +
            LineOf("git.test", "sk-ssh-ed25519@openssh.com", kEd25519));
  const auto keys = hosts.KeysOf("git.test", 22);
  ASSERT_EQ(keys.size(), 3);
  EXPECT_EQ(keys[0].type, "ssh-ed25519");
  EXPECT_EQ(keys[1].type, "ecdsa-sha2-nistp256");
  EXPECT_EQ(keys[2].type, "ssh-rsa");
}

TEST(SshKnownHostsTest, FilesThatAreNotThereAreEmpty) {
  ASSERT_OK_AND_ASSIGN(const base::TemporaryDirectory directory,
                       base::TemporaryDirectory::Create());
  const std::string file = directory.path() + "/known_hosts";
  ASSERT_OK(base::WriteFileAtomically(file, LineOf("git.test", "ssh-ed25519", kEd25519)));
  const SshKnownHosts hosts = SshKnownHosts::Load({"/nowhere/known_hosts", file});
  EXPECT_EQ(hosts.Check("git.test", 22, Raw(kEd25519)), Verdict::kKnown);
}

TEST(SshKnownHostsTest, TheEnvironmentNamesOtherFiles) {
  ::setenv("SSH_KNOWN_HOSTS", "/a:/b", 1);
  EXPECT_EQ(SshKnownHosts::DefaultFiles(), (std::vector<std::string>{"/a", "/b"}));
  ::unsetenv("SSH_KNOWN_HOSTS");
  EXPECT_EQ(SshKnownHosts::DefaultFiles().back(), "/etc/ssh/ssh_known_hosts");
}

TEST(SshKeyTypeTest, KeysNameTheirKind) {
  EXPECT_EQ(SshKeyType(Raw(kEd25519)), "ssh-ed25519");
  EXPECT_EQ(SshKeyType(Raw(kOther)), "ecdsa-sha2-nistp256");
  EXPECT_EQ(SshKeyType(""), "");
  EXPECT_EQ(SshKeyType(std::string("\0\0\1\0x", 5)), "");
}

}  // namespace
}  // namespace stevedore::context
