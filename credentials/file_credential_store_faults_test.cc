// A writer that fails or is killed leaves the entries that were there.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "base/secret.h"
#include "base/testing/status_matchers.h"
#include "credentials/file_credential_store.h"
#include "credentials/record.h"
#include "credentials/record_store.h"

namespace stevedore::credentials {
namespace {

using Replace = FileCredentialStore::Replace;
using ::testing::AnyOf;
using ::testing::HasSubstr;

constexpr int kEntries = 30;

class FileCredentialStoreFaultsTest : public ::testing::Test {
 protected:
  static Record Basic(const std::string& id, const std::string& password) {
    Record record;
    record.id = id;
    record.username = "u";
    record.password = base::Secret(password);
    return record;
  }
  FileCredentialStore Store(const std::string& key = "") const {
    return FileCredentialStore(path_, base::Secret(key), RecordFormat::kJson);
  }
  void Fill(const std::string& key = "") const {
    for (int i = 0; i < kEntries; ++i) {
      ASSERT_OK(Store(key).Put(Basic(absl::StrCat("r", i), "old"), Replace::kYes));
    }
  }
  static std::string PasswordIn(const FileCredentialStore& store, const std::string& id) {
    const auto record = store.Get(id);
    if (!record.ok()) return std::string(record.status().message());
    return record->has_value() ? (*record)->password.Reveal() : "none";
  }
  // Runs `work` in a process of its own; -1 if `kill_after` came first.
  static int InChild(const std::function<int()>& work,
                     absl::Duration kill_after = absl::InfiniteDuration()) {
    const pid_t child = fork();
    if (child == 0) _exit(work());
    if (kill_after != absl::InfiniteDuration()) {
      absl::SleepFor(kill_after);
      kill(child, SIGKILL);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  // 0 if all three ways of writing fail, and for the reason `code`.
  int WritesThatFail(absl::StatusCode code) const {
    const Record changed = Basic("r0", std::string(30000, 'n'));
    if (Store().Put(changed, Replace::kYes).code() != code) return 1;
    if (Store().Put(Basic("new", std::string(30000, 'n')), Replace::kNo).code() != code) return 2;
    if (Store("key").Migrate(base::Secret()).status().code() != code) return 3;
    return 0;
  }
  void ExpectOldEntries() const {
    for (int i = 0; i < kEntries; ++i) {
      EXPECT_EQ(PasswordIn(Store(), absl::StrCat("r", i)), "old") << i;
    }
    EXPECT_EQ(PasswordIn(Store(), "new"), "none");
    ASSERT_OK_AND_ASSIGN(const auto entries, Store().List());
    EXPECT_EQ(entries.size(), static_cast<size_t>(kEntries));
  }

  base::TemporaryDirectory directory_ = base::TemporaryDirectory::Create().value();
  const std::string path_ = base::JoinPath(directory_.path(), "credentials");
};

TEST_F(FileCredentialStoreFaultsTest, NewFoldersAndFilesAreTheirOwnersOnly) {
  const mode_t before = umask(0);
  ASSERT_OK(Store().Put(Basic("r", "p"), Replace::kNo));
  umask(before);
  struct stat status;
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
  ASSERT_EQ(stat(base::JoinPath(path_, NameOfId("r")).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(FileCredentialStoreFaultsTest, KilledWhileAnEntryIsReplaced) {
  Fill();
  int killed = 0;
  for (int round = 0; round < 20; ++round) {
    const auto work = [&] {
      // Long and short by turns: what is not truncated or half written would show.
      for (int i = 0;; ++i) {
        (void)Store().Put(Basic("r0", std::string(i % 2 == 0 ? 20000 : 3, 'n')), Replace::kYes);
        (void)Store().Put(Basic("new", "n"), Replace::kNo);
        (void)Store().Delete("new");
      }
      return 0;
    };
    killed += InChild(work, absl::Milliseconds(1 + round)) == -1;
    EXPECT_THAT(PasswordIn(Store(), "r0"), AnyOf("old", "nnn", std::string(20000, 'n'))) << round;
    EXPECT_THAT(PasswordIn(Store(), "new"), AnyOf("none", "n")) << round;
    EXPECT_EQ(PasswordIn(Store(), "r1"), "old");
  }
  EXPECT_EQ(killed, 20);
  // Nothing of a deleted entry is left, not even by those who were killed.
  ASSERT_OK(Store().Put(Basic("new", "n"), Replace::kYes));
  ASSERT_OK(Store().Delete("new"));
  for (const auto& entry : std::filesystem::directory_iterator(path_)) {
    EXPECT_THAT(entry.path().filename().string(), ::testing::Not(HasSubstr(NameOfId("new"))));
  }
}

TEST_F(FileCredentialStoreFaultsTest, KilledWhileMigrating) {
  Fill();
  int part_done = 0;
  for (int round = 0; round < 8; ++round) {
    // Deriving the key takes most of the time before the first file changes.
    InChild([&] { return Store("key").Migrate(base::Secret()).ok() ? 0 : 1; },
            absl::Milliseconds(60 + 15 * round));
    const FileCredentialStore keyed = Store("key");  // Derives its key once.
    int migrated = 0;
    for (int i = 0; i < kEntries; ++i) {
      const std::string id = absl::StrCat("r", i);
      const bool plain = PasswordIn(Store(), id) == "old";
      migrated += !plain;
      if (!plain) EXPECT_EQ(PasswordIn(keyed, id), "old") << id;
    }
    part_done += migrated > 0 && migrated < kEntries;
    if (migrated == kEntries) break;
  }
  // The next run continues.
  ASSERT_OK_AND_ASSIGN(const auto migration, Store("key").Migrate(base::Secret()));
  EXPECT_EQ(migration.rewritten + migration.unchanged, kEntries);
  const FileCredentialStore keyed = Store("key");
  for (int i = 0; i < kEntries; ++i) {
    EXPECT_EQ(PasswordIn(keyed, absl::StrCat("r", i)), "old");
  }
  RecordProperty("part_done", part_done);
}

TEST_F(FileCredentialStoreFaultsTest, FilesThatMayNotGrow) {
  Fill();
  EXPECT_EQ(InChild([&] {
              signal(SIGXFSZ, SIG_IGN);
              const rlimit limit = {16, 16};
              setrlimit(RLIMIT_FSIZE, &limit);
              for (const auto& status : {Store().Put(Basic("r0", "changed"), Replace::kYes),
                                         Store().Put(Basic("new", "n"), Replace::kNo),
                                         Store("key").Migrate(base::Secret()).status()}) {
                if (status.ok()) return 1;
              }
              return 0;
            }),
            0);
  ExpectOldEntries();
}

TEST_F(FileCredentialStoreFaultsTest, AFullDisk) {
  ASSERT_OK(base::MakeDirectories(path_));
  if (mount("none", path_.c_str(), "tmpfs", 0, "size=200k") != 0) {
    GTEST_SKIP() << "a small file system of its own needs root";
  }
  Fill();
  // All that is left.
  const std::string rest = base::JoinPath(path_, "rest");
  {
    absl::StatusOr<base::FileDescriptor> file = base::OpenFile(rest, O_WRONLY | O_CREAT, 0600);
    EXPECT_OK(file);
    const std::string page(4096, 'x');
    while (write(file->get(), page.data(), page.size()) > 0) {
    }
  }
  EXPECT_EQ(WritesThatFail(absl::StatusCode::kResourceExhausted), 0);
  ExpectOldEntries();
  EXPECT_EQ(umount(path_.c_str()), 0);
}

TEST_F(FileCredentialStoreFaultsTest, AFolderThatMayNotBeWritten) {
  Fill();
  ASSERT_EQ(chmod(directory_.path().c_str(), 0755), 0);
  ASSERT_EQ(chmod(path_.c_str(), 0555), 0);
  for (int i = 0; i < kEntries; ++i) {
    ASSERT_EQ(chmod(base::JoinPath(path_, NameOfId(absl::StrCat("r", i))).c_str(), 0644), 0);
  }
  EXPECT_EQ(InChild([&] {
              // Root may write everywhere: become somebody else, who may read.
              if (getuid() == 0 && setuid(65534) != 0) return 9;
              return WritesThatFail(absl::StatusCode::kPermissionDenied);
            }),
            0);
  ExpectOldEntries();
  chmod(path_.c_str(), 0755);
}

}  // namespace
}  // namespace stevedore::credentials
