#include "cli/build_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <utility>
#include <vector>

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

// One row of the table of flags: what is typed, and whether that gave what it should.
struct FlagCase {
  const char* line;
  std::function<bool(const graph::SelectionRequest&)> gives;
};

TEST_F(BuildFlagsTest, EveryFlagOfATableReachesTheRequest) {
  configuration_.push_images = true;
  using R = graph::SelectionRequest;
  const std::vector<FlagCase> cases = {
      {"web -v 1", [](const R& r) { return r.versions == std::vector<std::string>{"1"}; }},
      {"web --image-version 1 --image-version 2,3",
       [](const R& r) { return r.versions.size() == 3; }},
      {"web --build-on-cascade", [](const R& r) { return r.cascade && r.cascade_depth < 0; }},
      {"web --build-on-cascade=false", [](const R& r) { return !r.cascade; }},
      {"web --build-on-cascade --cascade-depth 0", [](const R& r) { return r.cascade_depth == 0; }},
      {"web --cascade", [](const R& r) { return r.cascade; }},
      {"web -t a,b", [](const R& r) { return r.overrides.tags.size() == 2; }},
      {"web --tag a --tag b", [](const R& r) { return r.overrides.tags.size() == 2; }},
      {"web -l k=v", [](const R& r) { return r.overrides.labels.at("k") == "v"; }},
      {"web --label k=", [](const R& r) { return r.overrides.labels.at("k").empty(); }},
      {"web --label k=a=b", [](const R& r) { return r.overrides.labels.at("k") == "a=b"; }},
      {"web -L k=v", [](const R& r) { return r.overrides.persistent_labels.at("k") == "v"; }},
      {"web --persistent-label k=v",
       [](const R& r) { return r.overrides.persistent_labels.at("k") == "v"; }},
      {"web -x k=v,l=w", [](const R& r) { return r.overrides.vars.at("l") == "w"; }},
      {"web --variable k=v", [](const R& r) { return r.overrides.vars.at("k") == "v"; }},
      {"web --set k=v", [](const R& r) { return r.overrides.vars.at("k") == "v"; }},
      {"web --set k=old --variable k=new",  // The old spelling wins, in whatever order.
       [](const R& r) { return r.overrides.vars.at("k") == "old"; }},
      {"web -p k=v", [](const R& r) { return r.overrides.persistent_vars.at("k") == "v"; }},
      {"web --persistent-variable k=v",
       [](const R& r) { return r.overrides.persistent_vars.at("k") == "v"; }},
      {"web --set-persistent k=v",
       [](const R& r) { return r.overrides.persistent_vars.at("k") == "v"; }},
      {"web", [](const R& r) { return !r.overrides.image_name.has_value(); }},
      {"web -i x", [](const R& r) { return r.overrides.image_name == "x"; }},
      {"web --image-name x", [](const R& r) { return r.overrides.image_name == "x"; }},
      {"web --image-name -", [](const R& r) { return !r.overrides.image_name.has_value(); }},
      {"web -r x", [](const R& r) { return r.overrides.registry == "x"; }},
      {"web --image-registry-host x", [](const R& r) { return r.overrides.registry == "x"; }},
      {"web -r -", [](const R& r) { return !r.overrides.registry.has_value(); }},
      {"web --registry x", [](const R& r) { return r.overrides.registry == "x"; }},
      {"web --image-registry-host a --registry x",
       [](const R& r) { return r.overrides.registry == "x"; }},
      {"web -n x", [](const R& r) { return r.overrides.name_space == "x"; }},
      {"web --image-registry-namespace x",
       [](const R& r) { return r.overrides.name_space == "x"; }},
      {"web --namespace x", [](const R& r) { return r.overrides.name_space == "x"; }},
      {"web -I x", [](const R& r) { return r.overrides.image_from_name == "x"; }},
      {"web --image-from-name x", [](const R& r) { return r.overrides.image_from_name == "x"; }},
      {"web --image-from x", [](const R& r) { return r.overrides.image_from_name == "x"; }},
      {"web -V x", [](const R& r) { return r.overrides.image_from_version == "x"; }},
      {"web --image-from-version x",
       [](const R& r) { return r.overrides.image_from_version == "x"; }},
      {"web -R x", [](const R& r) { return r.overrides.image_from_registry == "x"; }},
      {"web --image-from-registry x",
       [](const R& r) { return r.overrides.image_from_registry == "x"; }},
      {"web -N x", [](const R& r) { return r.overrides.image_from_namespace == "x"; }},
      {"web --image-from-namespace x",
       [](const R& r) { return r.overrides.image_from_namespace == "x"; }},
      {"web -N -", [](const R& r) { return !r.overrides.image_from_namespace.has_value(); }},
      {"web --enable-semver-tags -T a,b",
       [](const R& r) { return r.overrides.semver_templates.size() == 2; }},
      {"web --enable-semver-tags --semver-tags-template a",
       [](const R& r) { return r.overrides.semver_templates.size() == 1; }},
      {"web --pull-parent-image", [](const R& r) { return r.overrides.pull_parent_image; }},
      {"web --remove-local-images-after-push",
       [](const R& r) { return r.overrides.remove_local_images; }},
      {"web --remove-local-images-after-push --push-after-build=false",
       [](const R& r) { return !r.overrides.remove_local_images; }},
      {"web --use-docker-normalized-name", [](const R& r) { return r.overrides.normalized_names; }},
      {"web --ansible-connection-local",
       [](const R& r) { return r.overrides.ansible.connection_local; }},
      {"web --connection-local", [](const R& r) { return r.overrides.ansible.connection_local; }},
      {"web --ansible-inventory-path h,",
       [](const R& r) { return r.overrides.ansible.inventory == "h,"; }},
      {"web --inventory h", [](const R& r) { return r.overrides.ansible.inventory == "h"; }},
      {"web --ansible-limit w", [](const R& r) { return r.overrides.ansible.limit == "w"; }},
      {"web --limit w", [](const R& r) { return r.overrides.ansible.limit == "w"; }},
      {"web --ansible-intermediate-container-name b",
       [](const R& r) { return r.overrides.ansible.intermediate_container_name == "b"; }},
      {"web --builder-name b",
       [](const R& r) { return r.overrides.ansible.intermediate_container_name == "b"; }},
      {"web --platform linux/arm64,linux/amd64 --platform linux/arm64",
       [](const R& r) {
         return r.overrides.platforms == std::vector<std::string>{"linux/arm64", "linux/amd64"};
       }},
      {"--changed-since HEAD", [](const R& r) { return r.everything && r.names.empty(); }},
      {"web api --changed-since HEAD", [](const R& r) { return !r.everything; }},
  };
  for (const FlagCase& flag : cases) {
    const auto request = ReadSelectionRequest(Parse(flag.line), configuration_);
    ASSERT_OK(request) << flag.line;
    EXPECT_TRUE(flag.gives(*request)) << flag.line;
  }
}

