#include "graph/yaml_document.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"

namespace stevedore::graph {
namespace {

using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// The whole tree on one line: {key: value}, [items], quotes kept.
std::string Show(const YamlNode* node) {
  if (node == nullptr) return "";
  switch (node->kind()) {
    case YamlNode::Kind::kNull:
      return "null";
    case YamlNode::Kind::kScalar:
      return node->is_plain() ? node->text() : absl::StrCat("'", node->text(), "'");
    case YamlNode::Kind::kList: {
      std::string text = "[";
      for (const YamlNode* item : node->items()) {
        absl::StrAppend(&text, text.size() > 1 ? ", " : "", Show(item));
      }
      return text + "]";
    }
    case YamlNode::Kind::kMap: {
      std::string text = "{";
      for (const auto& [key, value] : node->entries()) {
        absl::StrAppend(&text, text.size() > 1 ? ", " : "", Show(key), ": ", Show(value));
      }
      return text + "}";
    }
  }
  return "";
}

std::string Parsed(const std::string& text) {
  const auto document = YamlDocument::Parse("f.yaml", text);
  return document.ok() ? Show((*document)->root()) : document.status().ToString();
}

TEST(YamlDocumentTest, KeepsRawTexts) {
  EXPECT_EQ(Parsed("a: 1.10\n3.20: x\nb: '1'\nc: true\nd: 0644\n"),
            "{a: 1.10, 3.20: x, b: '1', c: true, d: 0644}");
  EXPECT_EQ(Parsed("a:\nb: ~\nc: [1, {x: y}]\n"), "{a: null, b: null, c: [1, {x: y}]}");
  EXPECT_EQ(Parsed(""), "");
  EXPECT_EQ(Parsed("# nothing\n"), "");
}

TEST(YamlDocumentTest, MergesAndAliases) {
  EXPECT_EQ(Parsed("a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  c: 3\ne: *x\n"),
            "{a: {b: 1, c: 2}, d: {c: 3, b: 1}, e: {b: 1, c: 2}}");
  EXPECT_EQ(Parsed("a: &x {b: 1}\nc: &y {b: 2, d: 3}\ne: {<<: [*x, *y]}\n"),
            "{a: {b: 1}, c: {b: 2, d: 3}, e: {b: 1, d: 3}}");
  EXPECT_EQ(Parsed("a: {'<<': 1}\n"), "{a: {'<<': 1}}");
}

TEST(YamlDocumentTest, EveryNodeKnowsItsPlace) {
  ASSERT_OK_AND_ASSIGN(const auto document,
                       YamlDocument::Parse("d/f.yaml", "images:\n  web:\n    \"1.0\": {a: b}\n"));
  const YamlNode* web = document->root()->Find("images")->Find("web");
  EXPECT_EQ(web->entries()[0].first->where().ToString(), "d/f.yaml:3:5");
  EXPECT_EQ(web->Find("1.0")->Find("a")->where().ToString(), "d/f.yaml:3:16");
  EXPECT_EQ(web->Find("2.0"), nullptr);
}

struct BadYaml {
  std::string text, place, found, remedy;
};

TEST(YamlDocumentTest, ErrorsNamePlaceFindingAndRemedy) {
  const std::vector<BadYaml> cases = {
      {"images:\n  web:\n    \"1.0\":\n      registry: x\n     namespace: y\n", "5:6:",
       "`namespace: y` is indented by 5 blanks", "indented by 0, 2, 4, 6; indent it by one"},
      {"images:\n  web:\n    \"1.0\":\n      registry: x\n        namespace: y\n",
       "5:9:", "is indented by 8 blanks, deeper than the line above", "indent it by 6"},
      {"images:\n  web:\n\t\"1.0\": x\n", "3:1:", "a tab", "only blanks"},
      {"a:\n  - b\n c: d\n", "3:2:", "indented by 1 blank,", "indent it by one"},
      {"  a: 1\nb: 2\n", "2:1:", "`b: 2` is indented by 0 blanks", "by one of these"},
      {"a: c\n- b\n", "2:1:", "found `- b`", "same kind"},
      {"a: [b, c\nd: e\n", "2:2:", "`]` is missing", "close it"},
      {"a: {b: c\n", "2:1:", "`}` is missing", "close it"},
      {"a: \"b\nc: d\n", "1:4:", "never closed", "second quote"},
      {"a: 'b''\n", "1:4:", "never closed", "second quote"},
      {"a: \"\\q\"\n", "1:", "no such escape", "twice"},
      {"a: {{ .Version }}\n", "1:5:", "begins with `{{`", "in quotes"},
      {"a: {{ .Version }}-x\n", "1:5:", "begins with `{{`", "in quotes"},
      {"*: x\n", "1:1:", "no such anchor", "in quotes"},
      {"a: *\n", "1:5:", "names no anchor", "in quotes"},
      {"a: *b\n", "1:4:", "no such anchor", "&name"},
      {"a: @b\n", "1:4:", "cannot begin with `@`", "in quotes"},
      {"a: b: c\n", "1:5:", "belongs to no key", "in quotes"},
      {"a: 'b'c\n", "1:7:", "unexpected `c`", "in quotes"},
      {"a: 1\nb: 2\na: 3\n", "3:1:", "key `a` is there already, in line 1", "remove one"},
      {"a: &x [*x]\n", "1:8:", "inside the value", "another anchor"},
      {"a: 1\n---\nb: 2\n", "2:1:", "second document", "file of its own"},
      {"a: {<<: 3}\n", "1:9:", "found `3`", "map or a list of maps"},
      {"? [a]\n: b\n", "1:3:", "found a list", "quotes"},
      {"~: b\n", "1:1:", "found nothing", "quotes"},
  };
  for (const BadYaml& bad : cases) {
    EXPECT_THAT(YamlDocument::Parse("f.yaml", bad.text),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(StartsWith("f.yaml:" + bad.place), HasSubstr(bad.found),
                               HasSubstr(bad.remedy))))
        << bad.text;
  }
}

TEST(YamlDocumentTest, GrowthIsBounded) {
  std::string laughs = "a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9]\n";
  for (int i = 1; i < 12; ++i) {
    absl::StrAppend(&laughs, "a", i, ": &a", i, " [");
    for (int j = 0; j < 9; ++j) absl::StrAppend(&laughs, j > 0 ? "," : "", "*a", i - 1);
    absl::StrAppend(&laughs, "]\n");
  }
  EXPECT_THAT(Parsed(laughs), HasSubstr("blow this up"));
  EXPECT_THAT(Parsed(std::string(300, '[') + std::string(300, ']')), HasSubstr("levels"));
}

}  // namespace
}  // namespace stevedore::graph
