#include "context/git_mirrors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <utime.h>

#include <filesystem>
#include <optional>
#include <thread>

#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "context/local_tree.h"
#include "context/testing/git_workshop.h"

namespace stevedore::context {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::AllOf;
using testing::GitWorkshop;
using ::testing::HasSubstr;

// A cache and repositories in a folder of the test.
class GitMirrorsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(base::TemporaryDirectory directory, base::TemporaryDirectory::Create());
    directory_.emplace(std::move(directory));
    web_.emplace(Path("web"));
    Reopen();
  }

  std::string Path(const std::string& name) const { return directory_->path() + "/" + name; }

  // As another process would.
  void Reopen(uint64_t size_limit = uint64_t{1} << 30, uint64_t memory = 64 << 20) {
    GitMirrorsOptions options;
    options.directory = Path("cache");
    options.size_limit_bytes = size_limit;
    options.memory_bytes = memory;
    ASSERT_OK_AND_ASSIGN(mirrors_, GitMirrors::Open(options));
  }

  static GitPlace PlaceOf(const std::string& path) {
    GitPlace place;
    place.url = *GitUrl::Parse(path);
    return place;
  }

  absl::StatusOr<std::string> Resolve(absl::string_view reference) {
    return mirrors_->Resolve(PlaceOf(web_->path()), reference, {});
  }
  absl::StatusOr<std::shared_ptr<const Tree>> Open(const std::string& commit,
                                                   absl::string_view subdirectory = "") {
    return mirrors_->OpenTree(PlaceOf(web_->path()), commit, subdirectory, {});
  }
  static std::string ReadAll(const Tree& tree, const std::string& path) {
    const TreeEntry* const entry = tree.Find(path);
    if (entry == nullptr) return "no entry " + path;
    const auto reader = tree.OpenContent(entry->content_id);
    if (!reader.ok()) return reader.status().ToString();
    std::string content(entry->size, '\0');
    const absl::Status read = (*reader)->ReadAt(0, content.data(), content.size());
    return read.ok() ? content : read.ToString();
  }
  // Folders of mirrors, without their locks.
  std::vector<std::string> Mirrors() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(Path("cache"))) {
      if (entry.is_directory()) found.push_back(entry.path().string());
    }
    return found;
  }

  std::optional<base::TemporaryDirectory> directory_;
  std::optional<GitWorkshop> web_;
  std::unique_ptr<GitMirrors> mirrors_;
};

TEST_F(GitMirrorsTest, EveryKindOfReference) {
  web_->Write("a", "1");
  const std::string first = web_->Commit("one");
  web_->Git({"tag", "light"});
  web_->Git({"tag", "-a", "-m", "x", "annotated"});
  const std::string tag_object = web_->Git({"rev-parse", "annotated"});
  web_->Git({"update-ref", "refs/changes/7", "HEAD"});
  web_->Write("a", "2");
  const std::string second = web_->Commit("two");
  web_->Git({"checkout", "-q", "-b", "feature/x", first});
  web_->Write("a", "3");
  const std::string third = web_->Commit("three");
  web_->Git({"tag", "both", first});
  web_->Git({"branch", "both"});
  web_->Git({"checkout", "-q", "main"});
  const std::pair<std::string, std::string> rows[] = {
      {"", second},
      {"HEAD", second},
      {"main", second},
      {"refs/heads/main", second},
      {"light", first},
      {"annotated", first},
      {"refs/tags/annotated", first},
      {tag_object, first},
      {"changes/7", first},
      {"refs/changes/7", first},
      {"feature/x", third},
      {"both", third},
      {"tags/both", first},
      {first, first},
      {third.substr(0, 8), third},
  };
  for (const auto& [reference, commit] : rows) {
    SCOPED_TRACE(reference);
    ASSERT_OK_AND_ASSIGN(const std::string found, Resolve(reference));
    EXPECT_EQ(found, commit);
  }
}

TEST_F(GitMirrorsTest, WrongReferencesSayWhatThereIs) {
  web_->Write("a", "1");
  web_->Commit("one");
  EXPECT_THAT(Resolve("nowhere"),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr("`nowhere`"), HasSubstr("main"), HasSubstr(web_->path()))));
  EXPECT_THAT(Resolve("abcd1234"), StatusIs(absl::StatusCode::kNotFound, HasSubstr("abcd1234")));
  EXPECT_THAT(Resolve(std::string(40, 'a')),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("aaaa")));
  for (const char* reference : {"-x", "a..b", "a b", "a:b", "a^", "a\n"}) {
    EXPECT_THAT(Resolve(reference),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("git.reference")))
        << reference;
  }
  const std::string tree = web_->Git({"rev-parse", "HEAD^{tree}"});
  EXPECT_THAT(Resolve(tree),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("tree, not a commit")));
}

