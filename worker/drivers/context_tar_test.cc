#include "worker/drivers/context_tar.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "oci/layer/tar_reader.h"

namespace stevedore::worker {
namespace {

using ::testing::ElementsAre;

TEST(ContextTarTest, HoldsTheWholeTree) {
  ASSERT_OK_AND_ASSIGN(
      std::shared_ptr<const context::Tree> tree,
      context::MemoryTree::Create(
          {{.path = "Dockerfile", .content = "FROM scratch\n"},
           {.path = "bin/run", .content = "#!/bin/sh\n", .mode = 0755},
           {.path = "bin/link", .content = "run", .type = context::TreeEntry::Type::kSymlink},
           {.path = "empty", .type = context::TreeEntry::Type::kDirectory}}));
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<ContextTar> tar, ContextTar::Create(tree, 86'400));
  uint64_t told = 0;
  tar->OnProgress([&](uint64_t bytes) { told = bytes; });
  const uint64_t size = tar->size();
  oci::TarReader reader(tar.get());
  std::vector<std::string> seen;
  while (true) {
    ASSERT_OK_AND_ASSIGN(const std::optional<oci::TarEntry> entry, reader.Next());
    if (!entry.has_value()) break;
    EXPECT_EQ(entry->mtime, 86'400);
    EXPECT_EQ(entry->entry.uid, 0u);
    ASSERT_OK_AND_ASSIGN(const std::string content, base::ReadAll(reader.Content(), 1000));
    seen.push_back(absl::StrCat(entry->entry.path, " ", absl::Hex(entry->entry.mode), " ",
                                entry->entry.link_target, content.size()));
  }
  EXPECT_THAT(seen, ElementsAre("Dockerfile 1a4 13", "bin 1ed 0", "bin/link 1ff run0",
                                "bin/run 1ed 10", "empty 1ed 0"));
  EXPECT_EQ(told, size);
}

}  // namespace
}  // namespace stevedore::worker
