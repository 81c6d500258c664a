#include "worker/drivers/buildkit/header_text.h"

#include "gtest/gtest.h"

namespace stevedore::worker {
namespace {

TEST(QueryUnescapeTest, Undoes) {
  EXPECT_EQ(QueryUnescape(""), "");
  EXPECT_EQ(QueryUnescape("plain/path"), "plain/path");
  EXPECT_EQ(QueryUnescape("a%2Fb+c%C3%A4"), "a/b c\xC3\xA4");
}

TEST(QueryUnescapeTest, KeepsWhatIsNoEscape) {
  EXPECT_EQ(QueryUnescape("100%"), "100%");
  EXPECT_EQ(QueryUnescape("%4"), "%4");
  EXPECT_EQ(QueryUnescape("%zz%41"), "%zzA");
}

}  // namespace
}  // namespace stevedore::worker
