#include "credentials/file_credential_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/secret.h"
#include "base/testing/status_matchers.h"
#include "credentials/envelope.h"
#include "credentials/record.h"
#include "credentials/record_store.h"

namespace stevedore::credentials {
namespace {

using base::testing::StatusIs;
using Replace = FileCredentialStore::Replace;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class FileCredentialStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto directory = base::TemporaryDirectory::Create();
    ASSERT_OK(directory);
    directory_.emplace(*std::move(directory));
    path_ = base::JoinPath(directory_->path(), "credentials");
  }

  FileCredentialStore Store(const std::string& key = "") const {
    return FileCredentialStore(path_, base::Secret(key), RecordFormat::kJson);
  }
  std::string File(const std::string& id) const { return base::JoinPath(path_, NameOfId(id)); }
  std::string Text(const std::string& id) const { return *base::ReadFile(File(id)); }
  void Write(const std::string& id, const std::string& text) const {
    ASSERT_OK(base::MakeDirectories(path_));
    ASSERT_OK(base::WriteFileAtomically(File(id), text));
  }
  // As gostevedore writes it.
  void WriteOld(const std::string& id, const std::string& key) const {
    Write(id,
          SealGostevedore(base::Secret(key), R"({"username":"u","password":"p"})", "nonce-of-12b"));
  }

  static Record Basic(const std::string& id, const std::string& password = "sesame") {
    Record record;
    record.id = id;
    record.username = "u";
    record.password = base::Secret(password);
    return record;
  }
  // The password, "none", or the error.
  static std::string Found(const FileCredentialStore& store, const std::string& id) {
    const auto record = store.Get(id);
    if (!record.ok()) return record.status().ToString();
    return record->has_value() ? (*record)->password.Reveal() : "none";
  }

  std::optional<base::TemporaryDirectory> directory_;
  std::string path_;
};

