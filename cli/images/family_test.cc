#include "cli/images/family.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/testing/status_matchers.h"
#include "graph/catalog.h"
#include "graph/configuration.h"

namespace stevedore::cli {
namespace {

using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kShop[] = R"(
builders: {s: {driver: sleep}, d: {driver: docker, options: {context: [{path: .}]}}}
images:
  alpine: {3.20: {registry: docker.io, namespace: library}}
  base:
    1.2.0: {parents: {alpine: [3.20]}, builder: s, registry: localhost:5000, namespace: shop,
            tags: [stable]}
    1.3.0: {parents: {alpine: [3.20]}, builder: s, registry: localhost:5000, namespace: shop}
  hand: {7: {parents: {base: [1.2.0]}, registry: localhost:5000, tags: [seven]}}
  left: {1: {parents: {base: [1.2.0]}, builder: d, registry: localhost:5000}}
  right: {1: {parents: {hand: [7]}, builder: s}}
  top: {1: {parents: {left: [1]},
            builder: {driver: assemble, options: {layers: [{image: {right: 1}}]}}}}
  api: {"*": {version: "{{ .Version }}", parents: {base: [1.2.0]}, builder: s}}
  lone: {1: {builder: s}}
)";

graph::Catalog Load(graph::Configuration configuration = {}) {
  graph::CatalogOptions options;
  options.default_platform = "linux/amd64";
  auto catalog =
      graph::Catalog::Parse({{"f.yaml", kShop}}, {{"f.yaml", kShop}}, configuration, options);
  EXPECT_OK(catalog);
  return *std::move(catalog);
}

// "id@generation ...".
std::string Select(const FamilyRequest& request) {
  const absl::StatusOr<Family> family = SelectFamily(Load(), request);
  if (!family.ok()) return family.status().ToString();
  return absl::StrJoin(family->members, " ", [](std::string* out, const FamilyMember& member) {
    absl::StrAppend(out, member.id, "@", member.generation);
  });
}

TEST(FamilyTest, EveryDescendantWhoeverMakesIt) {
  EXPECT_EQ(Select({.names = {"base:1.2.0"}}), "base:1.2.0@0 hand:7@1 left:1@1 right:1@2 top:1@3");
  EXPECT_EQ(Select({.names = {"base:1.2.0"}, .with_roots = false}),
            "hand:7@0 left:1@0 right:1@1 top:1@2");
  EXPECT_EQ(Select({.names = {"hand", "lone"}}), "lone:1@0 hand:7@0 right:1@1 top:1@2");
  EXPECT_EQ(Select({.names = {"base", "api:3"}, .cascade = false}),
            "base:1.2.0@0 base:1.3.0@0 api:3@1");
  EXPECT_EQ(Select({.names = {"alpine"}}),
            "alpine:3.20@0 base:1.2.0@1 base:1.3.0@1 hand:7@2 left:1@2 right:1@3 top:1@4");
}

TEST(FamilyTest, OnlySomeWithWhatStandsBetween) {
  EXPECT_EQ(Select({.names = {"base:1.2.0"}, .only = {"right"}}),
            "base:1.2.0@0 hand:7@1 left:1@1 right:1@2 top:1@3");
  EXPECT_EQ(Select({.names = {"alpine"}, .only = {"left"}, .with_roots = false}),
            "base:1.2.0@0 hand:7@1 left:1@1 right:1@2 top:1@3");
  EXPECT_EQ(Select({.names = {"alpine"}, .only = {"base:1.3.0"}}), "alpine:3.20@0 base:1.3.0@1");
  EXPECT_THAT(Select({.names = {"base"}, .only = {"lone"}}),
              HasSubstr("image lone:1 does not build on base:1.2.0, base:1.3.0; name one"));
  EXPECT_THAT(Select({.names = {"bas"}}), HasSubstr("NOT_FOUND"));
}

TEST(FamilyTest, VersionsOfWildcardsMustBeNamed) {
  ASSERT_OK_AND_ASSIGN(const Family family, SelectFamily(Load(), {.names = {"base:1.2.0"}}));
  EXPECT_THAT(family.notes, ElementsAre(AllOf(HasSubstr("f.yaml:"), HasSubstr("api:*"),
                                              HasSubstr("builds on base:1.2.0"))));
  EXPECT_EQ(Select({.names = {"base:1.2.0"}, .only = {"api:2.0"}}), "base:1.2.0@0 api:2.0@1");
  ASSERT_OK_AND_ASSIGN(const Family named,
                       SelectFamily(Load(), {.names = {"base:1.2.0"}, .only = {"api:2.0"}}));
  EXPECT_THAT(named.notes, IsEmpty());
}

TEST(FamilyTest, MembersKnowWhereTheyAre) {
  graph::Configuration configuration;
  configuration.semantic_version_tags_enabled = true;
  configuration.semantic_version_tags_templates = {"{{ .Major }}"};
  ASSERT_OK_AND_ASSIGN(const Family family,
                       SelectFamily(Load(configuration), {.names = {"base:1.2.0"}}));
  const FamilyMember& base = family.members[0];
  EXPECT_EQ(base.reference.Canonical(), "localhost:5000/shop/base:1.2.0");
  EXPECT_THAT(base.tags, ElementsAre("stable", "1"));
  EXPECT_THAT(base.parents, ElementsAre("alpine:3.20"));
  EXPECT_THAT(base.platforms, ElementsAre("linux/amd64"));
  EXPECT_EQ(base.driver, "sleep");
  const FamilyMember& hand = family.members[1];
  EXPECT_EQ(hand.reference.Canonical(), "localhost:5000/hand:7");
  EXPECT_THAT(hand.tags, ElementsAre("seven"));
  EXPECT_EQ(hand.driver, "");
}

TEST(FamilyTest, ReferencesLeadIntoTheTree) {
  const graph::Catalog catalog = Load();
  const std::pair<const char*, const char*> good[] = {
      {"alpine:3.20", "alpine:3.20"},
      {"alpine", "alpine:3.20"},
      {"docker.io/library/alpine:3.20", "alpine:3.20"},
      {"docker.io/library/alpine:3.21", "alpine:3.20"},  // The next version of the only one.
      {"docker.io/library/alpine@"
       "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
       "alpine:3.20"},
      {"localhost:5000/shop/base:1.3.0", "base:1.3.0"},
      {"localhost:5000/shop/base:stable", "base:1.2.0"},
      {"base:1.2.0", "base:1.2.0"},
  };
  for (const auto& [text, id] : good) {
    EXPECT_THAT(FindInTree(catalog, text), base::testing::IsOkAndHolds(std::string(id))) << text;
  }
  EXPECT_THAT(FindInTree(catalog, "localhost:5000/shop/base:1.4.0"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("may be any of base:1.2.0, base:1.3.0; say which one")));
  EXPECT_THAT(FindInTree(catalog, "localhost:5000/else:1"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("get images --tree")));
}

}  // namespace
}  // namespace stevedore::cli
