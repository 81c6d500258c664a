#include "graph/selection.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/testing/status_matchers.h"
#include "graph/catalog.h"
#include "graph/changed_inputs.h"
#include "graph/configuration.h"
#include "graph/resolved_image.h"

namespace stevedore::graph {
namespace {

using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr char kShop[] = R"(
builders: {s: {driver: sleep}}
images:
  alpine: {3.20: {registry: docker.io, namespace: library}}
  base: {1: {parents: {alpine: [3.20]}, builder: s, registry: localhost:5000, namespace: shop}}
  left: {1: {parents: {base: [1]}, builder: s}}
  right: {1: {parents: {base: [1]}, builder: s}}
  top: {1: {parents: {left: [1]},
            builder: {driver: assemble, options: {layers: [{image: {right: 1}}]}},
            tags: [latest, "1"]}}
  leaf: {1: {parents: {top: [1]}, builder: s}}
)";

Catalog Load(const std::string& text) {
  CatalogOptions options;
  options.default_platform = "linux/amd64";
  auto catalog = Catalog::Parse({{"f.yaml", text}}, {{"f.yaml", text}}, Configuration(), options);
  EXPECT_OK(catalog);
  return *std::move(catalog);
}

// "images | external parents".
std::string Select(const Catalog& catalog, const SelectionRequest& request) {
  const absl::StatusOr<Selection> selection = Selection::Create(catalog, request);
  if (!selection.ok()) return selection.status().ToString();
  std::vector<std::string> images, externals;
  for (const ResolvedImage& image : selection->images) images.push_back(image.id);
  for (const ExternalParent& parent : selection->external_parents) {
    externals.push_back(absl::StrCat(parent.id, parent.buildable ? "?" : ""));
  }
  return absl::StrCat(absl::StrJoin(images, " "), " | ", absl::StrJoin(externals, " "));
}

TEST(SelectionTest, TakesWhatIsNamedAndListsParents) {
  const Catalog shop = Load(kShop);
  EXPECT_EQ(Select(shop, {.names = {"base"}}), "base:1 | alpine:3.20");
  EXPECT_EQ(Select(shop, {.names = {"top"}}), "top:1 | left:1? right:1?");
  EXPECT_EQ(Select(shop, {.names = {"top", "right:1"}}), "right:1 top:1 | base:1? left:1?");
  EXPECT_EQ(Select(shop, {.names = {"alpine"}}), " | alpine:3.20");
  EXPECT_EQ(Select(shop, {.names = {"top", "top:1", "top:latest"}, .versions = {"1"}}),
            "top:1 | left:1? right:1?");
}

TEST(SelectionTest, CascadesThroughDiamonds) {
  const Catalog shop = Load(kShop);
  EXPECT_EQ(Select(shop, {.names = {"base"}, .cascade = true}),
            "base:1 left:1 right:1 top:1 leaf:1 | alpine:3.20");
  EXPECT_EQ(Select(shop, {.names = {"base"}, .cascade = true, .cascade_depth = 1}),
            "base:1 left:1 right:1 | alpine:3.20");
  EXPECT_EQ(Select(shop, {.names = {"base"}, .cascade = true, .cascade_depth = 0}),
            "base:1 | alpine:3.20");
  EXPECT_EQ(Select(shop, {.names = {"alpine"}, .cascade = true, .cascade_depth = 1}),
            "base:1 | alpine:3.20");
  // The other side of the diamond is a parent outside.
  EXPECT_EQ(Select(shop, {.names = {"left"}, .cascade = true}),
            "left:1 top:1 leaf:1 | base:1? right:1?");
}

TEST(SelectionTest, AncestorsCanBeBuiltAlong) {
  const Catalog shop = Load(kShop);
  EXPECT_EQ(Select(shop, {.names = {"top"}, .include = {"right:1"}}),
            "right:1 top:1 | base:1? left:1?");
  EXPECT_EQ(Select(shop, {.names = {"top"}, .include = {"right:1", "base:1", "leaf:1"}}),
            "base:1 right:1 top:1 | alpine:3.20 left:1?");
  EXPECT_EQ(Select(shop, {.names = {"leaf"}, .include_all_ancestors = true}),
            "base:1 left:1 right:1 top:1 leaf:1 | alpine:3.20");
}

TEST(SelectionTest, ResolvesEverything) {
  const Catalog catalog = Load(R"(
images:
  os: {"1": {persistent_vars: {p: parent, both: parentP}, persistent_labels: {l: parent},
             labels: {onlyparent: x}, vars: {notinherited: x}}}
  app:
    v:
      parents: {os: ["1"]}
      persistent_vars: {p: child, mine: m}
      vars: {p: childvar, both: childvar, image_from_tag: override, own: o}
      persistent_labels: {l: child}
      labels: {l: childlabel, k: kk}
      tags: [latest, 1+x, v]
      builder: {driver: docker, options: {dockerfile: D, context: {path: x}}}
)");
  ASSERT_OK_AND_ASSIGN(
      const Selection selection,
      Selection::Create(catalog, {.names = {"app"}, .runnable_drivers = {"docker"}}));
  ASSERT_THAT(selection.images, SizeIs(1));
  const ResolvedImage& app = selection.images[0];
  EXPECT_EQ(app.reference, "app:v");
  EXPECT_THAT(app.tags, ElementsAre("app:latest", "app:1_x"));
  EXPECT_THAT(app.arguments,
              ElementsAre(Pair("both", "parentP"), Pair("image_from_fully_qualified_name", "os:1"),
                          Pair("image_from_name", "os"), Pair("image_from_tag", "override"),
                          Pair("mine", "m"), Pair("own", "o"), Pair("p", "parent")));
  // The user's own image_from_tag is not an automatic one.
  EXPECT_THAT(app.parent_arguments,
              ElementsAre(Pair("image_from_fully_qualified_name", "reference"),
                          Pair("image_from_name", "name")));
  EXPECT_THAT(app.labels, ElementsAre(Pair("k", "kk"), Pair("l", "parent")));
  EXPECT_EQ(app.options_json, R"({"dockerfile":"D"})");
  EXPECT_THAT(app.parents, ElementsAre("os:1"));
  EXPECT_EQ(app.where.ToString(), "f.yaml:6:5");
  ASSERT_THAT(app.contexts, SizeIs(1));
}

TEST(SelectionTest, DriversOfLaterVersionsAreRefused) {
  const Catalog catalog = Load("images: {a: {1: {builder: {driver: ansible-playbook}}}}");
  EXPECT_THAT(Selection::Create(catalog, {.names = {"a"}, .runnable_drivers = {"docker", "sleep"}}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       "f.yaml:1:14: image a:1 is built by driver `ansible-playbook`, which this "
                       "version cannot run yet; it runs docker, sleep"));
}

TEST(SelectionTest, OverridesChangeImagesButNotTheCatalog) {
  const Catalog shop = Load(kShop);
  SelectionRequest request{.names = {"base"}, .cascade = true, .cascade_depth = 1};
  request.overrides.registry = "reg.example.com";
  request.overrides.name_space = "";
  request.overrides.vars = {{"v", "1"}};
  request.overrides.labels = {{"l", "2"}};
  request.overrides.tags = {"edge"};
  ASSERT_OK_AND_ASSIGN(const Selection selection, Selection::Create(shop, request));
  EXPECT_EQ(selection.images[0].reference, "reg.example.com/base:1");
  EXPECT_EQ(selection.images[1].reference, "reg.example.com/left:1");
  EXPECT_THAT(selection.images[0].tags, ElementsAre("reg.example.com/base:edge"));
  EXPECT_THAT(selection.images[0].arguments, ElementsAre(Pair("v", "1")));
  EXPECT_THAT(selection.images[0].labels, ElementsAre(Pair("l", "2")));
  EXPECT_EQ(selection.external_parents[0].reference, "docker.io/library/alpine:3.20");
  EXPECT_EQ(shop.instances()[shop.Find("base:1")].Reference(), "localhost:5000/shop/base:1");
}

TEST(SelectionTest, BaseOverridesReachOnlyImagesWhoseBaseIsOutside) {
  const Catalog shop = Load(kShop);
  SelectionRequest request{.names = {"base"}, .cascade = true, .cascade_depth = 1};
  request.overrides.image_from_version = "3.21";
  request.overrides.image_from_registry = "mirror.example.com";
  ASSERT_OK_AND_ASSIGN(const Selection selection, Selection::Create(shop, request));
  ASSERT_THAT(selection.external_parents, SizeIs(1));
  EXPECT_EQ(selection.external_parents[0].reference, "mirror.example.com/library/alpine:3.21");
  EXPECT_THAT(selection.images[0].parents, ElementsAre("mirror.example.com/library/alpine:3.21"));
  EXPECT_THAT(selection.images[1].parents, ElementsAre("base:1"));
}

TEST(SelectionTest, ImagesWithoutBaseCanBeGivenOne) {
  const Catalog catalog = Load("images: {a: {1: {builder: {driver: sleep}}}}");
  SelectionRequest request{.names = {"a"}};
  request.overrides.image_from_name = "busybox";
  EXPECT_EQ(Select(catalog, request), "a:1 | busybox:latest");
}

TEST(SelectionTest, SemverTagsComeFromTheUnchangedVersion) {
  const Catalog catalog = Load(
      "images: {a: {1.2.3+b7: {builder: {driver: sleep}}, 2.0.0-rc1: {builder: {driver: sleep}}}}");
  SelectionRequest request{.names = {"a:1.2.3+b7"}};
  request.overrides.semver_templates = {"{{ .Major }}", "{{ .Major }}.{{ .Minor }}"};
  ASSERT_OK_AND_ASSIGN(Selection selection, Selection::Create(catalog, request));
  EXPECT_EQ(selection.images[0].reference, "a:1.2.3_b7");
  EXPECT_THAT(selection.images[0].tags, ElementsAre("a:1", "a:1.2"));
  EXPECT_THAT(selection.warnings, IsEmpty());
  request.names = {"a:2.0.0-rc1"};
  ASSERT_OK_AND_ASSIGN(selection, Selection::Create(catalog, request));
  EXPECT_THAT(selection.warnings, SizeIs(2));
}

TEST(SelectionTest, WildcardsAreMadeWithTheirParents) {
  const Catalog catalog = Load(R"(
builders: {s: {driver: sleep}}
images:
  lib: {"*": {builder: s}}
  app: {"*": {parents: {lib: ["*"]}, builder: s}}
)");
  EXPECT_EQ(Select(catalog, {.names = {"app"}, .versions = {"7", "8"}}),
            "app:7 app:8 | lib:7? lib:8?");
  EXPECT_EQ(Select(catalog, {.names = {"app:7"}, .include_all_ancestors = true}), "lib:7 app:7 | ");
}

TEST(SelectionTest, VolatileValuesAreNamed) {
  const Catalog catalog = Load(R"(
images:
  a: {1: {persistent_labels: {made: "{{ .DateRFC3339 }}"},
          vars: {at: "{{ .DateRFC3339Nano }}", x: y}, builder: {driver: sleep}}}
  b: {1: {parents: {a: [1]}, builder: {driver: sleep}}}
)");
  SelectionRequest request{.names = {"a", "b"}};
  ASSERT_OK_AND_ASSIGN(Selection selection, Selection::Create(catalog, request));
  EXPECT_THAT(selection.images[0].volatile_names, ElementsAre("arg at", "label made"));
  EXPECT_THAT(selection.images[1].volatile_names, ElementsAre("label made"));
  request.overrides.vars = {{"at", "now"}};
  ASSERT_OK_AND_ASSIGN(selection, Selection::Create(catalog, request));
  EXPECT_THAT(selection.images[0].volatile_names, ElementsAre("label made"));
}

TEST(SelectionTest, KeepsWhatChangesReach) {
  const Catalog shop = Load(kShop);
  ChangedInputs changed;
  changed.definitions["right:1"] = "its definition changed";
  SelectionRequest request{.everything = true, .changed = &changed};
  EXPECT_EQ(Select(shop, request), "right:1 top:1 leaf:1 | base:1? left:1?");
  ASSERT_OK_AND_ASSIGN(Selection selection, Selection::Create(shop, request));
  EXPECT_THAT(selection.selected_because,
              ElementsAre(Pair("leaf:1", "builds on right:1, which changed"),
                          Pair("right:1", "its definition changed"),
                          Pair("top:1", "builds on right:1, which changed")));
  EXPECT_THAT(selection.unchanged, ElementsAre("base:1", "left:1"));
  EXPECT_THAT(selection.warnings, IsEmpty());

  request = {.names = {"left"}, .changed = &changed};
  EXPECT_EQ(Select(shop, request), " | ");
  request.cascade = true;
  EXPECT_EQ(Select(shop, request), "top:1 leaf:1 | left:1? right:1?");
  ASSERT_OK_AND_ASSIGN(selection, Selection::Create(shop, request));
  ASSERT_THAT(selection.warnings, SizeIs(1));
  EXPECT_THAT(selection.warnings[0].text, HasSubstr("top:1 is built on right:1 as it was"));

  changed.definitions.clear();
  EXPECT_EQ(Select(shop, {.everything = true, .changed = &changed}), " | ");
  changed.everything = "the configuration changed";
  EXPECT_EQ(Select(shop, {.everything = true, .changed = &changed}),
            "base:1 left:1 right:1 top:1 leaf:1 | alpine:3.20");
}

TEST(SelectionTest, ChangesReachImagesMadeFromWildcards) {
  const Catalog catalog = Load(R"(
builders: {s: {driver: sleep}}
images:
  base: {"*": {builder: s}}
  app: {"*": {parents: {base: ["*"]}, builder: s}}
)");
  ChangedInputs changed;
  EXPECT_EQ(Select(catalog, {.names = {"app:1"}, .changed = &changed}), " | ");
  changed.definitions["base:*"] = "its definition changed";
  EXPECT_EQ(Select(catalog, {.names = {"app:1"}, .changed = &changed}), "app:1 | base:1?");
}

TEST(SelectionTest, PlatformsCanBeAskedFor) {
  const Catalog catalog = Load(R"(
images:
  one: {1: {builder: {driver: sleep}}}
  two: {1: {builder: {driver: sleep}, platforms: [linux/amd64, linux/arm64]}}
)");
  SelectionRequest request{.names = {"one", "two"}};
  request.overrides.platforms = {"linux/arm64"};
  ASSERT_OK_AND_ASSIGN(const Selection selection, Selection::Create(catalog, request));
  EXPECT_THAT(selection.images[0].platforms, ElementsAre("linux/arm64"));
  EXPECT_THAT(selection.images[1].platforms, ElementsAre("linux/arm64"));
  request.overrides.platforms = {"linux/riscv64"};
  EXPECT_THAT(Selection::Create(catalog, request),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("two:1"), HasSubstr("linux/amd64, linux/arm64"))));
}

