#include "context/git_credential.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/status_matchers.h"
#include "credentials/bundle.h"

namespace stevedore::context {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

credentials::Record RecordOf(const std::string& id) {
  credentials::Record record;
  record.id = id;
  return record;
}

TEST(GitCredentialTest, TheStoreHasPriorityOverWhatStandsInPlace) {
  credentials::Record record = RecordOf("git.test");
  record.username = "stored";
  record.password = base::Secret("hush");
  record.private_key_file = "/keys/other";
  const credentials::MemoryRecordStore store("the store", {record});
  GitAuth auth;
  auth.credentials_id = "git.test";
  auth.username = "inline";
  auth.password = base::Secret("loud");
  ASSERT_OK_AND_ASSIGN(const GitCredential chosen, SelectGitCredential(auth, &store));
  EXPECT_EQ(chosen.username, "stored");
  EXPECT_EQ(chosen.password.Reveal(), "hush");
  EXPECT_FALSE(chosen.has_key());
}

TEST(GitCredentialTest, KeyAgentAndNothingUsable) {
  credentials::Record key = RecordOf("key");
  key.private_key_file = "/keys/id_ed25519";
  key.private_key_password = base::Secret("hush");
  key.git_ssh_user = "deploy";
  credentials::Record agent = RecordOf("agent");
  agent.use_ssh_agent = true;
  credentials::Record aws = RecordOf("aws");
  aws.aws_use_default_credentials_chain = true;
  const credentials::MemoryRecordStore store("the store", {key, agent, aws});
  GitAuth auth;
  auth.username = "inline";
  auth.password = base::Secret("loud");
  auth.credentials_id = "key";
  ASSERT_OK_AND_ASSIGN(GitCredential chosen, SelectGitCredential(auth, &store));
  EXPECT_EQ(chosen.private_key_file, "/keys/id_ed25519");
  EXPECT_EQ(chosen.private_key_password.Reveal(), "hush");
  EXPECT_EQ(chosen.ssh_user, "deploy");
  auth.credentials_id = "agent";
  ASSERT_OK_AND_ASSIGN(chosen, SelectGitCredential(auth, &store));
  EXPECT_FALSE(chosen.has_key() || chosen.has_password());
  auth.credentials_id = "aws";  // Nothing for git: what stands in place is next.
  ASSERT_OK_AND_ASSIGN(chosen, SelectGitCredential(auth, &store));
  EXPECT_EQ(chosen.username, "inline");
}

TEST(GitCredentialTest, InPlaceAPasswordComesBeforeAKey) {
  GitAuth auth;
  auth.private_key_file = "/keys/id";
  auth.ssh_user = "me";
  ASSERT_OK_AND_ASSIGN(GitCredential chosen, SelectGitCredential(auth, nullptr));
  EXPECT_EQ(chosen.private_key_file, "/keys/id");
  EXPECT_EQ(chosen.ssh_user, "me");
  auth.username = "u";  // Half a pair is none.
  ASSERT_OK_AND_ASSIGN(chosen, SelectGitCredential(auth, nullptr));
  EXPECT_TRUE(chosen.has_key());
  auth.password = base::Secret("p");
  ASSERT_OK_AND_ASSIGN(chosen, SelectGitCredential(auth, nullptr));
  EXPECT_TRUE(chosen.has_password());
  EXPECT_FALSE(chosen.has_key());
}

TEST(GitCredentialTest, AnIdWithoutRecordIsAnErrorThatSaysWhatToDo) {
  const credentials::MemoryRecordStore store("the store", {});
  GitAuth auth;
  auth.credentials_id = "git.test";
  EXPECT_THAT(
      SelectGitCredential(auth, &store),
      StatusIs(absl::StatusCode::kNotFound, AllOf(HasSubstr("git.test"), HasSubstr("the store"),
                                                  HasSubstr("create credentials git.test"))));
  EXPECT_THAT(SelectGitCredential(auth, nullptr),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("git.test")));
}

TEST(GitCredentialTest, IdentitiesDifferAndHideSecrets) {
  GitCredential anonymous, a, b, key;
  a.username = b.username = "me";
  a.password = base::Secret("hush1");
  b.password = base::Secret("hush2");
  key.private_key_file = "/keys/id";
  EXPECT_NE(a.Identity(), b.Identity());
  EXPECT_NE(a.Identity(), anonymous.Identity());
  EXPECT_NE(key.Identity(), anonymous.Identity());
  EXPECT_THAT(a.Identity(), Not(HasSubstr("hush")));
}

}  // namespace
}  // namespace stevedore::context
