#include "context/tree_digest.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/testing/status_matchers.h"
#include "context/tree.h"

namespace stevedore::context {
namespace {

using Type = TreeEntry::Type;

std::string DigestOf(std::vector<MemoryTree::Item> items) {
  absl::StatusOr<std::unique_ptr<MemoryTree>> tree = MemoryTree::Create(std::move(items));
  return tree.ok() ? (*tree)->digest().ToString() : tree.status().ToString();
}

// The values were computed by an independent program from the description in architecture.md.
TEST(TreeDigestTest, KnownAnswers) {
  EXPECT_EQ(DigestOf({}),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(DigestOf({{"a", "hello\n"}}),
            "sha256:10ca669477227f668c3dce8b044f84caabe5f5150aa1f34a49868f51cdbb27f3");
  EXPECT_EQ(DigestOf({{"etc-conf", "", Type::kFile, 04777},
                      {"etc/motd", "hi\n"},
                      {"empty", "", Type::kDirectory},
                      {"bin/sh", "busybox", Type::kSymlink},
                      {"bin/busybox", "ELF", Type::kFile, 0775}}),
            "sha256:9a0af9a5b3c8846ce9ec3d8b9ff0bedb33b53828e0bd87eebba1f16cdd7528ee");
}

TEST(TreeDigestTest, WriteBitsOfOthersDoNotMatter) {
  EXPECT_EQ(DigestOf({{"a", "x", Type::kFile, 0664}}), DigestOf({{"a", "x", Type::kFile, 0644}}));
  EXPECT_EQ(DigestOf({{"d", "", Type::kDirectory, 0700}}),
            DigestOf({{"d", "", Type::kDirectory, 0775}}));
}

TEST(TreeDigestTest, EverythingElseDoes) {
  const std::string base = DigestOf({{"d/a", "x"}});
  EXPECT_NE(base, DigestOf({{"d/a", "y"}}));
  EXPECT_NE(base, DigestOf({{"d/b", "x"}}));
  EXPECT_NE(base, DigestOf({{"e/a", "x"}}));
  EXPECT_NE(base, DigestOf({{"a", "x"}}));
  EXPECT_NE(base, DigestOf({{"d/a", "x", Type::kFile, 0755}}));
  EXPECT_NE(base, DigestOf({{"d/a", "x", Type::kSymlink}}));
  EXPECT_NE(base, DigestOf({{"d/a", "x"}, {"d/b", "", Type::kDirectory}}));
}

// What stands in an entry cannot be moved to the next one without a change of the digest.
TEST(TreeDigestTest, NamesAreDelimited) {
  EXPECT_NE(DigestOf({{"ab", ""}, {"c", ""}}), DigestOf({{"a", ""}, {"bc", ""}}));
}

}  // namespace
}  // namespace stevedore::context
