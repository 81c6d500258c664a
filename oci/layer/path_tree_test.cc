#include "oci/layer/path_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/testing/status_matchers.h"
#include "oci/layer/tar_header.h"

namespace stevedore::oci {
namespace {

using base::testing::StatusIs;

TEST(PathTreeTest, FindsWhatWasInsertedAndEverythingAboveIt) {
  PathTree tree(100);
  ASSERT_OK_AND_ASSIGN(const PathTree::Node sh, tree.Insert("usr/bin/sh"));
  EXPECT_EQ(tree.size(), 4u);
  EXPECT_EQ(tree.Find("usr/bin/sh"), sh);
  EXPECT_EQ(tree.Find("usr/bin"), tree.Parent(sh));
  EXPECT_EQ(tree.Find(""), PathTree::kRoot);
  EXPECT_EQ(tree.Parent(PathTree::kRoot), PathTree::kNone);
  EXPECT_EQ(tree.Find("usr/bin/bash"), PathTree::kNone);
  EXPECT_EQ(tree.Find("bin/usr"), PathTree::kNone);
  EXPECT_EQ(tree.Name(sh), "sh");
  EXPECT_EQ(tree.Path(sh), "usr/bin/sh");
  EXPECT_EQ(tree.Path(PathTree::kRoot), "");
  EXPECT_THAT(tree.Insert("usr/bin/sh"), base::testing::IsOkAndHolds(sh));
  PathTree moved = std::move(tree);
  EXPECT_EQ(moved.Find("usr/bin/sh"), sh);
}

TEST(PathTreeTest, OrderIsThatOfLayers) {
  const std::vector<std::string> paths = {"a",   "a.b", "a/b", "a/b/c",  "a0",   "b",
                                          "a b", "Z/z", "Z",   "\xff/x", "\xff", "b/\x01"};
  PathTree tree(100);
  for (const std::string& path : paths) ASSERT_OK(tree.Insert(path));
  std::vector<std::string> sorted = paths;
  std::sort(sorted.begin(), sorted.end(), LayerPathLess);
  std::vector<std::string> in_order;
  for (const PathTree::Node node : tree.InOrder()) in_order.push_back(tree.Path(node));
  EXPECT_EQ(in_order.front(), "");
  in_order.erase(in_order.begin());
  EXPECT_EQ(in_order, sorted);
}

TEST(PathTreeTest, ManyLongNamesSurviveGrowth) {
  PathTree tree(10'000);
  const auto name = [](int i) {
    return "d" + std::to_string(i % 50) + "/" + std::string(i % 4000, 'x') + std::to_string(i);
  };
  for (int i = 0; i < 3000; ++i) ASSERT_OK(tree.Insert(name(i)));
  for (int i = 0; i < 3000; ++i) {
    const PathTree::Node node = tree.Find(name(i));
    ASSERT_NE(node, PathTree::kNone);
    ASSERT_EQ(tree.Path(node), name(i));
  }
}

TEST(PathTreeTest, HasALimit) {
  PathTree tree(4);
  ASSERT_OK(tree.Insert("a/b/c"));
  ASSERT_OK(tree.Insert("a/b"));
  EXPECT_THAT(tree.Insert("a/d"), StatusIs(absl::StatusCode::kResourceExhausted));
}

}  // namespace
}  // namespace stevedore::oci
