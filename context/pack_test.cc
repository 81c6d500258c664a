#include "context/pack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/byte_sink.h"
#include "base/testing/status_matchers.h"
#include "context/tree.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"

namespace stevedore::context {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::HasSubstr;

TreeEntry FileEntry(std::string path, uint64_t size, char content = 'x') {
  TreeEntry entry;
  entry.path = std::move(path);
  entry.size = size;
  entry.digest.fill(content);
  return entry;
}

// A tree of files in directories, sizes as in source trees: many small, some large.
std::vector<TreeEntry> RandomTree(std::mt19937_64& random, int directories, int files) {
  std::vector<TreeEntry> entries;
  for (int d = 0; d < directories; ++d) {
    TreeEntry directory;
    directory.path = absl::StrCat("dir", 1000 + d);
    directory.type = TreeEntry::Type::kDirectory;
    directory.mode = 0755;
    entries.push_back(directory);
    for (int f = 0; f < files; ++f) {
      // Below 1 byte to about 1 MiB, log-uniform.
      const uint64_t size = uint64_t{1} << (random() % 21);
      entries.push_back(
          FileEntry(absl::StrCat(directory.path, "/file", 1000 + f), random() % size));
    }
  }
  return entries;
}

std::set<std::string> Keys(const std::vector<TreeEntry>& entries) {
  std::set<std::string> keys;
  for (const Pack& pack : CutPacks(entries)) keys.insert(pack.key.ToString());
  return keys;
}

size_t NewPacks(const std::set<std::string>& before, const std::vector<TreeEntry>& entries) {
  size_t count = 0;
  for (const std::string& key : Keys(entries)) count += before.count(key) == 0 ? 1 : 0;
  return count;
}

TEST(CutPacksTest, CoversEverythingInOrder) {
  std::mt19937_64 random(1);
  const std::vector<TreeEntry> entries = RandomTree(random, 20, 100);
  const std::vector<Pack> packs = CutPacks(entries);
  EXPECT_GT(packs.size(), 20);
  size_t at = 0;
  for (const Pack& pack : packs) {
    EXPECT_EQ(pack.begin, at);
    EXPECT_GT(pack.end, pack.begin);
    EXPECT_LE(pack.content_bytes, kPackLimitBytes);
    at = pack.end;
  }
  EXPECT_EQ(at, entries.size());
}

TEST(CutPacksTest, AnEmptyTreeIsOnePack) {
  const std::vector<Pack> packs = CutPacks({});
  ASSERT_EQ(packs.size(), 1);
  EXPECT_EQ(packs[0].begin, packs[0].end);
}

TEST(CutPacksTest, ALargeFileStandsAlone) {
  const std::vector<Pack> packs =
      CutPacks({FileEntry("a", 10), FileEntry("b", kPackLimitBytes + 1), FileEntry("c", 10)});
  ASSERT_EQ(packs.size(), 3);
  EXPECT_EQ(packs[1].begin, 1);
  EXPECT_EQ(packs[1].end, 2);
}

// The promise of the design: whatever is edited, at most two packs are new.
TEST(CutPacksTest, AnEditChangesAtMostTwoPacks) {
  std::mt19937_64 random(7);
  const std::vector<TreeEntry> entries = RandomTree(random, 30, 100);
  const std::set<std::string> before = Keys(entries);
  for (int i = 0; i < 300; ++i) {
    std::vector<TreeEntry> edited = entries;
    size_t at = random() % edited.size();
    while (edited[at].type != TreeEntry::Type::kFile) at = random() % edited.size();
    switch (random() % 4) {
      case 0:  // Other content of the same size.
        edited[at].digest.fill('y');
        break;
      case 1:  // Grown or shrunk.
        edited[at].digest.fill('y');
        edited[at].size = random() % (1 << 20);
        break;
      case 2:  // Removed.
        edited.erase(edited.begin() + at);
        break;
      default:  // Added after it.
        edited.insert(edited.begin() + at + 1,
                      FileEntry(edited[at].path + "-new", random() % (1 << 20)));
    }
    EXPECT_LE(NewPacks(before, edited), 2) << "edit " << i << " at " << edited[at].path;
  }
}

TEST(CutPacksTest, TheKeyIsOfEverythingInThePack) {
  const TreeEntry base = FileEntry("a", 10);
  const auto key = [](const TreeEntry& entry) { return CutPacks({entry})[0].key; };
  TreeEntry other = base;
  other.mode = 0755;
  EXPECT_NE(key(base), key(other));
  other = base;
  other.path = "b";
  EXPECT_NE(key(base), key(other));
  other = base;
  other.digest.fill('z');
  EXPECT_NE(key(base), key(other));
  other = base;
  other.content_id = 99;
  EXPECT_EQ(key(base), key(other)) << "where the content is read from does not matter";
}

TEST(WritePackTest, EqualPacksGiveEqualBytes) {
  ASSERT_OK_AND_ASSIGN(const auto a, MemoryTree::Create({{"d/x", "hello"}, {"e", "world"}}));
  ASSERT_OK_AND_ASSIGN(const auto b, MemoryTree::Create({{"e", "world"}, {"d/x", "hello"}}));
  std::string first;
  std::string second;
  base::StringSink first_sink(&first);
  base::StringSink second_sink(&second);
  ASSERT_OK_AND_ASSIGN(const oci::Descriptor one,
                       WritePack(*a, CutPacks(a->entries())[0], &first_sink));
  ASSERT_OK_AND_ASSIGN(const oci::Descriptor two,
                       WritePack(*b, CutPacks(b->entries())[0], &second_sink));
  EXPECT_EQ(first, second);
  EXPECT_EQ(one, two);
  EXPECT_EQ(one.digest, oci::Digest::Of(first));
  EXPECT_EQ(one.media_type, kPackMediaType);
}

TEST(ContextManifestTest, ReadsBackWhatItWrites) {
  oci::Descriptor pack;
  pack.media_type = std::string(kPackMediaType);
  pack.digest = oci::Digest::Of("pack");
  pack.size = 4;
  pack.annotations[std::string(kPackKeyAnnotation)] = oci::Digest::Of("key").ToString();
  ASSERT_OK_AND_ASSIGN(const std::string manifest,
                       ContextManifest(oci::Digest::Of("tree"), {pack, pack}));
  ASSERT_OK_AND_ASSIGN(const std::vector<oci::Descriptor> packs, ParseContextManifest(manifest));
  ASSERT_EQ(packs.size(), 2);
  EXPECT_EQ(packs[0], pack);
  EXPECT_EQ(ContextTag(oci::Digest::Of("tree")),
            absl::StrCat("ctx-", oci::Digest::Of("tree").hex()));
}

TEST(ContextManifestTest, RefusesOtherArtifacts) {
  EXPECT_THAT(ParseContextManifest("{}"), StatusIs(absl::StatusCode::kInvalidArgument));
  ASSERT_OK_AND_ASSIGN(std::string manifest, ContextManifest(oci::Digest::Of("tree"), {}));
  const size_t at = manifest.find("stevedore.context");
  manifest.replace(at, 9, "elsewhere");
  EXPECT_THAT(ParseContextManifest(manifest),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("artifact type")));
}

TEST(ContextManifestTest, TooManyPacksAreRefusedHereAlready) {
  oci::Descriptor pack;
  pack.media_type = std::string(kPackMediaType);
  pack.digest = oci::Digest::Of("pack");
  EXPECT_THAT(ContextManifest(oci::Digest::Of("tree"), std::vector<oci::Descriptor>(30'000, pack)),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("30000 packs")));
}

}  // namespace
}  // namespace stevedore::context
