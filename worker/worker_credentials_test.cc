#include "worker/worker_credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/secret.h"
#include "base/testing/status_matchers.h"
#include "credentials/file_credential_store.h"
#include "credentials/record.h"

namespace stevedore::worker {
namespace {

using base::testing::StatusIs;
using credentials::FileCredentialStore;
using ::testing::AllOf;
using ::testing::HasSubstr;

class WorkerCredentialsTest : public ::testing::Test {
 protected:
  WorkerCredentialsTest() {
    credentials::Record record;
    record.id = "one:5000";
    record.username = "bob";
    record.password = base::Secret("builder");
    FileCredentialStore store(Path("store"), base::Secret("a key"),
                              credentials::RecordFormat::kJson);
    EXPECT_OK(store.Put(record, FileCredentialStore::Replace::kNo));
    Write("docker/config.json", R"({"auths": {"one:5000": {"auth": "YWxpY2U6c2VzYW1l"}}})");
    Write("key", "a key\n");
  }
  std::string Path(const std::string& name) const { return directory_.path() + "/" + name; }
  void Write(const std::string& name, const std::string& text) {
    EXPECT_OK(base::MakeDirectories(Path("docker")));
    EXPECT_OK(base::WriteFileAtomically(Path(name), text, 0600));
  }
  // Who the worker is to one:5000; "nobody" without credentials.
  std::string User(const WorkerFlags& flags) {
    const auto chain = OpenWorkerCredentials(flags, &http_, environment_);
    if (!chain.ok()) return std::string(chain.status().message());
    const auto found = (*chain)->Find("one:5000", "shop/web");
    if (!found.ok()) return std::string(found.status().message());
    return found->has_value() ? (*found)->username : "nobody";
  }

  base::TemporaryDirectory directory_ = base::TemporaryDirectory::Create().value();
  std::map<std::string, std::string> environment_;
  http::Client http_;
};

TEST_F(WorkerCredentialsTest, StoreThenDocker) {
  WorkerFlags flags;
  EXPECT_EQ(User(flags), "nobody");
  flags.docker_config = Path("docker");
  EXPECT_EQ(User(flags), "alice");
  flags.docker_config = Path("docker/config.json");
  EXPECT_EQ(User(flags), "alice");
  flags.credentials_local_storage_path = Path("store");
  flags.credentials_encryption_key_file = Path("key");
  EXPECT_EQ(User(flags), "bob");
  flags.credentials_encryption_key_file.clear();
  environment_["STEVEDORE_CREDENTIALS_ENCRYPTION_KEY"] = "a key";
  EXPECT_EQ(User(flags), "bob");
  environment_["STEVEDORE_CREDENTIALS_ENCRYPTION_KEY"] = "another key";
  EXPECT_THAT(User(flags), AllOf(HasSubstr(Path("store")), HasSubstr("`one:5000`")));
}

TEST_F(WorkerCredentialsTest, MistakesAreSaidAtTheStart) {
  WorkerFlags flags;
  flags.credentials_local_storage_path = Path("none");
  EXPECT_THAT(User(flags), AllOf(HasSubstr(Path("none")), HasSubstr("no such folder")));
  flags.credentials_local_storage_path = Path("store");
  flags.credentials_encryption_key_file = Path("none");
  EXPECT_THAT(User(flags), HasSubstr("--credentials-encryption-key-file"));
  Write("empty", "\n");
  flags.credentials_encryption_key_file = Path("empty");
  EXPECT_THAT(User(flags), HasSubstr("the file is empty"));
  flags = WorkerFlags();
  flags.credentials_encryption_key_file = Path("key");
  EXPECT_THAT(User(flags), HasSubstr("--credentials-local-storage-path"));
  flags = WorkerFlags();
  flags.credentials_storage_type = "envvars";
  EXPECT_THAT(User(flags), HasSubstr("STEVEDORE_CREDENTIALS_ENCRYPTION_KEY"));
  flags = WorkerFlags();
  flags.docker_config = Path("store");
  EXPECT_THAT(User(flags), AllOf(HasSubstr("--docker-config"), HasSubstr("config.json")));
}

TEST_F(WorkerCredentialsTest, SealingKeysAreLoaded) {
  const auto key = credentials::SealingPrivateKey::Generate();
  ASSERT_OK(key);
  Write("sealing", key->ToString().Reveal());
  WorkerFlags flags;
  EXPECT_TRUE(LoadSealingKeys(flags)->empty());
  flags.sealing_keys = {Path("sealing")};
  ASSERT_OK_AND_ASSIGN(const auto keyring, LoadSealingKeys(flags));
  EXPECT_THAT(keyring.ids(), ::testing::ElementsAre(key->public_key().id()));
  flags.sealing_keys.push_back(Path("key"));
  EXPECT_THAT(LoadSealingKeys(flags),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(Path("key"))));
}

}  // namespace
}  // namespace stevedore::worker
