#include "cli/project_findings.h"

#include <nlohmann/json.hpp>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace stevedore::cli {
namespace {

using graph::Severity;
using ::testing::HasSubstr;

ProjectFindings TwoFindings() {
  ProjectFindings project;
  project.images = 2;
  project.findings = {
      {{"a.yaml", 3, 5}, "unknown key `x`; did you mean `y`?", "SV003", Severity::kError},
      {{}, "no place", "SV201", Severity::kWarning},
  };
  return project;
}

TEST(ProjectFindingsTest, TableHasOneLineEach) {
  EXPECT_EQ(FormatFindings(TwoFindings(), "table"),
            "a.yaml:3:5: error SV003: unknown key `x`; did you mean `y`?\n"
            "warning SV201: no place\n");
  EXPECT_EQ(SummaryOf(TwoFindings()), "1 error, 1 warning: 2 images, 0 wildcards, 0 builders\n");
  EXPECT_EQ(SummaryOf(ProjectFindings()), "no errors: 0 images, 0 wildcards, 0 builders\n");
}

TEST(ProjectFindingsTest, JsonTellsFindingFromFix) {
  const auto json = nlohmann::json::parse(FormatFindings(TwoFindings(), "json"));
  EXPECT_EQ(json["errors"], 1);
  EXPECT_EQ(json["findings"][0]["line"], 3);
  EXPECT_EQ(json["findings"][0]["message"], "unknown key `x`");
  EXPECT_EQ(json["findings"][0]["fix"], "did you mean `y`?");
  EXPECT_EQ(json["findings"][1]["fix"], "");
  EXPECT_THAT(FormatFindings(TwoFindings(), "yaml"), HasSubstr("code: SV201"));
}

TEST(ProjectFindingsTest, CredentialsInClearTextAndWeakOnesAreNamed) {
  const auto findings = LintCredentials(
      {"stevedore.yaml", 4, 3},
      {{"a", "{\"username\":\"u\"}"},
       {"b",
        "000102030405060708090a0b83f6a1e94d0552e19d3e44f51ff82b7cac790d2eb6730797b5dd56bc"
        "31aa0c0b9c274a375fdd4af799cb5b7d35c467"}});
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_THAT(findings[0].ToString(), HasSubstr("stevedore.yaml:4:3: 1 credential (a) in clear"));
  EXPECT_THAT(findings[1].text, HasSubstr("(b) encrypted as gostevedore"));
  EXPECT_TRUE(LintCredentials({}, {}).empty());
}

}  // namespace
}  // namespace stevedore::cli
