#include "graph/semver_tags.h"

#include <string>
#include <vector>

#include "base/testing/status_matchers.h"

namespace stevedore::graph {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::vector<std::string>& Full() {
  static const auto& full = *new std::vector<std::string>{"{{ .Major }}.{{ .Minor }}.{{ .Patch }}"};
  return full;
}

TEST(SemverTagsTest, LenientByDefault) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"1.2", "1.2.0"},         {"5", "5.0.0"},        {"v1.2.3", "1.2.3"},
      {"1.0.0-base1", "1.0.0"}, {"1.2.3+b7", "1.2.3"}, {"1.2.3-rc.1+x.y", "1.2.3"},
  };
  for (const auto& [version, want] : cases) {
    EXPECT_THAT(SemverTags({version}, Full(), false), IsOkAndHolds(ElementsAre(want))) << version;
  }
  for (const char* version :
       {"20.04", "1.2.3.4", "latest", "", "1.2.3_b7", "1.2.3-01", "1..2", "1.2.3-", "1.2.3+"}) {
    EXPECT_THAT(SemverTags({version}, Full(), false), IsOkAndHolds(IsEmpty())) << version;
  }
}

TEST(SemverTagsTest, StrictTakesThreeNumbersOnly) {
  EXPECT_THAT(SemverTags({"1.2", "v1.2.3", "1.2.3"}, Full(), true),
              IsOkAndHolds(ElementsAre("1.2.3")));
}

TEST(SemverTagsTest, TemplatesMayLeavePartsOut) {
  EXPECT_THAT(SemverTags({"1.2.3", "1.2.4-rc1"},
                         {"{{ .Major }}", "{{ .Major }}.{{ .Minor }}",
                          "{{ with .PreRelease }}{{ $.Major }}-{{ . }}{{ end }}"},
                         false),
              IsOkAndHolds(ElementsAre("1", "1.2", "1-rc1")));
}

TEST(SemverTagsTest, BadTemplatesAreErrors) {
  EXPECT_THAT(SemverTags({"1.2.3"}, {"{{ .Major"}, false),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("`{{ .Major`"), HasSubstr("never closed"))));
  EXPECT_THAT(SemverTags({"1.2.3"}, {"{{ .Mayor }}"}, false),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("did you mean `Major`?")));
}

}  // namespace
}  // namespace stevedore::graph
