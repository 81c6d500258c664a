#include "base/semantic_version.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace stevedore::base {
namespace {

TEST(SemanticVersionTest, PrecedenceIsThatOfSemverOrg) {
  const std::vector<std::string> rising = {
      "0.0.0-0",    "0.0.1",        "0.9.0",
      "0.10.0",     "1.0.0-1",      "1.0.0-2",
      "1.0.0-10",   "1.0.0-alpha",  "1.0.0-alpha.1",
      "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11",
      "1.0.0-rc.1", "1.0.0-rc.1.0", "1.0.0",
      "2.0.0",      "10.0.0",       "123456789012345678901234567890.0.0",
  };
  for (size_t i = 0; i < rising.size(); ++i) {
    for (size_t j = 0; j < rising.size(); ++j) {
      const auto a = ParseSemanticVersion(rising[i], true),
                 b = ParseSemanticVersion(rising[j], true);
      ASSERT_TRUE(a.has_value()) << rising[i];
      ASSERT_TRUE(b.has_value()) << rising[j];
      const int order = CompareVersions(*a, *b);
      EXPECT_EQ(order < 0, i < j) << rising[i] << " " << rising[j];
      EXPECT_EQ(order > 0, i > j) << rising[i] << " " << rising[j];
    }
  }
}

TEST(SemanticVersionTest, BuildMetadataDoesNotCount) {
  EXPECT_EQ(CompareVersions(*ParseSemanticVersion("1.2.3+a", true),
                            *ParseSemanticVersion("1.2.3+b.7", true)),
            0);
}

TEST(SemanticVersionTest, LenientTakesFewerNumbersAndAV) {
  for (const char* text : {"v1.2.3", "1.2", "1", "v1"}) {
    EXPECT_TRUE(ParseSemanticVersion(text, false).has_value()) << text;
    EXPECT_FALSE(ParseSemanticVersion(text, true).has_value()) << text;
  }
  for (const char* text : {"", "v", "01.2.3", "1.2.3.4", "1..2", "1.2.3-", "1.2.3-01", "latest"}) {
    EXPECT_FALSE(ParseSemanticVersion(text, false).has_value()) << text;
  }
}

}  // namespace
}  // namespace stevedore::base
