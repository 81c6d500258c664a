#include "base/byte_source.h"

#include "base/testing/status_matchers.h"

namespace stevedore::base {
namespace {

using ::stevedore::base::testing::IsOkAndHolds;
using ::stevedore::base::testing::StatusIs;

TEST(ByteSourceTest, StringSourceEndsAndStaysAtItsEnd) {
  StringSource source("abc");
  char buffer[8];
  EXPECT_THAT(source.Read(buffer, 2), IsOkAndHolds(2u));
  EXPECT_THAT(source.Read(buffer, 8), IsOkAndHolds(1u));
  EXPECT_THAT(source.Read(buffer, 8), IsOkAndHolds(0u));
  EXPECT_THAT(source.Read(buffer, 8), IsOkAndHolds(0u));
}

TEST(ByteSourceTest, CopyAllCopiesMoreThanOneBlock) {
  const std::string text(1'000'000, 'x');
  StringSource source(text);
  std::string copy;
  StringSink sink(&copy);
  EXPECT_THAT(CopyAll(source, sink), IsOkAndHolds(text.size()));
  EXPECT_EQ(copy, text);
}

TEST(ByteSourceTest, ReadAllRefusesMoreThanItsLimit) {
  StringSource exact("1234");
  EXPECT_THAT(ReadAll(exact, 4), IsOkAndHolds("1234"));
  StringSource more("12345");
  EXPECT_THAT(ReadAll(more, 4), StatusIs(absl::StatusCode::kResourceExhausted));
}

}  // namespace
}  // namespace stevedore::base
