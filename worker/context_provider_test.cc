#include "worker/context_provider.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "context/local_tree.h"
#include "context/tree.h"
#include "oci/image/digest.h"

namespace stevedore::worker {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::HasSubstr;

std::shared_ptr<const context::Tree> SomeTree() {
  return context::MemoryTree::Create({{"a", "1"}}).value();
}

TEST(SharedTreesTest, OneIsMadeForAllWhoHoldIt) {
  SharedTrees trees;
  std::atomic<int> made = 0;
  const auto make = [&]() -> absl::StatusOr<std::shared_ptr<const context::Tree>> {
    ++made;
    return SomeTree();
  };
  const oci::Digest digest = oci::Digest::Of("tree");
  {
    ASSERT_OK_AND_ASSIGN(const auto held, trees.Get(digest, make));
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] { EXPECT_OK(trees.Get(digest, make)); });
    }
  }
  EXPECT_EQ(made, 1);
  ASSERT_OK(trees.Get(digest, make));
  EXPECT_EQ(made, 2) << "nobody held it any more";
}

TEST(SharedTreesTest, AFailureIsNotRemembered) {
  SharedTrees trees;
  const oci::Digest digest = oci::Digest::Of("tree");
  EXPECT_THAT(trees.Get(digest,
                        []() -> absl::StatusOr<std::shared_ptr<const context::Tree>> {
                          return absl::UnavailableError("down");
                        }),
              StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_OK(trees.Get(
      digest, []() -> absl::StatusOr<std::shared_ptr<const context::Tree>> { return SomeTree(); }));
}

class DiskContextProviderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(base::MakeDirectories(directory_.path() + "/services/web"));
    ASSERT_OK(base::WriteFileAtomically(directory_.path() + "/services/web/index", "hello"));
    ASSERT_OK_AND_ASSIGN(const auto tree,
                         context::LocalTree::Open(directory_.path() + "/services/web"));
    request_.path = "services/web";
    request_.owner = "image web:1.0";
    request_.tree_digest = tree->digest();
  }
  base::TemporaryDirectory directory_ = base::TemporaryDirectory::Create().value();
  DiskContextProvider provider_{directory_.path(), nullptr};
  ContextRequest request_;
};

TEST_F(DiskContextProviderTest, ReadsWhereItIs) {
  ASSERT_OK_AND_ASSIGN(const auto tree, provider_.Open(request_));
  EXPECT_NE(tree->Find("index"), nullptr);
}

TEST_F(DiskContextProviderTest, AFolderThatChangedIsRefused) {
  ASSERT_OK(base::WriteFileAtomically(directory_.path() + "/services/web/index", "other"));
  EXPECT_THAT(provider_.Open(request_),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("services/web of image web:1.0 changed")));
}

TEST_F(DiskContextProviderTest, UsesTreesThatItWasGiven) {
  const std::shared_ptr<const context::Tree> tree = SomeTree();
  provider_.Add(tree);
  request_.path = "nowhere";
  request_.tree_digest = tree->digest();
  ASSERT_OK_AND_ASSIGN(const auto opened, provider_.Open(request_));
  EXPECT_EQ(opened, tree);
}

}  // namespace
}  // namespace stevedore::worker
