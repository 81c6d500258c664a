#include "cli/git_changes.h"

#include <string>
#include <vector>

#include "base/testing/status_matchers.h"
#include "cli/testing/git_tree.h"

namespace stevedore::cli {
namespace {

using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> Paths(const GitChanges& changes) {
  std::vector<std::string> paths;
  for (const GitChange& change : changes.changes) paths.push_back(change.path);
  return paths;
}

TEST(GitChangesTest, SeesEveryKindOfChange) {
  const testing::GitTree tree;
  for (const char* name : {"committed", "staged", "edited", "removed", "renamed", "kept"}) {
    tree.Write(name, std::string(name) + " with enough text to be known again when it moves\n");
  }
  tree.Write(".gitignore", "*.log\nout/\n");
  tree.Commit("one");
  tree.Write("committed", "2");
  tree.Git({"mv", "renamed", "other name"});
  tree.Commit("two");
  tree.Write("staged", "2");
  tree.Git({"add", "staged"});
  tree.Write("edited", "2");
  tree.Remove("removed");
  tree.Write("new\nline/\"odd\" \xC3\xA4", "x");
  tree.Write("a.log", "x");
  tree.Write("out/x", "x");
  ASSERT_OK_AND_ASSIGN(const GitChanges changes, ReadGitChanges(tree.top(), "HEAD~1", {}));
  EXPECT_EQ(changes.top, tree.top());
  EXPECT_THAT(Paths(changes), ElementsAre("committed", "edited", "new\nline/\"odd\" \xC3\xA4",
                                          "other name", "removed", "renamed", "staged"));
  EXPECT_THAT(changes.ignored, ElementsAre("a.log", "out"));
  EXPECT_TRUE(changes.changes[3].old_blob.empty());  // Was not there.
  ASSERT_OK_AND_ASSIGN(const auto blobs,
                       ReadGitBlobs(tree.top(), {changes.changes[5].old_blob}, {}));
  EXPECT_THAT(blobs.begin()->second, HasSubstr("renamed with enough text"));
}

TEST(GitChangesTest, WorksFromAFolderInTheTreeAndWithNothingChanged) {
  const testing::GitTree tree;
  tree.Write("a/b/c", "1");
  tree.Commit("one");
  ASSERT_OK_AND_ASSIGN(GitChanges changes, ReadGitChanges(tree.Path("a/b"), "main", {}));
  EXPECT_THAT(changes.changes, IsEmpty());
  tree.Write("a/top", "1");
  ASSERT_OK_AND_ASSIGN(changes, ReadGitChanges(tree.Path("a/b"), "main", {}));
  EXPECT_THAT(Paths(changes), ElementsAre("a/top"));
}

TEST(GitChangesTest, SettingsOfTheUserChangeNothing) {
  const testing::GitTree tree;
  tree.Write("a/x", "text that stays the same while the file moves\n");
  tree.Commit("one");
  for (const char* setting : {"diff.relative=true", "diff.renames=copies", "diff.external=false",
                              "core.quotePath=true", "diff.mnemonicPrefix=true"}) {
    const std::string text = setting;
    tree.Git({"config", text.substr(0, text.find('=')), text.substr(text.find('=') + 1)});
  }
  tree.Git({"mv", "a/x", "y"});
  ASSERT_OK_AND_ASSIGN(const GitChanges changes, ReadGitChanges(tree.Path("a/.."), "HEAD", {}));
  EXPECT_THAT(Paths(changes), ElementsAre("a/x", "y"));
}

TEST(GitChangesTest, ErrorsSayWhatToDo) {
  const testing::GitTree tree;
  tree.Commit("one");
  for (const char* ref : {"nowhere", "HEAD~5", "--all", "HEAD:missing"}) {
    EXPECT_THAT(ReadGitChanges(tree.top(), ref, {}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr(ref), HasSubstr("no such commit"), HasSubstr("fetch"))));
  }
  EXPECT_THAT(ReadGitChanges(tree.top(), "", {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is empty")));
  EXPECT_THAT(ReadGitChanges("/", "HEAD", {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("in no git work tree")));
  EXPECT_THAT(ReadGitBlobs(tree.top(), {std::string(40, '1')}, {}),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("does not have object")));
}

}  // namespace
}  // namespace stevedore::cli
