#include "graph/schema.h"

#include <string>

#include "gmock/gmock.h"
#include "graph/drivers.h"
#include "graph/key_table.h"
#include "graph/keys.h"
#include "gtest/gtest.h"

namespace stevedore::graph {
namespace {

using Json = nlohmann::ordered_json;

// Every reference leads somewhere.
void CheckReferences(const Json& root, const Json& value) {
  if (value.is_object() && value.contains("$ref")) {
    const std::string target = value["$ref"].get<std::string>();
    EXPECT_TRUE(root.contains(Json::json_pointer(target.substr(1)))) << target;
  }
  if (value.is_structured()) {
    for (const Json& child : value) CheckReferences(root, child);
  }
}

TEST(SchemaTest, EveryReferenceLeadsSomewhere) {
  for (SchemaKind kind :
       {SchemaKind::kAll, SchemaKind::kConfiguration, SchemaKind::kImages, SchemaKind::kBuilders}) {
    const Json schema = SchemaOf(kind);
    CheckReferences(schema, schema);
    EXPECT_EQ(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    EXPECT_EQ(schema["additionalProperties"], false);
    EXPECT_TRUE(schema["patternProperties"].contains("^x-"));
  }
}

TEST(SchemaTest, HasEveryKeyOfTheTables) {
  const Json schema = SchemaOf(SchemaKind::kAll);
  for (const Key& key : ConfigurationKeys().keys) {
    EXPECT_TRUE(schema["properties"].contains(std::string(key.name))) << key.name;
  }
  for (const Key& key : ImageKeys().keys) {
    EXPECT_TRUE(schema["definitions"]["image"]["properties"].contains(std::string(key.name)));
  }
  for (const Key& key : GitAuthKeys().keys) {
    EXPECT_TRUE(schema["definitions"]["git_auth"]["properties"].contains(std::string(key.name)));
  }
  EXPECT_EQ(schema["definitions"]["builder"]["properties"]["driver"]["enum"].size(),
            Drivers().size());
}

TEST(SchemaTest, OptionsDependOnTheDriver) {
  const Json builder = SchemaOf(SchemaKind::kBuilders)["definitions"]["builder"];
  bool found = false;
  for (const Json& rule : builder["allOf"]) {
    if (rule["if"]["properties"]["driver"]["const"] != "docker") continue;
    found = true;
    EXPECT_EQ(rule["then"]["properties"]["options"]["$ref"], "#/definitions/options_docker");
    EXPECT_EQ(rule["then"]["required"], Json({"options"}));
  }
  EXPECT_TRUE(found);
}

TEST(SchemaTest, KindsHaveTheirPartOnly) {
  EXPECT_FALSE(SchemaOf(SchemaKind::kImages)["properties"].contains("builders"));
  EXPECT_TRUE(SchemaOf(SchemaKind::kImages)["properties"].contains("images_tree"));
  EXPECT_FALSE(SchemaOf(SchemaKind::kBuilders)["properties"].contains("images"));
  EXPECT_FALSE(SchemaOf(SchemaKind::kConfiguration)["properties"].contains("images"));
  EXPECT_FALSE(SchemaOf(SchemaKind::kConfiguration)["definitions"].contains("builder"));
}

TEST(SchemaTest, OfOneTable) {
  const Json schema = SchemaOfTable(ContextKeys());
  CheckReferences(schema, schema);
  EXPECT_EQ(schema["additionalProperties"], false);
  EXPECT_TRUE(schema["properties"].contains("git"));
  EXPECT_EQ(schema.dump().find("{{"), std::string::npos) << "no templates";
}

}  // namespace
}  // namespace stevedore::graph