TEST_F(GitMirrorsTest, EmptyAndMissingRepositories) {
  EXPECT_THAT(Resolve(""), StatusIs(absl::StatusCode::kNotFound, HasSubstr("is empty")));
  EXPECT_THAT(mirrors_->Resolve(PlaceOf(Path("none")), "main", {}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr(Path("none"))));
}

TEST_F(GitMirrorsTest, EqualsTheSameFilesInAFolder) {
  web_->Write("app/run", "#!/bin/sh\n", /*executable=*/true);
  web_->Write("app/a.b", "1");
  web_->Write("app/a/b", "2");
  web_->Write("app-2/x", "3");
  web_->Link("app/link", "a/b");
  web_->Write("empty", "");
  const std::string commit = web_->Commit("one");
  ASSERT_OK_AND_ASSIGN(const auto tree, Open(commit));
  web_->Git({"worktree", "add", "-q", Path("checkout"), commit});
  ASSERT_OK(base::RemoveTree(Path("checkout/.git")));
  ASSERT_OK_AND_ASSIGN(const auto local, LocalTree::Open(Path("checkout")));
  EXPECT_EQ(tree->digest(), local->digest());
  EXPECT_EQ(tree->entries(), local->entries());
  EXPECT_EQ(ReadAll(*tree, "app/run"), "#!/bin/sh\n");
  EXPECT_EQ(tree->Find("app/run")->mode, 0755);
  EXPECT_EQ(tree->Find("app/link")->link_target, "a/b");
  EXPECT_EQ(ReadAll(*tree, "empty"), "");
  // A folder is one path component, however it is spelled.
  ASSERT_OK_AND_ASSIGN(const auto local_app, LocalTree::Open(Path("checkout/app")));
  for (const char* path : {"app", "./app", "app/", "/app"}) {
    ASSERT_OK_AND_ASSIGN(const auto app, Open(commit, path));
    EXPECT_EQ(app->digest(), local_app->digest()) << path;
  }
}

TEST_F(GitMirrorsTest, ACommitThatIsHereNeedsNoServer) {
  web_->Write("a", "1");
  const std::string commit = web_->Commit("one");
  ASSERT_OK(Resolve("main").status());
  std::filesystem::rename(web_->path(), Path("gone"));
  Reopen();
  ASSERT_OK_AND_ASSIGN(const std::string found, Resolve(commit));
  EXPECT_EQ(found, commit);
  ASSERT_OK_AND_ASSIGN(const auto tree, Open(commit));
  EXPECT_EQ(ReadAll(*tree, "a"), "1");
  EXPECT_THAT(Resolve("main"), StatusIs(absl::StatusCode::kNotFound, HasSubstr(web_->path())));
}

TEST_F(GitMirrorsTest, RewrittenAndRenamedBranchesAreFollowed) {
  web_->Write("a", "1");
  web_->Commit("one");
  web_->Git({"branch", "topic"});
  ASSERT_OK(Resolve("topic").status());
  web_->Git({"branch", "-D", "topic"});
  web_->Git({"checkout", "-q", "--orphan", "topic/new"});  // Collides with the old name.
  web_->Write("a", "2");
  const std::string commit = web_->Commit("two");
  ASSERT_OK_AND_ASSIGN(const std::string found, Resolve("topic/new"));
  EXPECT_EQ(found, commit);
}

TEST_F(GitMirrorsTest, WrongSubdirectories) {
  web_->Write("app/a", "1");
  web_->Write("apple/a", "1");
  web_->Link("link", "app");
  const std::string commit = web_->Commit("one");
  EXPECT_THAT(Open(commit, "ap"), StatusIs(absl::StatusCode::kNotFound, HasSubstr("`ap`")));
  EXPECT_THAT(Open(commit, "app/a"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is a file")));
  EXPECT_THAT(Open(commit, "link"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("symbolic link")));
  EXPECT_THAT(Open(commit, "../x"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("git.path")));
}

TEST_F(GitMirrorsTest, LinksThatLeadOutAreNamed) {
  web_->Write("a", "1");
  web_->Link("app/up", "../a");
  const std::string commit = web_->Commit("one");
  ASSERT_OK(Open(commit).status());
  EXPECT_THAT(Open(commit, "app"), StatusIs(absl::StatusCode::kInvalidArgument,
                                            AllOf(HasSubstr("link up"), HasSubstr("`../a`"))));
}

TEST_F(GitMirrorsTest, LfsPointersAreRefused) {
  const std::string pointer =
      "version https://git-lfs.github.com/spec/v1\noid sha256:" + std::string(64, 'a') +
      "\nsize 12345\n";
  web_->Write("app/model.bin", pointer);
  web_->Write("app/z.bin", pointer);
  web_->Write("doc/a", "1");
  const std::string commit = web_->Commit("one");
  for (int again = 0; again < 2; ++again) {  // The second time from the table.
    EXPECT_THAT(Open(commit),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr("app/model.bin and 1 more"), HasSubstr("git lfs pull"))));
  }
  EXPECT_OK(Open(commit, "doc").status());
}