TEST(SelectionTest, FlagsReachTheOptionsOfTheDriversThatTheyAreFor) {
  const Catalog catalog = Load(R"(
images:
  play: {1: {builder: {driver: ansible-playbook, options: {playbook: p.yml, inventory: old}}}}
  file: {1: {builder: {driver: docker, options: {context: {path: x}, keep_image: true}}}}
)");
  SelectionRequest request{.names = {"play", "file"},
                           .runnable_drivers = {"docker", "ansible-playbook"}};
  request.overrides.ansible = {"hosts", "web", "box", true};
  request.overrides.pull_parent_image = true;
  request.overrides.remove_local_images = true;
  ASSERT_OK_AND_ASSIGN(const Selection selection, Selection::Create(catalog, request));
  EXPECT_EQ(selection.images[0].options_json, R"({"keep_image":false,"pull":true})");
  EXPECT_EQ(selection.images[1].options_json,
            R"({"automatic":{"labels_name":"image_labels","own":{"image_builder_label":"box",)"
            R"("image_fully_qualified_name":"play:1","image_name":"play","image_tag":"1"},)"
            R"("persistent_labels":[],"push_name":"push_image","tags_name":"image_extra_tags"},)"
            R"("connection_local":true,"intermediate_container_name":"box",)"
            R"("inventory":"hosts","limit":"web","playbook":"p.yml"})");
}

