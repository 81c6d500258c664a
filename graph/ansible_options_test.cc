#include "graph/ansible_options.h"

#include <string>

#include "base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace stevedore::graph {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

TEST(AnsibleOptionsTest, EveryMember) {
  ASSERT_OK_AND_ASSIGN(
      const AnsibleOptions options,
      AnsibleOptions::Parse(R"({"playbook": "site.yml", "inventory": "localhost,", "limit": "web",
          "connection_local": "true", "intermediate_container_name": "box", "timeout": "30m",
          "extra_vars": {"list": [1, "a"], "n": 3}})"));
  EXPECT_EQ(options.playbook, "site.yml");
  EXPECT_EQ(options.inventory, "localhost,");
  EXPECT_EQ(options.limit, "web");
  EXPECT_TRUE(options.connection_local);
  EXPECT_EQ(options.timeout, absl::Minutes(30));
  EXPECT_THAT(options.typed_variables, ElementsAre(Pair("list", "[1,\"a\"]"), Pair("n", "3")));
}

TEST(AnsibleOptionsTest, AutomaticVariablesComeBack) {
  AutomaticVariables automatic;
  automatic.own = {{"image_name", "web"}};
  automatic.tags_name = "image_extra_tags";
  automatic.push_name = "push_image";
  automatic.persistent_labels = {"team"};
  ASSERT_OK_AND_ASSIGN(const AnsibleOptions options, AnsibleOptions::Parse(WithAutomaticVariables(
                                                         R"({"playbook": "p"})", automatic)));
  EXPECT_THAT(options.automatic.own, ElementsAre(Pair("image_name", "web")));
  EXPECT_EQ(options.automatic.tags_name, "image_extra_tags");
  EXPECT_EQ(options.automatic.labels_name, "");
  EXPECT_EQ(options.automatic.push_name, "push_image");
  EXPECT_THAT(options.automatic.persistent_labels, ElementsAre("team"));
  EXPECT_EQ(WithAutomaticVariables("[]", automatic), "[]");
}

TEST(AnsibleOptionsTest, WhatIsWrongIsNamed) {
  const struct {
    const char* json;
    const char* message;
  } cases[] = {
      {"{}", "playbook: driver ansible-playbook needs the path"},
      {R"({"playbook": ""})", "playbook: driver"},
      {R"({"playbook": ["a"]})", "playbook: must be a text, found "},
      {R"({"playbook": "--help"})", "playbook: must be without a dash in front"},
      {R"({"playbook": "p", "inventory": "-i"})", "inventory: must be without a dash"},
      {R"({"playbook": "p", "limit": {}})", "limit: must be a text"},
      {R"({"playbook": "p", "connection_local": "maybe"})", "connection_local: must be "},
      {R"({"playbook": "p", "timeout": "soon"})", "timeout: must be "},
      {R"({"playbook": "p", "inventroy": "x"})", "did you mean `inventory`"},
      {R"({"playbook": "p", "extra_vars": 3})", "extra_vars: must be a map"},
      {R"({"playbook": "p", "automatic": {"own": 3}})", "automatic.own: must be a map"},
      {R"({"playbook": "p", "automatic": {"x": 3}})", "automatic.x: there is no such option"},
      {"[]", "must be an object"},
  };
  for (const auto& [json, message] : cases) {
    EXPECT_THAT(AnsibleOptions::Parse(json),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)))
        << json;
  }
}

}  // namespace
}  // namespace stevedore::graph
