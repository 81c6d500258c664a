#include "graph/resolved_image.h"

#include <gtest/gtest.h>

#include <string>

namespace stevedore::graph {
namespace {

std::string GitName(const std::string& repository, const std::string& reference = "",
                    const std::string& path = "") {
  ContextSpec context;
  context.git.emplace();
  context.git->repository = repository;
  context.git->reference = reference;
  context.git->path = path;
  return ContextName(context);
}

TEST(ContextNameTest, FoldersAreNamedByWhereTheyAreOpened) {
  ContextSpec context;
  context.path = "web";
  EXPECT_EQ(ContextName(context), "web");
  context.resolved_path = "images/web";
  EXPECT_EQ(ContextName(context), "images/web");
}

TEST(ContextNameTest, GitContextsByUrlReferenceAndPath) {
  EXPECT_EQ(GitName("https://git.test/web.git"), "https://git.test/web.git");
  EXPECT_EQ(GitName("https://git.test/web.git", "v1"), "https://git.test/web.git#v1");
  EXPECT_EQ(GitName("https://git.test/web.git", "", "app"), "https://git.test/web.git#:app");
  EXPECT_EQ(GitName("git@git.test:web.git", "v1", "app"), "git@git.test:web.git#v1:app");
}

TEST(ContextNameTest, NeverWithAPassword) {
  EXPECT_EQ(GitName("https://user:hush@git.test/web"), "https://git.test/web");
  EXPECT_EQ(GitName("https://token@git.test/web"), "https://git.test/web");
  EXPECT_EQ(GitName("https://u:a@b:c@git.test/web@2"), "https://git.test/web@2");
  EXPECT_EQ(GitName("ssh://git:hush@git.test:2222/web"), "ssh://git@git.test:2222/web");
  EXPECT_EQ(GitName("ssh://git@git.test:2222/web"), "ssh://git@git.test:2222/web");
}

}  // namespace
}  // namespace stevedore::graph