TEST_F(FileCredentialStoreTest, PlainStoreAsGostevedoreWritesIt) {
  FileCredentialStore store = Store();
  EXPECT_EQ(Found(store, "docker.io"), "none");
  ASSERT_OK(store.Put(Basic("docker.io"), Replace::kNo));
  EXPECT_EQ(Found(store, "docker.io"), "sesame");
  const std::string file = base::JoinPath(path_, "0b505db73d92bac18356fa3feb3cf7e3");
  EXPECT_THAT(*base::ReadFile(file), HasSubstr("  \"ID\": \"docker.io\",\n"));
  struct stat info;
  ASSERT_EQ(stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
}

TEST_F(FileCredentialStoreTest, ReplacesOnlyWhenAskedAndWithoutRemains) {
  FileCredentialStore store = Store();
  ASSERT_OK(store.Put(Basic("r", std::string(500, 'x')), Replace::kNo));
  EXPECT_THAT(store.Put(Basic("r"), Replace::kNo),
              StatusIs(absl::StatusCode::kAlreadyExists,
                       AllOf(HasSubstr("`r`"), HasSubstr(path_), HasSubstr("--force"))));
  EXPECT_EQ(Found(store, "r"), std::string(500, 'x'));
  ASSERT_OK(store.Put(Basic("r", "short"), Replace::kYes));
  EXPECT_EQ(Found(store, "r"), "short");
  ASSERT_OK_AND_ASSIGN(const auto entries, store.List());
  EXPECT_EQ(entries.size(), 1u);
}

TEST_F(FileCredentialStoreTest, ANewEncryptedStoreUsesOneScryptKey) {
  FileCredentialStore store = Store("k");
  ASSERT_OK(store.Put(Basic("a"), Replace::kNo));
  ASSERT_OK(store.Put(Basic("b"), Replace::kNo));
  EXPECT_EQ(KindOf(Text("a")), EnvelopeKind::kScrypt);
  EXPECT_EQ(Text("a").substr(0, 69), Text("b").substr(0, 69));
  EXPECT_EQ(Found(Store("k"), "b"), "sesame");
  EXPECT_THAT(Found(Store("x"), "b"), AllOf(HasSubstr("DATA_LOSS"), HasSubstr("`b`"),
                                            HasSubstr(path_), Not(HasSubstr("sesame"))));
  EXPECT_THAT(Found(Store(), "b"), HasSubstr("STEVEDORE_CREDENTIALS_ENCRYPTION_KEY"));
  // A second key never gets into the store.
  EXPECT_THAT(Store("x").Put(Basic("c"), Replace::kNo), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(Store().Put(Basic("c"), Replace::kNo),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("encrypted")));
}

TEST_F(FileCredentialStoreTest, AnOldStoreKeepsItsFormatUntilMigrated) {
  WriteOld("old", "k");
  FileCredentialStore store = Store("k");
  EXPECT_EQ(Found(store, "old"), "p");
  ASSERT_OK(store.Put(Basic("new"), Replace::kNo));
  EXPECT_EQ(KindOf(Text("new")), EnvelopeKind::kGostevedore);
  ASSERT_OK_AND_ASSIGN(const auto migration, store.Migrate(base::Secret()));
  EXPECT_EQ(migration.rewritten, 2);
  EXPECT_EQ(KindOf(Text("old")), EnvelopeKind::kScrypt);
  EXPECT_EQ(Found(Store("k"), "old"), "p");
  EXPECT_EQ(Found(Store("k"), "new"), "sesame");
  ASSERT_OK_AND_ASSIGN(const auto again, store.Migrate(base::Secret()));
  EXPECT_EQ(again.rewritten, 0);
  EXPECT_EQ(again.unchanged, 2);
}

TEST_F(FileCredentialStoreTest, MigrationEncryptsAPlainStore) {
  Write("plain", R"({"docker_login_username":"u","docker_login_password":"p"})");
  EXPECT_THAT(Found(Store("k"), "plain"), HasSubstr("migrate credentials"));
  EXPECT_THAT(Store("k").Put(Basic("x"), Replace::kNo),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  ASSERT_OK(Store("k").Migrate(base::Secret()));
  EXPECT_EQ(KindOf(Text("plain")), EnvelopeKind::kScrypt);
  EXPECT_EQ(Found(Store("k"), "plain"), "p");
}

TEST_F(FileCredentialStoreTest, MigrationChangesTheKeyAndContinues) {
  ASSERT_OK(Store("one").Put(Basic("a"), Replace::kNo));
  ASSERT_OK(Store("one").Put(Basic("b"), Replace::kNo));
  const std::string b = Text("b");
  ASSERT_OK(Store("two").Migrate(base::Secret("one")));
  Write("b", b);  // As if it had been cut off after the first.
  ASSERT_OK_AND_ASSIGN(const auto migration, Store("two").Migrate(base::Secret("one")));
  EXPECT_EQ(migration.rewritten, 1);
  EXPECT_EQ(Found(Store("two"), "a"), "sesame");
  EXPECT_EQ(Found(Store("two"), "b"), "sesame");
  EXPECT_THAT(Store().Migrate(base::Secret("two")),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(FileCredentialStoreTest, MigrationChangesNothingIfOneEntryCannotBeRead) {
  WriteOld("a", "k");
  Write("b", "{broken");
  const std::string before = Text("a");
  EXPECT_THAT(Store("k").Migrate(base::Secret()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(NameOfId("b"))));
  EXPECT_EQ(Text("a"), before);
}

TEST_F(FileCredentialStoreTest, ListsSortedAndSaysWhatIsBroken) {
  EXPECT_THAT(Store().List(), StatusIs(absl::StatusCode::kNotFound, HasSubstr(path_)));
  ASSERT_OK(Store().Put(Basic("zoo"), Replace::kNo));
  ASSERT_OK(Store().Put(Basic("ant"), Replace::kNo));
  Write("hand", R"({"username":"u","password":"p"})");
  Write("bad", "{sesame");
  ASSERT_OK(base::WriteFileAtomically(base::JoinPath(path_, "README"), "not ours"));
  ASSERT_OK_AND_ASSIGN(const auto entries, Store().List());
  ASSERT_EQ(entries.size(), 4u);
  std::vector<std::string> ids;
  for (const RecordEntry& entry : entries) {
    if (entry.record.ok()) {
      ids.push_back(entry.record->id);
    } else {
      EXPECT_THAT(entry.record.status().message(),
                  AllOf(HasSubstr(NameOfId("bad")), Not(HasSubstr("sesame"))));
    }
  }
  EXPECT_THAT(ids, ::testing::UnorderedElementsAre("ant", "zoo", NameOfId("hand")));
}

TEST_F(FileCredentialStoreTest, Deletes) {
  ASSERT_OK(Store().Put(Basic("r"), Replace::kNo));
  ASSERT_OK(Store().Delete("r"));
  EXPECT_EQ(Found(Store(), "r"), "none");
  EXPECT_THAT(Store().Delete("r"), StatusIs(absl::StatusCode::kNotFound, HasSubstr("`r`")));
}

TEST_F(FileCredentialStoreTest, AnUnreadableEntryIsNotTakenForNone) {
  ASSERT_OK(base::MakeDirectories(File("r")));  // A folder where the file should be.
  EXPECT_THAT(Found(Store(), "r"), AllOf(HasSubstr("`r`"), HasSubstr(path_)));
  EXPECT_NE(Found(Store(), "r"), "none");
}

}  // namespace
}  // namespace stevedore::credentials
