#include "context/filtered_tree.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace stevedore::context {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::shared_ptr<const Tree> Files(const std::vector<std::string>& paths) {
  std::vector<MemoryTree::Item> items;
  for (const std::string& path : paths) {
    if (absl::EndsWith(path, "/")) {
      items.push_back({.path = path.substr(0, path.size() - 1),
                       .content = "",
                       .type = TreeEntry::Type::kDirectory});
    } else {
      items.push_back({.path = path, .content = "of " + path});
    }
  }
  return *MemoryTree::Create(std::move(items));
}

std::vector<std::string> Left(const Tree& tree) {
  std::vector<std::string> paths;
  for (const TreeEntry& entry : tree.entries()) paths.push_back(entry.path);
  return paths;
}

std::vector<std::string> LeftOf(const std::vector<std::string>& paths, const std::string& rules) {
  return Left(*FilteredTree::Create(Files(paths), *IgnoreRules::Parse(rules, "x")));
}

TEST(FilteredTreeTest, FoldersStayForWhatIsInThem) {
  EXPECT_THAT(LeftOf({"a/b/c/keep", "a/b/c/x", "a/d/", "e/", "f"}, "a\n!a/b/c/keep"),
              ElementsAre("a", "a/b", "a/b/c", "a/b/c/keep", "e", "f"));
  EXPECT_THAT(LeftOf({"a/b/c", "e"}, "a\n!a/x"), ElementsAre("e"));
  EXPECT_THAT(LeftOf({"a/b", "a/c"}, "a/b\na/c"), ElementsAre("a"));
  EXPECT_THAT(LeftOf({"a.b", "a/b", "ab"}, "a"), ElementsAre("a.b", "ab"));
  // As Docker: nothing looks into a folder that no exception names.
  EXPECT_THAT(LeftOf({"a/keep", "keep"}, "*\n!**/keep"), ElementsAre("keep"));
}

TEST(FilteredTreeTest, ContentsAreTheOriginals) {
  const auto rules = IgnoreRules::Parse("b", "x");
  const std::shared_ptr<const Tree> all = *MemoryTree::Create(
      {{.path = "a", .content = "1"}, {.path = "b", .content = ""}, {.path = "c", .content = ""}});
  const auto tree = FilteredTree::Create(all, *rules);
  const std::shared_ptr<const Tree> same =
      *MemoryTree::Create({{.path = "a", .content = "1"}, {.path = "c", .content = ""}});
  EXPECT_EQ(tree->digest(), same->digest());
  ASSERT_OK_AND_ASSIGN(const auto content, tree->OpenContent(tree->Find("a")->content_id));
  char byte = 0;
  ASSERT_OK(content->ReadAt(0, &byte, 1));
  EXPECT_EQ(byte, '1');
  // Nothing left out: nothing new.
  EXPECT_EQ(FilteredTree::Create(same, *rules).get(), same.get());
}

TEST(FilteredTreeTest, TheDockerfilesOwnIgnoreFileGoesFirst) {
  std::vector<std::pair<std::string, std::string>> files;
  const auto read = [&](const std::string& path) -> absl::StatusOr<std::string> {
    for (const auto& [name, text] : files) {
      if (name == path) return text;
    }
    return absl::NotFoundError("none");
  };
  EXPECT_TRUE(FindIgnoreRules("Dockerfile", read)->empty());
  files = {{".dockerignore", "*"}};
  ASSERT_OK_AND_ASSIGN(IgnoreRules rules, FindIgnoreRules("docker/Dockerfile", read));
  EXPECT_TRUE(rules.Ignores("x"));
  EXPECT_FALSE(rules.Ignores(".dockerignore"));
  EXPECT_FALSE(rules.Ignores("docker/Dockerfile"));
  files.push_back({"docker/Dockerfile.dockerignore", "y"});
  ASSERT_OK_AND_ASSIGN(rules, FindIgnoreRules("docker/Dockerfile", read));
  EXPECT_FALSE(rules.Ignores("x"));
  EXPECT_TRUE(rules.Ignores("y"));
  ASSERT_OK_AND_ASSIGN(rules, FindIgnoreRules("", read));
  EXPECT_TRUE(rules.Ignores("x"));
  files = {{".dockerignore", "ok\n["}};
  EXPECT_THAT(FindIgnoreRules("Dockerfile", read),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(".dockerignore:2: ")));
}

}  // namespace
}  // namespace stevedore::context
