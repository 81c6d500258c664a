#include "context/pack_cache.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/byte_source.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"

namespace stevedore::context {
namespace {

using ::stevedore::base::testing::StatusIs;

// What the cache fetches is told apart by its first byte; uncompressed, which is fine too.
oci::Descriptor PackOf(char c) {
  oci::Descriptor pack;
  pack.digest = oci::Digest::Of(std::string(1000, c));
  pack.size = 1000;
  return pack;
}

class PackCacheTest : public ::testing::Test {
 protected:
  PackCache::Fetch FetchOf(char c) {
    return [this, c](const oci::Descriptor&) -> absl::StatusOr<std::unique_ptr<base::ByteSource>> {
      ++fetched_;
      return std::make_unique<base::StringSource>(std::string(1000, c));
    };
  }
  base::TemporaryDirectory directory_ = base::TemporaryDirectory::Create().value();
  std::atomic<int> fetched_ = 0;
};

TEST_F(PackCacheTest, FetchesOnceAndKeepsAcrossRestarts) {
  const std::string path = directory_.path() + "/packs";
  {
    ASSERT_OK_AND_ASSIGN(const auto cache, PackCache::Open(path, 10'000));
    ASSERT_OK(cache->Get(PackOf('a'), FetchOf('a')));
    ASSERT_OK_AND_ASSIGN(const auto segment, cache->Get(PackOf('a'), FetchOf('a')));
    EXPECT_EQ(fetched_, 1);
    ASSERT_OK_AND_ASSIGN(const auto reader, segment->Open());
    char byte = 0;
    ASSERT_OK(reader->ReadAt(999, &byte, 1));
    EXPECT_EQ(byte, 'a');
  }
  ASSERT_OK(base::WriteFileAtomically(path + "/tmp-crash", "half"));
  ASSERT_OK_AND_ASSIGN(const auto cache, PackCache::Open(path, 10'000));
  EXPECT_EQ(cache->used_bytes(), 1000);
  EXPECT_FALSE(base::Exists(path + "/tmp-crash"));
  ASSERT_OK(cache->Get(PackOf('a'), FetchOf('a')));
  EXPECT_EQ(fetched_, 1);
}

TEST_F(PackCacheTest, TheLongestUnusedGoFirstButNeverWhatIsInUse) {
  ASSERT_OK_AND_ASSIGN(const auto cache, PackCache::Open(directory_.path() + "/packs", 3000));
  ASSERT_OK_AND_ASSIGN(const auto held, cache->Get(PackOf('a'), FetchOf('a')));
  for (const char c : {'b', 'c', 'b', 'd'}) ASSERT_OK(cache->Get(PackOf(c), FetchOf(c)));
  EXPECT_EQ(fetched_, 4);
  EXPECT_EQ(cache->used_bytes(), 3000);
  ASSERT_OK(cache->Get(PackOf('b'), FetchOf('b')));
  EXPECT_EQ(fetched_, 4) << "c was the longest unused";
  EXPECT_OK(held->Open());
  ASSERT_OK(cache->Get(PackOf('c'), FetchOf('c')));
  EXPECT_EQ(fetched_, 5);
}

TEST_F(PackCacheTest, TwoWhoWantTheSameShareOneFetch) {
  ASSERT_OK_AND_ASSIGN(const auto cache, PackCache::Open(directory_.path() + "/packs", 10'000));
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] { EXPECT_OK(cache->Get(PackOf('a'), FetchOf('a'))); });
    }
  }
  EXPECT_EQ(fetched_, 1);
}

TEST_F(PackCacheTest, AFailedFetchIsNotRemembered) {
  ASSERT_OK_AND_ASSIGN(const auto cache, PackCache::Open(directory_.path() + "/packs", 10'000));
  const PackCache::Fetch down =
      [](const oci::Descriptor&) -> absl::StatusOr<std::unique_ptr<base::ByteSource>> {
    return absl::UnavailableError("registry is down");
  };
  EXPECT_THAT(cache->Get(PackOf('a'), down), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_OK(cache->Get(PackOf('a'), FetchOf('a')));
}

}  // namespace
}  // namespace stevedore::context
