#include "graph/option_json.h"

#include <string>
#include <utility>
#include <vector>

#include "base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace stevedore::graph {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;

TEST(OptionJsonTest, Bytes) {
  const std::vector<std::pair<Json, uint64_t>> cases = {
      {0, 0},           {1000, 1000},
      {"7b", 7},        {"1k", 1024},
      {"1kb", 1024},    {"1KiB", 1024},
      {"2M", 2u << 20}, {"1.5g", uint64_t{3} << 29},
      {" 3 ", 3},       {"1t", uint64_t{1} << 40},
  };
  for (const auto& [json, bytes] : cases) {
    ASSERT_OK_AND_ASSIGN(const uint64_t found, OptionBytes("memory", json));
    EXPECT_EQ(found, bytes) << json;
  }
  for (const char* bad :
       {"", "k", "ib", "1ib", "1bib", "1e3", "0x10", "inf", "1 k k", "1kk", "b"}) {
    EXPECT_THAT(std::string(OptionBytes("memory", Json(bad)).status().message()),
                HasSubstr("memory: must be a size"))
        << bad;
  }
}

TEST(OptionJsonTest, IntegersKeepTheirBounds) {
  ASSERT_OK_AND_ASSIGN(const int64_t seven, OptionInteger("n", Json("7"), 1, 7));
  EXPECT_EQ(seven, 7);
  EXPECT_FALSE(OptionInteger("n", Json(8), 1, 7).ok());
  EXPECT_FALSE(OptionInteger("n", Json(1.5), 1, 7).ok());
  EXPECT_FALSE(OptionInteger("n", Json(UINT64_MAX), 1, INT64_MAX).ok());
}

TEST(OptionJsonTest, DeepDocumentsAreRefused) {
  const std::string deep = "{\"a\":" + std::string(1000, '[') + std::string(1000, ']') + "}";
  EXPECT_THAT(std::string(ParseOptionsObject(deep).status().message()),
              HasSubstr("options must be an object"));
}

TEST(OptionJsonTest, ContextPathsAreCleaned) {
  ASSERT_OK_AND_ASSIGN(const std::string path, OptionContextPath("file", Json("/a/./b//c")));
  EXPECT_EQ(path, "a/b/c");
}

}  // namespace
}  // namespace stevedore::graph
