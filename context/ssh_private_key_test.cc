#include "context/ssh_private_key.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/status/statusor.h"
#include "base/file.h"
#include "base/program.h"
#include "base/testing/status_matchers.h"

namespace stevedore::context {
namespace {

// A key as ssh-keygen makes it.
std::string NewKey(const std::vector<std::string>& options) {
  absl::StatusOr<base::TemporaryDirectory> directory = base::TemporaryDirectory::Create();
  EXPECT_TRUE(directory.ok());
  const std::string file = directory->path() + "/key";
  base::ProgramOptions program;
  program.argv = {"ssh-keygen", "-q", "-f", file};
  program.argv.insert(program.argv.end(), options.begin(), options.end());
  const auto result = base::RunProgram(program);
  EXPECT_TRUE(result.ok() && result->exit_code == 0) << result.status();
  return base::ReadFile(file).value_or("");
}

TEST(SshPrivateKeyTest, TellsKindAndLockFromOutside) {
  const SshPrivateKey plain = LookAtPrivateKey(NewKey({"-t", "ed25519", "-N", ""}));
  EXPECT_TRUE(plain.is_key);
  EXPECT_FALSE(plain.encrypted);
  EXPECT_FALSE(plain.rsa);
  const SshPrivateKey locked = LookAtPrivateKey(NewKey({"-t", "ecdsa", "-N", "sesame"}));
  EXPECT_TRUE(locked.is_key);
  EXPECT_TRUE(locked.encrypted);
  EXPECT_FALSE(locked.rsa);
  const SshPrivateKey rsa = LookAtPrivateKey(NewKey({"-t", "rsa", "-b", "1024", "-N", ""}));
  EXPECT_TRUE(rsa.is_key);
  EXPECT_TRUE(rsa.rsa);
  const SshPrivateKey pem =
      LookAtPrivateKey(NewKey({"-t", "rsa", "-b", "1024", "-m", "PEM", "-N", "sesame"}));
  EXPECT_TRUE(pem.is_key);
  EXPECT_TRUE(pem.encrypted);
  EXPECT_TRUE(pem.rsa);
}

TEST(SshPrivateKeyTest, EverythingElseIsNoKey) {
  for (const char* text :
       {"", "ssh-ed25519 AAAA", "-----BEGIN ", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END",
        "-----BEGIN OPENSSH PRIVATE KEY-----\n!!!\n-----END OPENSSH PRIVATE KEY-----\n",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n-----END"}) {
    EXPECT_FALSE(LookAtPrivateKey(text).is_key) << text;
  }
}

}  // namespace
}  // namespace stevedore::context