TEST(SelectionTest, ImagesOfDriversThatBuildNothingAreResolvedButNotBuilt) {
  const Catalog catalog = Load(R"(
images:
  idle: {1: {builder: {driver: dry-run, options: {a: b}}, vars: {v: w}}}
  web: {1: {parents: {idle: [1]}, builder: {driver: sleep}}}
)");
  ASSERT_OK_AND_ASSIGN(const Selection selection,
                       Selection::Create(catalog, {.names = {"idle", "web"},
                                                   .runnable_drivers = {"sleep", "dry-run"}}));
  ASSERT_THAT(selection.images, SizeIs(1));
  EXPECT_EQ(selection.images[0].id, "web:1");
  ASSERT_THAT(selection.warnings, SizeIs(1));
  EXPECT_THAT(selection.warnings[0].text,
              AllOf(HasSubstr("image idle:1 is not built: its driver dry-run only shows"),
                    HasSubstr("\n  arguments:  v=w"), HasSubstr("options:    {\"a\":\"b\"}")));
  ASSERT_THAT(selection.external_parents, SizeIs(1));
  EXPECT_EQ(selection.external_parents[0].id, "idle:1");
  EXPECT_FALSE(selection.external_parents[0].buildable);
}

TEST(SelectionTest, NormalizedNamesReachArgumentsToo) {
  const Catalog catalog = Load(R"(
images:
  alpine: {3: {}}
  app: {1: {parents: {alpine: [3]}, tags: [x],
            builder: {driver: docker, options: {context: {path: x}}}}}
)");
  SelectionRequest request{.names = {"app"}, .runnable_drivers = {"docker"}};
  request.overrides.normalized_names = true;
  ASSERT_OK_AND_ASSIGN(const Selection selection, Selection::Create(catalog, request));
  EXPECT_EQ(selection.images[0].reference, "docker.io/library/app:1");
  EXPECT_THAT(selection.images[0].tags, ElementsAre("docker.io/library/app:x"));
  EXPECT_EQ(selection.images[0].arguments.at("image_from_fully_qualified_name"),
            "docker.io/library/alpine:3");
}

