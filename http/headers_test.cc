#include "http/headers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stevedore::http {
namespace {

using ::testing::ElementsAre;
using ::testing::Optional;

TEST(HeadersTest, NamesCompareWithoutCaseAndMayRepeat) {
  Headers headers = {{"Content-Type", "text/plain"}};
  headers.Add("WWW-Authenticate", "Basic");
  headers.Add("www-authenticate", "Bearer");
  EXPECT_THAT(headers.Find("content-type"), Optional(std::string("text/plain")));
  EXPECT_THAT(headers.FindAll("Www-Authenticate"), ElementsAre("Basic", "Bearer"));
  EXPECT_EQ(headers.Find("Location"), std::nullopt);
}

TEST(HeadersTest, SetReplacesAllOfAName) {
  Headers headers = {{"A", "1"}, {"B", "2"}, {"a", "3"}};
  headers.Set("a", "4");
  EXPECT_THAT(headers.FindAll("A"), ElementsAre("4"));
  headers.Remove("b");
  EXPECT_EQ(headers.fields().size(), 1);
}

}  // namespace
}  // namespace stevedore::http