TEST_F(BuildFlagsTest, WrongValuesNameTheFlag) {
  const std::pair<const char*, const char*> cases[] = {
      {"web --variable a=1,2", "--variable"},
      {"web --set x", "--variable"},
      {"web --label =x", "--label"},
      {"web --persistent-label x", "--persistent-label"},
      {"web -p x", "--persistent-variable"},
      {"web --platform linux", "--platform"},
      {"web --platform a/b/c/d", "--platform"},
      {"", "--changed-since"},
  };
  for (const auto& [line, flag] : cases) {
    EXPECT_THAT(ReadSelectionRequest(Parse(line), configuration_),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(flag)))
        << line;
  }
}

TEST_F(BuildFlagsTest, EveryOldSpellingWarns) {
  for (const char* line :
       {"--cascade", "--connection-local", "--num-workers 1", "--set a=b", "--set-persistent a=b",
        "--builder-name x", "--image-from x", "--inventory x", "--limit x", "--namespace x",
        "--registry x", "--no-push"}) {
    const BuildFlags flags = Parse(std::string("web ") + line);
    ASSERT_EQ(flags.notices.size(), 1) << line;
    const std::string flag = std::string(line).substr(0, std::string(line).find(' '));
    EXPECT_THAT(flags.notices[0], ::testing::StartsWith(flag)) << line;
  }
}

TEST_F(BuildFlagsTest, AnEmptyOldSpellingSaysNothing) {
  BuildFlags flags;
  CLI::App app("test");
  AddSelectionFlags(app, flags);
  app.parse(std::vector<std::string>{"", "--registry", "x", "--image-registry-host", "web"});
  EXPECT_EQ(flags.image_registry_host, "x");
  EXPECT_EQ(flags.notices.size(), 1);
}

TEST_F(BuildFlagsTest, ADepthWithoutCascadeIsWorthAWord) {
  testing::StringConsole console;
  PrintNotices(console, Parse("web --cascade-depth 1"));
  EXPECT_THAT(console.TakeErr(), HasSubstr("--cascade-depth has no effect"));
  PrintNotices(console, Parse("web --cascade-depth 1 --build-on-cascade"));
  EXPECT_EQ(console.TakeErr(), "");
}

}  // namespace
}  // namespace stevedore::cli
