#include "context/stat_cache.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/testing/status_matchers.h"
#include "context/tree.h"

namespace stevedore::context {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

FileIdentity FileAt(uint64_t inode, int64_t seconds) {
  FileIdentity file;
  file.device = 7;
  file.inode = inode;
  file.size = 100;
  file.mtime_ns = (seconds - 50) * kSecond;
  file.ctime_ns = seconds * kSecond;
  return file;
}

TreeEntry::Sha256 DigestOf(const std::string& text) { return ToSha256(base::Sha256(text)); }

TEST(StatCacheTest, FindsExactlyWhatWasStored) {
  StatCache cache;
  const FileIdentity file = FileAt(1, 1000);
  cache.Store(file, DigestOf("a"), absl::FromUnixSeconds(2000));
  EXPECT_EQ(cache.Find(file), DigestOf("a"));
  FileIdentity touched = file;
  ++touched.ctime_ns;
  EXPECT_EQ(cache.Find(touched), std::nullopt);
  FileIdentity grown = file;
  ++grown.size;
  EXPECT_EQ(cache.Find(grown), std::nullopt);
  cache.Store(grown, DigestOf("b"), absl::FromUnixSeconds(2000));
  EXPECT_EQ(cache.Find(file), std::nullopt) << "one record per inode";
  EXPECT_EQ(cache.size(), 1);
}

TEST(StatCacheTest, DoesNotTrustFilesThatWereJustModified) {
  StatCache cache;
  const FileIdentity file = FileAt(1, 1000);
  cache.Store(file, DigestOf("a"), absl::FromUnixSeconds(1000));
  cache.Store(file, DigestOf("a"), absl::FromUnixSeconds(1001));
  cache.Store(file, DigestOf("a"), absl::FromUnixSeconds(900));
  EXPECT_EQ(cache.Find(file), std::nullopt);
  cache.Store(file, DigestOf("a"), absl::FromUnixSeconds(1002));
  EXPECT_EQ(cache.Find(file), DigestOf("a"));
}

TEST(StatCacheTest, SurvivesSaving) {
  ASSERT_OK_AND_ASSIGN(const auto directory, base::TemporaryDirectory::Create());
  const std::string path = directory.path() + "/new/folder/cache";
  {
    StatCache cache = StatCache::Load(path);
    for (int i = 0; i < 100; ++i) {
      cache.Store(FileAt(i, 1000), DigestOf(std::to_string(i)), absl::FromUnixSeconds(2000));
    }
    ASSERT_OK(cache.Save(path));
  }
  StatCache cache = StatCache::Load(path);
  EXPECT_EQ(cache.size(), 100);
  EXPECT_EQ(cache.Find(FileAt(42, 1000)), DigestOf("42"));
}

TEST(StatCacheTest, DamageIsAnEmptyCache) {
  ASSERT_OK_AND_ASSIGN(const auto directory, base::TemporaryDirectory::Create());
  const std::string path = directory.path() + "/cache";
  StatCache cache;
  cache.Store(FileAt(1, 1000), DigestOf("a"), absl::FromUnixSeconds(2000));
  ASSERT_OK(cache.Save(path));
  ASSERT_OK_AND_ASSIGN(const std::string good, base::ReadFile(path));
  EXPECT_EQ(StatCache::Load(path).size(), 1);
  for (size_t i = 0; i < good.size(); i += 7) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    ASSERT_OK(base::WriteFileAtomically(path, bad));
    EXPECT_EQ(StatCache::Load(path).size(), 0) << i;
  }
  ASSERT_OK(base::WriteFileAtomically(path, good.substr(0, good.size() - 1)));
  EXPECT_EQ(StatCache::Load(path).size(), 0);
  ASSERT_OK(base::WriteFileAtomically(path, ""));
  EXPECT_EQ(StatCache::Load(path).size(), 0);
}

}  // namespace
}  // namespace stevedore::context
