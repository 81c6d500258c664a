#include "cli/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/status_matchers.h"

namespace stevedore::cli {
namespace {

using ::stevedore::base::testing::IsOkAndHolds;
using ::stevedore::base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

TEST(TextTest, TablesAlignTheirColumns) {
  const std::vector<std::string> headings = {"NAME", "VERSION", "PARENT"};
  const std::vector<std::vector<std::string>> rows = {{"web", "1.0", "base:2"}, {"größe", "10"}};
  EXPECT_EQ(FormatTable(headings, rows),
            "NAME   VERSION  PARENT\n"
            "web    1.0      base:2\n"
            "größe  10\n");
}

TEST(TextTest, SizesAndTimesAreShort) {
  EXPECT_EQ(FormatBytes(0), "0 B");
  EXPECT_EQ(FormatBytes(1023), "1023 B");
  EXPECT_EQ(FormatBytes(1536), "1.50 KiB");
  EXPECT_EQ(FormatBytes(123456789), "118 MiB");
  EXPECT_EQ(FormatSeconds(absl::Milliseconds(340)), "0.3s");
  EXPECT_EQ(FormatSeconds(absl::Seconds(-3)), "0.0s");
  EXPECT_EQ(FormatSeconds(absl::Seconds(59)), "59s");
  EXPECT_EQ(FormatSeconds(absl::Seconds(185)), "3m05s");
  EXPECT_EQ(FormatSeconds(absl::Minutes(130)), "2h10m");
  EXPECT_EQ(ShortDigest("sha256:0123456789abcdef"), "sha256:0123456789ab");
}

TEST(TextTest, ListsFollowCsvRules) {
  EXPECT_THAT(SplitList("--tag", {"a,b", "c"}), IsOkAndHolds(ElementsAre("a", "b", "c")));
  EXPECT_THAT(SplitList("--tag", {R"("a,b",c)"}), IsOkAndHolds(ElementsAre("a,b", "c")));
  EXPECT_THAT(SplitList("--tag", {R"("say ""hi""")"}), IsOkAndHolds(ElementsAre("say \"hi\"")));
  EXPECT_THAT(SplitList("--tag", {"\"open"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--tag")));
}

TEST(TextTest, PairsSplitAtTheFirstEqualsSign) {
  EXPECT_THAT(SplitPairs("--variable", {"a=1", "b=x=y", "c="}),
              IsOkAndHolds(ElementsAre(Pair("a", "1"), Pair("b", "x=y"), Pair("c", ""))));
  EXPECT_THAT(SplitPairs("--variable", {"a=1,2"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("`2`")));
}

}  // namespace
}  // namespace stevedore::cli
