#include "transfer/tag_rules.h"

#include <string>
#include <vector>

#include "base/testing/status_matchers.h"

namespace stevedore::transfer {
namespace {

using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TagPattern Pattern(const std::string& text, bool whole = true) {
  return *TagPattern::Parse(text, whole);
}

const std::vector<std::string>& There() {
  static const auto& tags = *new std::vector<std::string>{
      "1.10", "1.2", "1.9-alpine", "2.0.0-rc.1", "edge", "latest", "v2.0.0", "1.2.3"};
  return tags;
}

TEST(TagRulesTest, NamedTagsNeedNoListing) {
  TagRules rules{.tags = {"b", "a", "b"}};
  EXPECT_FALSE(rules.NeedsListing());
  EXPECT_THAT(SelectTags(rules, {}), ElementsAre("b", "a"));
}

TEST(TagRulesTest, NothingSelectsNothing) {
  EXPECT_FALSE(TagRules{}.NeedsListing());
  EXPECT_THAT(SelectTags({}, There()), IsEmpty());
}

TEST(TagRulesTest, AllInOrderOfVersions) {
  TagRules rules{.all = true};
  EXPECT_TRUE(rules.NeedsListing());
  EXPECT_THAT(SelectTags(rules, There()), ElementsAre("v2.0.0", "2.0.0-rc.1", "1.10", "1.9-alpine",
                                                      "1.2.3", "1.2", "edge", "latest"));
  rules.excluded = {Pattern(".*-.*"), Pattern("e.*")};
  EXPECT_THAT(SelectTags(rules, There()), ElementsAre("v2.0.0", "1.10", "1.2.3", "1.2", "latest"));
}

TEST(TagRulesTest, PatternsMatchTheWholeTagOrAPart) {
  EXPECT_THAT(SelectTags({.patterns = {Pattern("1\\.2")}}, There()), ElementsAre("1.2"));
  EXPECT_THAT(SelectTags({.patterns = {Pattern("1\\.2", false)}}, There()),
              ElementsAre("1.2.3", "1.2"));
  EXPECT_THAT(SelectTags({.patterns = {Pattern("^1.*e$", false)}}, There()),
              ElementsAre("1.9-alpine"));
  EXPECT_TRUE((TagRules{.patterns = {Pattern("a")}}).NeedsListing());
}

TEST(TagRulesTest, VersionsAndTheNewestOfThem) {
  TagRules rules{.tags = {"latest"}, .versions = {*VersionRange::Parse(">=1.2")}};
  EXPECT_TRUE(rules.NeedsListing());
  EXPECT_THAT(SelectTags(rules, There()), ElementsAre("latest", "v2.0.0", "1.10", "1.2.3", "1.2"));
  rules.newest = 2;
  EXPECT_THAT(SelectTags(rules, There()), ElementsAre("latest", "v2.0.0", "1.10"));
  rules.excluded = {Pattern("v.*"), Pattern("latest")};
  EXPECT_THAT(SelectTags(rules, There()), ElementsAre("latest", "1.10", "1.2.3"));
}

TEST(TagRulesTest, BadPatternsSayWhy) {
  EXPECT_THAT(TagPattern::Parse("v1("),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("`v1(`"), HasSubstr("missing )"))));
  EXPECT_THAT(TagPattern::Parse(""),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("empty")));
  // Would take a gigabyte to compile.
  EXPECT_THAT(TagPattern::Parse("((a{100}){100}){100}"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(Pattern("a|b").text(), "a|b");
}

TEST(TagRulesTest, TagsOfTheReferrersSchema) {
  const std::string hex(64, 'a');
  EXPECT_TRUE(IsReferrersTag("sha256-" + hex));
  EXPECT_TRUE(IsReferrersTag("sha256-" + hex + ".sig"));
  EXPECT_TRUE(IsReferrersTag("sha512-" + std::string(121, '0')));
  EXPECT_FALSE(IsReferrersTag("sha256-" + hex.substr(1)));
  EXPECT_FALSE(IsReferrersTag("sha256-" + hex + "x"));
  EXPECT_FALSE(IsReferrersTag("latest"));
}

}  // namespace
}  // namespace stevedore::transfer
