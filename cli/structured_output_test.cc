#include "cli/structured_output.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/testing/status_matchers.h"
#include "graph/yaml_document.h"

namespace stevedore::cli {
namespace {

using Json = nlohmann::ordered_json;

TEST(StructuredOutputTest, TextIsPlainOnlyWhereNothingElseIsMeant) {
  EXPECT_EQ(YamlText("images/web.yaml"), "images/web.yaml");
  EXPECT_EQ(YamlText(""), "\"\"");
  EXPECT_EQ(YamlText("1.10"), "\"1.10\"");
  EXPECT_EQ(YamlText("No"), "\"No\"");
  EXPECT_EQ(YamlText("~"), "\"~\"");
  EXPECT_EQ(YamlText("a: b # c"), "\"a: b # c\"");
  EXPECT_EQ(YamlText("<in-line>"), "\"<in-line>\"");
  EXPECT_EQ(YamlText("a\"b\\c\n"), "\"a\\\"b\\\\c\\n\"");
}

TEST(StructuredOutputTest, EveryTextIsReadBackAsItWas) {
  for (const std::string text :
       {"plain", "+<>&'\"", "{{ .Major }}", "- x", "a\tb", "null", "0x1f", "ü€", "*", "&a", "!t",
        "%", "@", "`", "| x", "key: value", " x "}) {
    ASSERT_OK_AND_ASSIGN(const auto document,
                         graph::YamlDocument::Parse("t", "a: " + YamlText(text) + "\n"));
    EXPECT_EQ(document->root()->Find("a")->text(), text);
  }
}

TEST(StructuredOutputTest, Yaml) {
  const Json json = {
      {"name", "web"},          {"count", 3},
      {"empty", Json::array()}, {"list", {"a", "1"}},
      {"map", {{"on", true}}},  {"rows", Json::array({{{"x", 1}, {"y", Json::array({2})}}})}};
  EXPECT_EQ(ToYamlText(json),
            "name: web\ncount: 3\nempty: []\nlist:\n  - a\n  - \"1\"\nmap:\n  \"on\": true\n"
            "rows:\n  - x: 1\n    \"y\":\n      - 2\n");
  EXPECT_EQ(ToYamlText(Json::array()), "[]\n");
  EXPECT_EQ(ToYamlText(Json::array({{{"a", "b"}}})), "- a: b\n");
}

TEST(StructuredOutputTest, JsonReplacesWhatIsNotUtf8) {
  EXPECT_EQ(ToJsonText(Json::array({"a\xff"})), "[\n  \"a\xEF\xBF\xBD\"\n]\n");
}

}  // namespace
}  // namespace stevedore::cli
