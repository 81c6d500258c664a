#include "credentials/credential_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/status_matchers.h"

namespace stevedore::credentials {
namespace {

using ::testing::ElementsAre;

TEST(LookupKeysTest, MostSpecificFirst) {
  EXPECT_THAT(LookupKeys("reg:5000", "a/b"), ElementsAre("reg:5000/a/b", "reg:5000/a", "reg:5000"));
  EXPECT_THAT(LookupKeys("reg", ""), ElementsAre("reg"));
  EXPECT_THAT(LookupKeys("docker.io", ""),
              ElementsAre("docker.io", "index.docker.io", "registry-1.docker.io"));
}

TEST(MemoryCredentialStoreTest, TheMostSpecificEntryWins) {
  const MemoryCredentialStore store({{"reg", {"host", base::Secret("1"), "test"}},
                                     {"reg/a/b", {"exact", base::Secret("2"), "test"}},
                                     {"reg/a", {"space", base::Secret("3"), "test"}}});
  for (const auto& [repository, want] : std::vector<std::pair<std::string, std::string>>{
           {"a/b", "exact"}, {"a/c", "space"}, {"a/b/c", "exact"}, {"ab", "host"}, {"", "host"}}) {
    ASSERT_OK_AND_ASSIGN(const auto found, store.Find("reg", repository));
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->username, want) << repository;
  }
  ASSERT_OK_AND_ASSIGN(const auto none, store.Find("other", "a/b"));
  EXPECT_FALSE(none.has_value());
}

}  // namespace
}  // namespace stevedore::credentials