TEST(SelectionTest, WhatIsForOneImageIsRefusedInACascade) {
  const Catalog shop = Load(kShop);
  const auto refused = [&](const char* flag, SelectionOverrides overrides) {
    SelectionRequest request{.names = {"base"}, .cascade = true};
    request.overrides = std::move(overrides);
    EXPECT_THAT(Selection::Create(shop, request),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr(flag), HasSubstr("--build-on-cascade"))));
  };
  refused("--image-name", {.image_name = "x"});
  refused("--image-from-name", {.image_from_name = "x"});
  refused("--ansible-inventory-path", {.ansible = {.inventory = "x"}});
  refused("--ansible-limit", {.ansible = {.limit = "x"}});
  refused("--ansible-intermediate-container-name",
          {.ansible = {.intermediate_container_name = "x"}});
}

TEST(SelectionTest, EveryNameMustHaveTheVersion) {
  const Catalog shop = Load(kShop);
  EXPECT_EQ(Select(shop, {.names = {"left", "right"}, .versions = {"1"}}),
            "left:1 right:1 | base:1?");
  EXPECT_THAT(Selection::Create(shop, {.names = {"left", "alpine"}, .versions = {"1"}}),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr("image alpine has no version"), HasSubstr("3.20"))));
}

TEST(SelectionTest, ErrorsNameImagePlaceAndRemedy) {
  const Catalog catalog = Load(R"(
builders: {s: {driver: sleep}}
images:
  a: {1: {builder: s, tags: [x]}, 2: {builder: s, tags: [x]}}
  b: {1: {builder: s, tags: ["not ok"]}}
  c: {1: {builder: s, registry: plainhost}}
  D: {1: {builder: s}}
  e: {1: {builder: s, name: a}}
)");
  EXPECT_THAT(Select(catalog, {.names = {}}), HasSubstr("name at least one"));
  EXPECT_THAT(Select(catalog, {.names = {"nope"}}), HasSubstr("NOT_FOUND: there is no image"));
  EXPECT_THAT(Select(catalog, {.names = {"a:9"}}), HasSubstr("has no version `9`"));
  EXPECT_THAT(Select(catalog, {.names = {"a"}}),
              AllOf(HasSubstr("f.yaml:4:"), HasSubstr("would both be tagged a:x")));
  EXPECT_THAT(Select(catalog, {.names = {"a:1", "e"}}), HasSubstr("would both be tagged a:1"));
  EXPECT_THAT(Select(catalog, {.names = {"b"}}),
              AllOf(HasSubstr("f.yaml:5:7: image b:1: tag `not ok`")));
  EXPECT_THAT(Select(catalog, {.names = {"c"}}), HasSubstr("plainhost:443"));
  EXPECT_THAT(Select(catalog, {.names = {"D"}}), HasSubstr("reference D:1 is not valid"));
  SelectionRequest request{.names = {"a"}, .cascade = true};
  request.overrides.image_name = "x";
  EXPECT_THAT(Select(catalog, request), HasSubstr("--image-name cannot be used"));
}

}  // namespace
}  // namespace stevedore::graph
