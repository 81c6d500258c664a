#include "context/merged_tree.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/byte_source.h"
#include "base/testing/status_matchers.h"
#include "context/tree.h"

namespace stevedore::context {
namespace {

using Type = TreeEntry::Type;

std::shared_ptr<const Tree> TreeOf(std::vector<MemoryTree::Item> items) {
  absl::StatusOr<std::unique_ptr<MemoryTree>> tree = MemoryTree::Create(std::move(items));
  EXPECT_OK(tree);
  return tree.ok() ? std::shared_ptr<const Tree>(*std::move(tree)) : nullptr;
}

// "path=content path/ path@target".
std::string Show(const Tree& tree) {
  std::string text;
  for (const TreeEntry& entry : tree.entries()) {
    absl::StrAppend(&text, text.empty() ? "" : " ", entry.path);
    if (entry.type == Type::kDirectory) text += "/";
    if (entry.type == Type::kSymlink) absl::StrAppend(&text, "@", entry.link_target);
    if (entry.type != Type::kFile) continue;
    std::string content(entry.size, '\0');
    const auto reader = tree.OpenContent(entry.content_id);
    EXPECT_OK(reader);
    if (reader.ok()) EXPECT_OK((*reader)->ReadAt(0, content.data(), content.size()));
    absl::StrAppend(&text, "=", content);
  }
  return text;
}

TEST(MergedTreeTest, LaterWins) {
  const auto merged = MergedTree::Create({TreeOf({{"a", "1"}, {"d/x", "2"}, {"d/y", "3"}}),
                                          TreeOf({{"d/x", "4"}, {"d/z", "5"}}),
                                          TreeOf({{"a", "6", Type::kFile, 0755}})});
  EXPECT_EQ(Show(*merged), "a=6 d/ d/x=4 d/y=3 d/z=5");
  EXPECT_EQ(merged->Find("a")->mode, 0755u);
  EXPECT_OK(CheckEntries(merged->entries()));
}

TEST(MergedTreeTest, FileOverDirectoryReplacesAllOfIt) {
  const auto merged = MergedTree::Create(
      {TreeOf({{"d/x/y", "1"}, {"d/z", "2"}, {"d-e", "3"}, {"e", "4"}}), TreeOf({{"d", "file"}})});
  EXPECT_EQ(Show(*merged), "d=file d-e=3 e=4");
}

TEST(MergedTreeTest, DirectoryOverFileOrLinkReplacesIt) {
  const auto merged = MergedTree::Create(
      {TreeOf({{"d", "file"}, {"l", "d", Type::kSymlink}}), TreeOf({{"d/x", "1"}, {"l/y", "2"}})});
  EXPECT_EQ(Show(*merged), "d/ d/x=1 l/ l/y=2");
  EXPECT_OK(CheckEntries(merged->entries()));
}

TEST(MergedTreeTest, LinkOverDirectory) {
  const auto merged = MergedTree::Create(
      {TreeOf({{"d/x", "1"}, {"e", "2"}}), TreeOf({{"d", "e", Type::kSymlink}})});
  EXPECT_EQ(Show(*merged), "d@e e=2");
}

TEST(MergedTreeTest, OneTreeKeepsItsDigestAndNoneIsEmpty) {
  const auto tree = TreeOf({{"a", "1"}, {"d/x", "2"}});
  EXPECT_EQ(MergedTree::Create({tree})->digest(), tree->digest());
  EXPECT_EQ(MergedTree::Create({})->digest(), TreeOf({})->digest());
}

}  // namespace
}  // namespace stevedore::context