TEST_F(GitMirrorsTest, SubmodulesAreRead) {
  GitWorkshop leaf(Path("leaf"));
  leaf.Write("leaf.txt", "leaf");
  leaf.Commit("leaf");
  GitWorkshop lib(Path("lib"));
  lib.Write("src/lib.c", "old");
  lib.Git({"submodule", "--quiet", "add", "../leaf", "deep/leaf"});
  lib.Commit("lib");
  web_->Git({"submodule", "--quiet", "add", "../lib", "third/lib"});
  web_->Write("a", "1");
  const std::string commit = web_->Commit("one");
  lib.Write("src/lib.c", "new");
  lib.Commit("newer: web still has the old one");
  ASSERT_OK_AND_ASSIGN(const auto tree, Open(commit));
  EXPECT_EQ(ReadAll(*tree, "third/lib/src/lib.c"), "old");
  EXPECT_EQ(ReadAll(*tree, "third/lib/deep/leaf/leaf.txt"), "leaf");
  ASSERT_OK_AND_ASSIGN(const auto below, Open(commit, "third/lib/src"));
  EXPECT_EQ(ReadAll(*below, "lib.c"), "old");
}

TEST_F(GitMirrorsTest, SubmodulesWithoutUrlAreNamed) {
  GitWorkshop lib(Path("lib"));
  lib.Write("x", "x");
  lib.Commit("lib");
  web_->Git({"submodule", "--quiet", "add", "../lib", "lib"});
  web_->Git({"rm", "-q", "--cached", ".gitmodules"});
  ASSERT_OK(base::RemoveTree(web_->path() + "/.gitmodules"));
  const std::string commit = web_->Commit("one");
  EXPECT_THAT(Open(commit), StatusIs(absl::StatusCode::kInvalidArgument,
                                     AllOf(HasSubstr("submodule lib"), HasSubstr(".gitmodules"))));
}

TEST_F(GitMirrorsTest, DamagedMirrorsAreMadeAnew) {
  web_->Write("a", "1");
  const std::string commit = web_->Commit("one");
  ASSERT_OK(Open(commit).status());
  ASSERT_EQ(Mirrors().size(), 1);
  const std::string repository = Mirrors()[0] + "/repository";
  // Every pack and index cut short, then no repository at all, then garbage in its place.
  for (int round = 0; round < 4; ++round) {
    SCOPED_TRACE(round);
    mirrors_.reset();
    if (round == 0) {
      for (const auto& file : std::filesystem::directory_iterator(repository + "/objects/pack")) {
        ASSERT_EQ(::chmod(file.path().c_str(), 0600), 0);
        std::filesystem::resize_file(file.path(), file.path().extension() == ".pack" ? 40 : 500);
      }
    } else if (round == 1) {
      ASSERT_OK(base::RemoveTree(repository));
    } else if (round == 2) {
      ASSERT_OK(base::RemoveTree(repository + "/objects"));
      ASSERT_OK(base::MakeDirectories(repository + "/objects"));
    } else {
      ASSERT_OK(base::WriteFileAtomically(repository + "/HEAD", "garbage"));
      ASSERT_OK(base::WriteFileAtomically(Mirrors()[0] + "/digests", "garbage"));
    }
    Reopen();
    ASSERT_OK_AND_ASSIGN(const auto tree, Open(commit));
    EXPECT_EQ(ReadAll(*tree, "a"), "1");
  }
}

TEST_F(GitMirrorsTest, DamagedContentIsNotedForTheNextTime) {
  web_->Write("a", std::string(10000, 'x'));
  const std::string commit = web_->Commit("one");
  ASSERT_OK_AND_ASSIGN(auto tree, Open(commit));
  const uint64_t id = tree->Find("a")->content_id;
  const std::string packs = Mirrors()[0] + "/repository/objects/pack";
  for (const auto& file : std::filesystem::directory_iterator(packs)) {
    if (file.path().extension() != ".pack") continue;
    ASSERT_EQ(::chmod(file.path().c_str(), 0600), 0);
    ASSERT_OK_AND_ASSIGN(std::string bytes, base::ReadFile(file.path().string()));
    for (size_t i = 12; i < bytes.size() - 20; ++i) bytes[i] = static_cast<char>(bytes[i] ^ 0x55);
    ASSERT_OK(base::WriteFileAtomically(file.path().string(), bytes));
  }
  tree.reset();
  Reopen();
  // The table knows all digests, so the damage shows when a content or a folder is read.
  absl::StatusOr<std::shared_ptr<const Tree>> again = Open(commit);
  ASSERT_OK(again.status());
  EXPECT_EQ(ReadAll(**again, "a"), std::string(10000, 'x'));
  (void)id;
}

