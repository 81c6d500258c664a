#include "context/tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/byte_source.h"
#include "base/testing/status_matchers.h"

namespace stevedore::context {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Type = TreeEntry::Type;

std::vector<std::string> Paths(const Tree& tree) {
  std::vector<std::string> paths;
  for (const TreeEntry& entry : tree.entries()) paths.push_back(entry.path);
  return paths;
}

TEST(TreeTest, DirectoriesAreFollowedByTheirContents) {
  ASSERT_OK_AND_ASSIGN(
      const auto tree,
      MemoryTree::Create({{"b", "1"}, {"a.txt", "2"}, {"a/z", "3"}, {"a/b/c", "4"}}));
  EXPECT_THAT(Paths(*tree), ElementsAre("a", "a/b", "a/b/c", "a/z", "a.txt", "b"));
  EXPECT_OK(CheckEntries(tree->entries()));
}

TEST(TreeTest, OrderIsBytewise) {
  EXPECT_TRUE(PathLess("a", "a/b"));
  EXPECT_TRUE(PathLess("a/b", "a-b"));
  EXPECT_TRUE(PathLess("a", "\xc3\xa4"));
  EXPECT_FALSE(PathLess("a", "a"));
}

TEST(TreeTest, FindsAndReads) {
  ASSERT_OK_AND_ASSIGN(const auto tree, MemoryTree::Create({{"d/x", "hello"}, {"e", ""}}));
  const TreeEntry* const entry = tree->Find("d/x");
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->size, 5);
  ASSERT_OK_AND_ASSIGN(const auto reader, tree->OpenContent(entry->content_id));
  char buffer[3];
  ASSERT_OK(reader->ReadAt(1, buffer, 3));
  EXPECT_EQ(std::string(buffer, 3), "ell");
  EXPECT_THAT(reader->ReadAt(3, buffer, 3), StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_EQ(tree->Find("d/"), nullptr);
  EXPECT_EQ(tree->Find("x"), nullptr);
}

TEST(TreeTest, RangeIsASubtree) {
  ASSERT_OK_AND_ASSIGN(const auto tree,
                       MemoryTree::Create({{"a/b/c", ""}, {"a/d", ""}, {"a-b", ""}, {"b", ""}}));
  // a, a/b, a/b/c, a/d, a-b, b
  EXPECT_EQ(tree->Range("a"), std::make_pair(size_t{0}, size_t{4}));
  EXPECT_EQ(tree->Range("a/b"), std::make_pair(size_t{1}, size_t{3}));
  EXPECT_EQ(tree->Range("b"), std::make_pair(size_t{5}, size_t{6}));
  EXPECT_EQ(tree->Range(""), std::make_pair(size_t{0}, size_t{6}));
  EXPECT_EQ(tree->Range("."), std::make_pair(size_t{0}, size_t{6}));
  const auto none = tree->Range("nothing");
  EXPECT_EQ(none.first, none.second);
}

TEST(TreeTest, RefusesUncleanEntries) {
  for (const char* path : {"", "/a", "a/", "a//b", "./a", "a/../b", ".."}) {
    EXPECT_THAT(MemoryTree::Create({{path, ""}}),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("relative and clean")))
        << path;
  }
  EXPECT_THAT(MemoryTree::Create({{"a", "1"}, {"a", "2"}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("twice")));
  EXPECT_THAT(MemoryTree::Create({{"a", "1"}, {"a/b", "2"}}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(TreeTest, RefusesEntriesWithoutTheirDirectory) {
  TreeEntry entry;
  entry.path = "a/b";
  EXPECT_THAT(CheckEntries({entry}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no directory before it")));
}

TEST(TreeTest, TellsWhatChanged) {
  ASSERT_OK_AND_ASSIGN(const auto before,
                       MemoryTree::Create({{"a", "1"}, {"b", "2"}, {"d/x", "3"}, {"e", "4"}}));
  ASSERT_OK_AND_ASSIGN(
      const auto after,
      MemoryTree::Create({{"a", "1"}, {"b", "new"}, {"c", "5"}, {"d/x", "3"}, {"d/y", "6"}}));
  EXPECT_THAT(ChangedPaths(before->entries(), after->entries(), 10),
              ElementsAre("b", "c", "d/y", "e"));
  EXPECT_THAT(ChangedPaths(before->entries(), after->entries(), 2), ElementsAre("b", "c"));
  EXPECT_THAT(ChangedPaths(after->entries(), after->entries(), 2), ElementsAre());
}

}  // namespace
}  // namespace stevedore::context
