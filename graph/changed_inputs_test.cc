#include "graph/changed_inputs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

namespace stevedore::graph {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Optional;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

constexpr char kBefore[] = R"(
builders:
  shared: {driver: sleep}
  other: {name: renamed, driver: sleep}
images:
  base: {"1": {builder: shared, children: {leaf: ["1"], twig: ["1"]}}}
  web:
    "1": {builder: other, labels: {a: x, b: y}}
    "2": {builder: other}
)";

ChangedInputs Compare(const std::vector<FileVersions>& files, bool by_folder = false) {
  ChangedInputs changes;
  CompareDefinitions(files, by_folder, &changes);
  return changes;
}

TEST(ChangedInputsTest, LooksAtContentNotAtLines) {
  const ChangedInputs changes = Compare({{"f.yaml", kBefore, R"(
# Reformatted, reordered and commented.
images:
  web:
    "2": {builder: other}
    "1":
      labels: {b: y, a: x}   # order of a map
      builder: other
  base:
    "1":
      builder: shared
      children: {leaf: ["1"], twig: ["1"]}
builders: {other: {driver: sleep, name: renamed}, shared: {driver: sleep}}
)"}});
  EXPECT_THAT(changes.definitions, IsEmpty());
  EXPECT_THAT(changes.builders, IsEmpty());
  EXPECT_EQ(changes.everything, "");
}

TEST(ChangedInputsTest, NamesWhatChangedWasAddedAndRemoved) {
  const ChangedInputs changes = Compare({{"f.yaml", kBefore, R"(
builders:
  shared: {driver: sleep}
  other: {name: renamed, driver: sleep, options: {duration: 1s}}
images:
  base: {"1": {builder: shared, children: {leaf: ["1"]}}}
  web:
    "1": {builder: other, labels: {a: x, b: z}}
    "3": {builder: other}
)"}});
  EXPECT_THAT(changes.definitions,
              UnorderedElementsAre(Pair("base:1", "its definition changed in f.yaml"),
                                   Pair("twig:1", "its parent base:1 changed in f.yaml"),
                                   Pair("web:1", "its definition changed in f.yaml"),
                                   Pair("web:2", "its definition was removed from f.yaml"),
                                   Pair("web:*", "web:2 was removed from f.yaml"),
                                   Pair("web:3", "its definition is new in f.yaml")));
  EXPECT_THAT(changes.builders, ElementsAre(Key("other"), Key("renamed")));
}

TEST(ChangedInputsTest, QuotesMakeAnotherValue) {
  const ChangedInputs changes = Compare(
      {{"f.yaml", "images: {a: {1: {vars: {x: \"1\"}}}}", "images: {a: {1: {vars: {x: 1}}}}"}});
  EXPECT_THAT(changes.definitions, ElementsAre(Key("a:1")));
}

TEST(ChangedInputsTest, AnchorsCountByWhatTheyStandFor) {
  const ChangedInputs changes = Compare(
      {{"f.yaml", "x-l: &l {a: 1}\nimages: {a: {1: {labels: *l}}, b: {1: {labels: {a: 1}}}}",
        "x-l: &l {a: 2}\nimages: {a: {1: {labels: *l}}, b: {1: {labels: {a: 1}}}}"}});
  EXPECT_THAT(changes.definitions, ElementsAre(Key("a:1")));
}

TEST(ChangedInputsTest, MovingBetweenFilesIsNoChangeUnlessPathsMove) {
  const std::vector<FileVersions> files = {{"x/a.yaml", "images: {a: {1: {}}}", std::nullopt},
                                           {"y/b.yaml", std::nullopt, "images: {a: {1: {}}}"}};
  EXPECT_THAT(Compare(files).definitions, IsEmpty());
  EXPECT_THAT(Compare(files, /*by_folder=*/true).definitions,
              ElementsAre(Pair("a:1", HasSubstr("moved from x/a.yaml to y/b.yaml"))));
}

TEST(ChangedInputsTest, WhatCannotBeReadCountsInFull) {
  EXPECT_THAT(Compare({{"f.yaml", "images: [", "images: {}"}}).everything,
              HasSubstr("f.yaml cannot be read"));
  EXPECT_TRUE(SettingsDiffer({"f.yaml", "images_path: [", "images_path: x"}));
}

TEST(ChangedInputsTest, OnlySettingsThatReachImagesCount) {
  EXPECT_FALSE(SettingsDiffer({"s.yaml", "concurrency: 1\nimages: {a: {}}\nx-y: 1\n",
                               "concurrency: 2\nlog_path: /x\nCredentials: {format: yaml}\n"}));
  EXPECT_FALSE(SettingsDiffer({"s.yaml", std::nullopt, "concurrency: 2\n"}));
  EXPECT_TRUE(SettingsDiffer({"s.yaml", "images_path: a", "images_path: b"}));
  EXPECT_TRUE(SettingsDiffer({"s.yaml", "images_path: a", std::nullopt}));
  EXPECT_TRUE(SettingsDiffer({"s.yaml", "", "semantic_version_tags_enabled: true"}));
  EXPECT_FALSE(SettingsDiffer({"s.yaml", "Images_Path: a", "images_path: a"}));
}

TEST(ChangedInputsTest, AnImageIsReachedThroughAllItIsMadeOf) {
  ChangedInputs changes;
  ImageInstance image;
  image.definition_name = "web";
  image.definition_version = "1";
  EXPECT_EQ(changes.CauseOf(image), std::nullopt);
  Builder builder;
  builder.name = "shared";
  builder.driver = "docker";
  builder.contexts.push_back({.path = "a"});
  builder.contexts.push_back({.path = "b"});
  image.builder = std::make_shared<const Builder>(builder);
  EXPECT_EQ(changes.CauseOf(image), std::nullopt);
  changes.context_change = [](const ContextSpec& context) -> std::optional<std::string> {
    if (context.path != "b") return std::nullopt;
    return "b changed";
  };
  EXPECT_THAT(changes.CauseOf(image), Optional(std::string("b changed")));
  changes.builders["shared"] = "its builder changed";
  EXPECT_THAT(changes.CauseOf(image), Optional(std::string("its builder changed")));
  builder.in_place = true;
  builder.contexts.clear();
  image.builder = std::make_shared<const Builder>(builder);
  EXPECT_EQ(changes.CauseOf(image), std::nullopt);
  builder.driver = "ansible-playbook";
  image.builder = std::make_shared<const Builder>(builder);
  EXPECT_THAT(changes.CauseOf(image), Optional(HasSubstr("playbook")));
  changes.definitions["web:1"] = "its definition changed";
  EXPECT_THAT(changes.CauseOf(image), Optional(std::string("its definition changed")));
  changes.everything = "all";
  EXPECT_THAT(changes.CauseOf(image), Optional(std::string("all")));
}

}  // namespace
}  // namespace stevedore::graph
