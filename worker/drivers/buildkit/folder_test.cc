#include "worker/drivers/buildkit/folder.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/testing/status_matchers.h"
#include "context/tree.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace stevedore::worker {
namespace {

using context::MemoryTree;
using context::TreeEntry;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::unique_ptr<MemoryTree> Example() {
  auto tree = MemoryTree::Create({
      {.path = "a/x.txt", .content = "1"},
      {.path = "a/y.go", .content = "2"},
      {.path = "a/deep/z.txt", .content = "3"},
      {.path = "b/x.txt", .content = "4"},
      {.path = "link", .content = "a/deep", .type = TreeEntry::Type::kSymlink},
      {.path = "loop", .content = "loop", .type = TreeEntry::Type::kSymlink},
      {.path = "b/up", .content = "../a/x.txt", .type = TreeEntry::Type::kSymlink},
      {.path = "run", .content = "#!", .mode = 04755},
  });
  EXPECT_OK(tree);
  return *std::move(tree);
}

std::vector<std::string> Paths(const std::vector<std::string>& wanted) {
  const std::unique_ptr<MemoryTree> tree = Example();
  std::vector<std::string> paths;
  for (const size_t i : FollowPaths(*tree, wanted)) paths.push_back(tree->entries()[i].path);
  return paths;
}

TEST(FollowPathsTest, NothingAskedOrTheRootIsEverything) {
  EXPECT_THAT(Paths({}), SizeIs(Example()->entries().size()));
  EXPECT_THAT(Paths({"."}), SizeIs(Example()->entries().size()));
  EXPECT_THAT(Paths({"a", "/"}), SizeIs(Example()->entries().size()));
}

TEST(FollowPathsTest, FoldersComeWithWhatIsBelow) {
  EXPECT_THAT(Paths({"a/deep"}), ElementsAre("a", "a/deep", "a/deep/z.txt"));
  EXPECT_THAT(Paths({"./b/x.txt"}), ElementsAre("b", "b/x.txt"));
}

TEST(FollowPathsTest, WildcardsStayWithinOneComponent) {
  // Links may lead there, so they come along.
  EXPECT_THAT(Paths({"*/x.txt"}), ElementsAre("a", "a/x.txt", "b", "b/x.txt", "link", "loop"));
  EXPECT_THAT(Paths({"a/*.txt"}), ElementsAre("a", "a/x.txt"));
}

TEST(FollowPathsTest, LinksBringTheirTargets) {
  EXPECT_THAT(Paths({"link"}), ElementsAre("a", "a/deep", "a/deep/z.txt", "link"));
  EXPECT_THAT(Paths({"link/z.txt"}), ElementsAre("a", "a/deep", "a/deep/z.txt", "link"));
  EXPECT_THAT(Paths({"b/up"}), ElementsAre("a", "a/x.txt", "b", "b/up"));
}

TEST(FollowPathsTest, CirclesEndAndWhatIsNotThereIsNothing) {
  EXPECT_THAT(Paths({"loop"}), ElementsAre("loop"));
  EXPECT_THAT(Paths({"none/of/it"}), IsEmpty());
}

TEST(GoFileModeTest, KindsAndSpecialBitsMove) {
  const std::unique_ptr<MemoryTree> tree = Example();
  EXPECT_EQ(GoFileMode(*tree->Find("run")), (1U << 23) | 0755U);
  EXPECT_EQ(GoFileMode(*tree->Find("a")), (1U << 31) | 0755U);
  EXPECT_EQ(GoFileMode(*tree->Find("link")), (1U << 27) | 0777U);
  EXPECT_EQ(GoFileMode(*tree->Find("a/x.txt")), 0644U);
}

}  // namespace
}  // namespace stevedore::worker