TEST_F(GitMirrorsTest, LeftoversOfAKilledFetchAreSweptAway) {
  web_->Write("a", "1");
  web_->Commit("one");
  ASSERT_OK(Resolve("main").status());
  const std::string repository = Mirrors()[0] + "/repository";
  ASSERT_OK(base::WriteFileAtomically(repository + "/objects/pack/pack_git2_abc123", "half"));
  for (const auto& ref : std::filesystem::directory_iterator(repository + "/refs/stevedore")) {
    ASSERT_OK(base::WriteFileAtomically(ref.path().string() + ".lock", ""));
  }
  web_->Write("a", "2");
  const std::string commit = web_->Commit("two");
  Reopen();
  ASSERT_OK_AND_ASSIGN(const std::string found, Resolve("main"));
  EXPECT_EQ(found, commit);
  EXPECT_FALSE(base::Exists(repository + "/objects/pack/pack_git2_abc123"));
}

TEST_F(GitMirrorsTest, TheLongestUnusedGoFirst) {
  std::vector<std::string> names = {"one", "two", "three"};
  std::vector<std::string> folders;
  for (const std::string& name : names) {
    GitWorkshop repository(Path(name));
    std::string noise;
    for (int i = 0; i < 30000; ++i) noise += std::to_string(i * 7919 % 65521 * 31);
    repository.Write("noise", name + noise);
    repository.Commit(name);
    const std::vector<std::string> before = Mirrors();
    ASSERT_OK(mirrors_->Resolve(PlaceOf(repository.path()), "main", {}).status());
    for (const std::string& folder : Mirrors()) {
      if (std::find(before.begin(), before.end(), folder) == before.end()) {
        folders.push_back(folder);
      }
    }
  }
  ASSERT_EQ(folders.size(), 3);
  for (int i = 0; i < 3; ++i) {
    const utimbuf past = {1000 + i, 1000 + i};
    ASSERT_EQ(::utime((folders[i] + "/used").c_str(), &past), 0);
  }
  // `one` is in use by somebody: it stays although it is the oldest.
  ASSERT_OK_AND_ASSIGN(
      const auto held,
      mirrors_->OpenTree(PlaceOf(Path("one")), *mirrors_->Resolve(PlaceOf(Path("one")), "main", {}),
                         "", {}));
  Reopen(/*size_limit=*/1);
  web_->Write("a", "1");
  web_->Commit("one");
  ASSERT_OK(Resolve("main").status());
  EXPECT_TRUE(base::Exists(folders[0]));
  EXPECT_FALSE(base::Exists(folders[1]));
  EXPECT_FALSE(base::Exists(folders[2]));
  EXPECT_EQ(ReadAll(*held, "noise").substr(0, 3), "one");
}

TEST_F(GitMirrorsTest, LargeContentsGoThroughAFile) {
  std::string content;
  for (int i = 0; i < 400000; ++i) content += std::to_string(i);
  web_->Write("large", content);
  const std::string commit = web_->Commit("one");
  Reopen(uint64_t{1} << 30, /*memory=*/1 << 20);
  ASSERT_OK_AND_ASSIGN(const auto tree, Open(commit));
  EXPECT_EQ(tree->Find("large")->size, content.size());
  EXPECT_TRUE(ReadAll(*tree, "large") == content);
}

TEST_F(GitMirrorsTest, ManyThreadsReadAtOnce) {
  for (int i = 0; i < 200; ++i) {
    web_->Write("f" + std::to_string(i), std::string(1000 + i, 'a'));
  }
  const std::string commit = web_->Commit("one");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      ASSERT_OK_AND_ASSIGN(const std::string found, Resolve("main"));
      ASSERT_OK_AND_ASSIGN(const auto tree, Open(found));
      for (const TreeEntry& entry : tree->entries()) {
        EXPECT_EQ(ReadAll(*tree, entry.path), std::string(entry.size, 'a'));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(GitMirrorsTest, StopsWhenAsked) {
  web_->Write("a", "1");
  const std::string commit = web_->Commit("one");
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THAT(mirrors_->Resolve(PlaceOf(web_->path()), "main", stop.get_token()),
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("cancelled")));
}

}  // namespace
}  // namespace stevedore::context
