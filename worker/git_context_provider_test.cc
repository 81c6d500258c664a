#include "worker/git_context_provider.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "credentials/bundle.h"

namespace stevedore::worker {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

// Hands out one tree for everything.
class FakeContextProvider final : public ContextProvider {
 public:
  explicit FakeContextProvider(std::shared_ptr<const context::Tree> tree)
      : tree_(std::move(tree)) {}
  absl::StatusOr<std::shared_ptr<const context::Tree>> Open(const ContextRequest&) override {
    return tree_;
  }

 private:
  const std::shared_ptr<const context::Tree> tree_;
};

ContextRequest GitRequest(const context::Tree& tree) {
  ContextRequest request;
  request.path = "https://git.test/web#v1";
  request.owner = "image web:1";
  request.tree_digest = tree.digest();
  request.git.emplace();
  request.git->url = "https://git.test/web";
  request.git->commit = "0123456789012345678901234567890123456789";
  return request;
}

TEST(GitContextProviderTest, FoldersAreLeftToTheOther) {
  ASSERT_OK_AND_ASSIGN(const std::shared_ptr<const context::Tree> tree,
                       context::MemoryTree::Create({{.path = "a", .content = "a"}}));
  FakeContextProvider uploaded(tree);
  GitContextProvider provider(&uploaded, nullptr, nullptr);
  ContextRequest request;
  request.path = "web";
  request.tree_digest = tree->digest();
  ASSERT_OK_AND_ASSIGN(const auto opened, provider.Open(request));
  EXPECT_EQ(opened, tree);
}

TEST(GitContextProviderTest, WithoutACacheOnlyGitFails) {
  ASSERT_OK_AND_ASSIGN(const std::shared_ptr<const context::Tree> tree,
                       context::MemoryTree::Create({}));
  FakeContextProvider uploaded(tree);
  GitContextProvider provider(&uploaded, nullptr, nullptr);
  EXPECT_THAT(provider.Open(GitRequest(*tree)),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr("https://git.test/web#v1"), HasSubstr("image web:1"))));
}

TEST(GitContextProviderTest, AnotherWorkerMayHaveTheCredentials) {
  ASSERT_OK_AND_ASSIGN(const std::shared_ptr<const context::Tree> tree,
                       context::MemoryTree::Create({}));
  FakeContextProvider uploaded(tree);
  ASSERT_OK_AND_ASSIGN(const base::TemporaryDirectory directory,
                       base::TemporaryDirectory::Create());
  ASSERT_OK_AND_ASSIGN(const auto mirrors,
                       context::GitMirrors::Open({.directory = directory.path()}));
  const credentials::MemoryRecordStore records("the worker's store", {});
  GitContextProvider provider(&uploaded, mirrors.get(), &records);
  ContextRequest request = GitRequest(*tree);
  request.git->credentials_id = "git.test";
  EXPECT_THAT(provider.Open(request),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr("git.test"), HasSubstr("the worker's store"))));
}

}  // namespace
}  // namespace stevedore::worker
