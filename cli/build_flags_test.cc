#include "cli/build_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

#include "base/testing/status_matchers.h"
#include "cli/testing/string_console.h"

namespace stevedore::cli {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

// The flags that a command line makes.
class BuildFlagsTest : public ::testing::Test {
 protected:
  BuildFlags Parse(const std::string& line) {
    BuildFlags flags;
    CLI::App app("test");
    AddSelectionFlags(app, flags);
    AddRunFlags(app, flags);
    app.parse(line);
    return flags;
  }
  graph::Configuration configuration_;
};

TEST_F(BuildFlagsTest, ListsTakeOneWordEach) {
  const BuildFlags flags = Parse("--image-version 1.0,1.1 web -v 2.0 -t x api");
  EXPECT_THAT(flags.names, ElementsAre("web", "api"));
  ASSERT_OK_AND_ASSIGN(const graph::SelectionRequest request,
                       ReadSelectionRequest(flags, configuration_));
  EXPECT_THAT(request.versions, ElementsAre("1.0", "1.1", "2.0"));
  EXPECT_THAT(request.overrides.tags, ElementsAre("x"));
}

TEST_F(BuildFlagsTest, VariablesAndLabelsArePairs) {
  const BuildFlags flags = Parse("web -x A=1 -x B=2 -p A=3 -l team=shop");
  ASSERT_OK_AND_ASSIGN(const graph::SelectionRequest request,
                       ReadSelectionRequest(flags, configuration_));
  EXPECT_THAT(request.overrides.vars, ElementsAre(Pair("A", "1"), Pair("B", "2")));
  EXPECT_THAT(request.overrides.labels, ElementsAre(Pair("team", "shop")));
  EXPECT_THAT(TemplateVariables(flags),
              base::testing::IsOkAndHolds(ElementsAre(Pair("A", "3"), Pair("B", "2"))));
  EXPECT_THAT(ReadSelectionRequest(Parse("web --variable nonsense"), configuration_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--variable")));
}

TEST_F(BuildFlagsTest, EmptyOverrideIsNotAbsent) {
  EXPECT_EQ(Parse("web").image_registry_host, std::nullopt);
  BuildFlags flags;
  CLI::App app("test");
  AddSelectionFlags(app, flags);
  app.parse(std::vector<std::string>{"", "--image-registry-host", "web"});  // From the back.
  EXPECT_EQ(flags.image_registry_host, "");
}

TEST_F(BuildFlagsTest, PushFlagWinsBothWays) {
  EXPECT_FALSE(PushWanted(Parse("web"), configuration_));
  EXPECT_TRUE(PushWanted(Parse("web --push-after-build"), configuration_));
  configuration_.push_images = true;
  EXPECT_TRUE(PushWanted(Parse("web"), configuration_));
  EXPECT_FALSE(PushWanted(Parse("web --push-after-build=false"), configuration_));
}

TEST_F(BuildFlagsTest, OldSpellingsWorkAndWarn) {
  const BuildFlags flags =
      Parse("web --cascade --num-workers 3 --set a=b --registry r:1 --no-push --limit x");
  EXPECT_TRUE(flags.cascade);
  EXPECT_EQ(flags.concurrency, 3);
  EXPECT_THAT(flags.variables, ElementsAre("a=b"));
  EXPECT_EQ(flags.image_registry_host, "r:1");
  testing::StringConsole console;
  PrintNotices(console, flags);
  const std::string notices = console.TakeErr();
  EXPECT_THAT(notices, HasSubstr("--cascade is deprecated, use --build-on-cascade"));
  EXPECT_THAT(notices, HasSubstr("--no-push has no effect"));
}

TEST_F(BuildFlagsTest, SemverTagsComeFromConfigurationOrFlag) {
  ASSERT_OK_AND_ASSIGN(graph::SelectionRequest request,
                       ReadSelectionRequest(Parse("web -T x"), configuration_));
  EXPECT_TRUE(request.overrides.semver_templates.empty());
  ASSERT_OK_AND_ASSIGN(
      request,
      ReadSelectionRequest(Parse("web --enable-semver-tags -T {{.Major}}"), configuration_));
  EXPECT_THAT(request.overrides.semver_templates, ElementsAre("{{.Major}}"));
  ASSERT_OK_AND_ASSIGN(request,
                       ReadSelectionRequest(Parse("web --enable-semver-tags"), configuration_));
  EXPECT_EQ(request.overrides.semver_templates, configuration_.semantic_version_tags_templates);
}

TEST_F(BuildFlagsTest, InsecureRegistriesAreCollected) {
  EXPECT_THAT(Parse("web --insecure-registry r:5000 --insecure-registry s").insecure_registries,
              ::testing::ElementsAre("r:5000", "s"));
}

TEST_F(BuildFlagsTest, BuildParentsHasThreeValues) {
  EXPECT_THAT(ReadBuildParents(Parse("web")), base::testing::IsOkAndHolds(BuildParents::kAuto));
  EXPECT_THAT(ReadBuildParents(Parse("web --build-parents sometimes")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("auto, always or never")));
}

}  // namespace
}  // namespace stevedore::cli
