#include "transfer/version_range.h"

#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "base/testing/status_matchers.h"

namespace stevedore::transfer {
namespace {

using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

struct Case {
  const char* range;
  const char* inside;   // Separated by spaces.
  const char* outside;  // Separated by spaces.
};

class VersionRangeTest : public ::testing::TestWithParam<Case> {};

TEST_P(VersionRangeTest, Contains) {
  ASSERT_OK_AND_ASSIGN(const VersionRange range, VersionRange::Parse(GetParam().range));
  EXPECT_EQ(range.text(), GetParam().range);
  for (const bool inside : {true, false}) {
    const char* const texts = inside ? GetParam().inside : GetParam().outside;
    for (const absl::string_view text : absl::StrSplit(texts, ' ', absl::SkipEmpty())) {
      const auto version = base::ParseSemanticVersion(text, false);
      ASSERT_TRUE(version.has_value()) << text;
      EXPECT_EQ(range.Contains(*version), inside) << text;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, VersionRangeTest,
    ::testing::Values(
        Case{">=1.2 <2", "1.2 1.2.0 v1.9.9 1.10", "1.1.9 2 2.0.0 2.0.0-rc1 1.3-alpine"},
        Case{">= 1.2, < 2", "1.2 1.9", "2 1.1"}, Case{"=>1.2,=<1.4", "1.2 1.4.9", "1.5"},
        Case{"^1", "1 1.0.0 1.99.3", "2 0.9 1.1-rc1 2.0.0-0"},
        Case{"^1.2.3", "1.2.3 1.3", "1.2.2 2"}, Case{"^0.2.3", "0.2.3 0.2.9", "0.3.0 0.2.2 1"},
        Case{"^0.0.3", "0.0.3", "0.0.4 0.0.2"}, Case{"^0.0", "0.0.0 0.0.9", "0.1"},
        Case{"^0", "0.0.1 0.9", "1"}, Case{"~1.4", "1.4 1.4.9", "1.5 1.3.9 2"},
        Case{"~1.4.2", "1.4.2 1.4.9", "1.4.1 1.5"}, Case{"~1", "1 1.9", "2 0.9"},
        Case{"~>1.4", "1.4.1", "1.5"}, Case{"1.2", "1.2.0 1.2.9", "1.3 1.1"},
        Case{"1.2.x", "1.2.0 1.2.9", "1.3 1.1"}, Case{"1.x.x", "1.2 1.0", "2"},
        Case{"1.2.3", "1.2.3 v1.2.3 1.2.3+b7", "1.2.4 1.2.3-rc"}, Case{"=1.2.3", "1.2.3", "1.2.4"},
        Case{"!=1.2", "1.3 1.1.9 2", "1.2 1.2.7"}, Case{">=1 !=1.5.2", "1.5.1 1.5.3", "1.5.2 0.1"},
        Case{">1.2", "1.3 2", "1.2 1.2.9"}, Case{">1", "2 2.0.1", "1 1.9"},
        Case{">1.2.3", "1.2.4", "1.2.3"}, Case{"<=1.2", "1.2.9 0", "1.3"},
        Case{"<=1", "1.9.9 0.1", "2"}, Case{"<=1.2.3", "1.2.3", "1.2.4"},
        Case{"<1.2", "1.1.9", "1.2 1.2.1"}, Case{"1.2 - 1.4", "1.2 1.4.9", "1.5 1.1"},
        Case{"1.2.3 - 1.4.5", "1.2.3 1.4.5", "1.4.6 1.2.2"},
        Case{"1.2 - 1.4 || ^3 || =5.0.1", "1.3 3.9 5.0.1", "2 4 5.0.0"},
        Case{"*", "0 1.2 99", "1-rc"}, Case{"x", "0 1.2", ""}, Case{">=*", "7", ""},
        Case{"!=*", "", "0 1"}, Case{">=1.2-0", "1.2 1.2-alpine 1.3.0-rc.1 2", "1.1"},
        Case{">=1.2-0 <2", "1.5-alpine 1.5", "1.1-alpine 2"},
        Case{"^1.2.3-beta.2", "1.2.3-beta.2 1.2.3-rc 1.2.3 1.9", "1.2.3-beta.1 2.0.0-alpha 2"},
        Case{"~9.9", "9.9.1", "9.10 10"}, Case{"^99", "99.1", "100 98"},
        Case{">=99999999999999999999999", "99999999999999999999999 1000000000000000000000000",
             "99999999999999999999998"}));

TEST(VersionRangeErrorsTest, SayWhatWasFoundAndWhatARangeIs) {
  for (const char* text :
       {"latest", "1.2.3.4", ">",    ">=",    "1.2 -",        "- 1.2",  "1.2 - x1",
        "<>1",    "~~1",     "01.2", "1.x.2", "x.1",          "1.x-rc", ">1 ||",
        "",       "  ",      "vv1",  "1..2",  ">=1.2 and <2", "^^1",    "1.2.3-01"}) {
    EXPECT_THAT(VersionRange::Parse(text),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("`>=1.2 <2`")))
        << text;
  }
  EXPECT_THAT(VersionRange::Parse(">=1 <z"), StatusIs(absl::StatusCode::kInvalidArgument,
                                                      AllOf(HasSubstr("`<z`"), HasSubstr("^1"))));
}

}  // namespace
}  // namespace stevedore::transfer
