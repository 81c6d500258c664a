#include "graph/template.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"

namespace stevedore::graph {
namespace {

using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

using V = TemplateValue;

class Fields : public TemplateRecord {
 public:
  explicit Fields(std::map<std::string, V> fields) : fields_(std::move(fields)) {}
  absl::string_view type_name() const override { return "image"; }
  std::optional<V> Field(absl::string_view name) const override {
    const auto found = fields_.find(std::string(name));
    if (found == fields_.end()) return std::nullopt;
    return found->second;
  }
  std::vector<std::string> FieldNames() const override {
    std::vector<std::string> names;
    for (const auto& [name, value] : fields_) names.push_back(name);
    return names;
  }

 private:
  const std::map<std::string, V> fields_;
};

V Data() {
  const V parent = V::OfRecord(std::make_shared<Fields>(std::map<std::string, V>{
      {"Name", V::String("base")}, {"Version", V::String("2.4")}, {"Parent", V::Nil()}}));
  return V::OfRecord(std::make_shared<Fields>(std::map<std::string, V>{
      {"Name", V::String("web")},
      {"Version", V::String("1.0")},
      {"Parent", parent},
      {"Tags", V::OfList({V::String("a"), V::String("b"), V::String("c")})},
      {"Labels", V::OfMap({{"team", V::String("shop")}, {"area", V::String("eu")}})},
      {"Count", V::Int(3)},
      {"Ratio", V::Float(0.5)},
      {"Empty", V::String("")},
      {"Null", V::Nil()},
      {"Date", V::String("2026-01-31").Volatile()},
  }));
}

std::string Render(const std::string& text) {
  const absl::StatusOr<Template> parsed = Template::Parse(text);
  if (!parsed.ok()) return parsed.status().ToString();
  const absl::StatusOr<TemplateOutput> output = parsed->Execute(Data());
  return output.ok() ? output->text : output.status().ToString();
}

TEST(TemplateTest, RendersAsGoDoes) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"plain", "plain"},
      {"{{ .Version }}-{{ .Parent.Name }}{{ .Parent.Version }}", "1.0-base2.4"},
      {"{{.Name}}", "web"},
      {"{{ $.Parent.Name }}", "base"},
      {"a {{- .Name -}} b", "awebb"},
      {"a {{- /* gone */ -}} b", "ab"},
      {"{{/* gone */}}x", "x"},
      {"{{ .Labels.team }}/{{ .Labels.nobody }}", "shop/<no value>"},
      {"{{ index .Labels \"team\" }} {{ index .Tags 1 }}", "shop b"},
      {"{{ .Tags }} {{ .Labels }}", "[a b c] map[area:eu team:shop]"},
      {"{{ if .Empty }}x{{ else if eq .Name \"web\" }}y{{ else }}z{{ end }}", "y"},
      {"{{ if and .Name (not .Empty) }}yes{{ end }}", "yes"},
      {"{{ or .Empty .Name }}", "web"},
      {"{{ and .Null .Null.Field }}", "<nil>"},  // The second is never looked at.
      {"{{ with .Parent }}{{ .Name }}{{ end }}", "base"},
      {"{{ with .Empty }}x{{ else }}none{{ end }}", "none"},
      {"{{ with .Empty }}x{{ else with .Name }}{{ . }}{{ end }}", "web"},
      {"{{ range .Tags }}[{{ . }}]{{ end }}", "[a][b][c]"},
      {"{{ range $i, $t := .Tags }}{{ $i }}={{ $t }} {{ end }}", "0=a 1=b 2=c "},
      {"{{ range $k, $v := .Labels }}{{ $k }}:{{ $v }},{{ end }}", "area:eu,team:shop,"},
      {"{{ range .Null }}x{{ else }}empty{{ end }}", "empty"},
      {"{{ range .Tags }}{{ if eq . \"b\" }}{{ continue }}{{ end }}{{ . }}{{ end }}", "ac"},
      {"{{ range .Tags }}{{ if eq . \"b\" }}{{ break }}{{ end }}{{ . }}{{ end }}", "a"},
      {"{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}", "2"},
      {"{{ $x := 1 }}{{ if true }}{{ $x := 2 }}{{ end }}{{ $x }}", "1"},
      {"{{ define \"v\" }}<{{ . }}>{{ end }}{{ template \"v\" .Name }}", "<web>"},
      {"{{ block \"v\" .Name }}({{ . }}){{ end }}", "(web)"},
      {"{{ .Name | printf \"%s-%s\" .Version }}", "1.0-web"},
      {"{{ printf \"%5d|%-5d|%05d|%x|%q|%v|%t|%.2f|%6.1f|%%\" 42 42 42 255 \"a\" .Tags true 0.5 "
       "2.25 }}",
       "   42|42   |00042|ff|\"a\"|[a b c]|true|0.50|   2.2|%"},
      {"{{ printf \"%-6s|%6s|%.2s\" \"ab\" \"cd\" \"xyz\" }}", "ab    |    cd|xy"},
      {"{{ printf \"%d\" \"x\" }} {{ printf \"%s\" }} {{ printf \"a\" 1 }}",
       "%!d(string=x) %!s(MISSING) a%!(EXTRA int=1)"},
      {"{{ len .Tags }} {{ len .Name }} {{ len .Labels }}", "3 3 2"},
      {"{{ slice .Name 1 }} {{ slice .Name 0 1 }}", "eb w"},
      {"{{ lt 1 2 }} {{ le 2 2 }} {{ gt \"b\" \"a\" }} {{ ge 1.5 2.5 }} {{ ne 1 2 }}",
       "true true true false true"},
      {"{{ eq .Name \"x\" \"web\" }}", "true"},
      {"{{ print 1 2 \"a\" \"b\" 3 }}", "1 2ab3"},
      {"{{ println .Name }}", "web\n"},
      {"{{ html \"<a&'>\" }} {{ urlquery \"a b/c\" }} {{ js \"it's\" }}",
       "&lt;a&amp;&#39;&gt; a+b%2Fc it\\'s"},
      {"{{ `raw \\n` }} {{ \"\\u00e9\\x41\\n\" }}{{ 'a' }} {{ 0x1F }} {{ 1_000 }} {{ -1.50 }}",
       "raw \\n \xC3\xA9"
       "A\n97 31 1000 -1.5"},
      {"{{ (index .Tags 0) }}{{ (.Parent).Name }}", "abase"},
      {"}} {{ \"{{\" }}", "}} {{"},
  };
  for (const auto& [text, want] : cases) EXPECT_EQ(Render(text), want) << text;
}

TEST(TemplateTest, ErrorsNameColumnCauseAndRemedy) {
  const std::vector<std::vector<std::string>> cases = {
      {"x {{ .Name", "column 3", "never closed"},
      {"{{ .Nmae }}", "column 4", "no field .Nmae; did you mean `Name`?"},
      {"{{ .Parent.Parent.Name }}", "column 4", "Parent is not set"},
      {"{{ .Name.Length }}", "column 4", "cannot take .Length of a string"},
      {"{{ idnex .Tags }}", "column 4", "no function `idnex`; did you mean `index`?"},
      {"{{ Version }}", "column 4", "fields begin with a dot"},
      {"{{ if .Name }}x", "column 1", "without `{{ end }}`"},
      {"{{ end }}", "column 1", "without a beginning"},
      {"{{ .Name .Version }}", "column 10", "only a function"},
      {"{{ .Name | .Version }}", "column 12", "only a function can take"},
      {"{{ \"x }}", "column 4", "never closed"},
      {"{{ 1x }}", "column 4", "bad number"},
      {"{{ $x }}", "column 4", "not declared"},
      {"{{ template \"none\" }}", "column 1", "no template is defined"},
      {"{{ break }}", "column 1", "outside `range`"},
      {"{{ (.Name }}", "column 11", "not closed"},
      {"{{ .Name ) }}", "column 10", "closes nothing"},
      {"{{ /* x }}", "column 4", "comment is never closed"},
      {"{{ index .Tags 7 }}", "column 4", "index 7 of a list of 3"},
      {"{{ range .Name }}{{ end }}", "column 1", "needs a list or a map, found string"},
      {"{{ lt 1 \"a\" }}", "column 4", "cannot compare int and string"},
      {"{{ len }}", "column 4", "takes 1 arguments, found 0"},
      {"{{ . }}", "column 1", "cannot print a whole image"},
      {"{{ }}", "column 4", "a value is missing"},
      {"{{ # }}", "column 4", "unexpected `#`"},
  };
  for (const auto& bad : cases) {
    EXPECT_THAT(Render(bad[0]), AllOf(HasSubstr(bad[1] + ":"), HasSubstr(bad[2]))) << bad[0];
  }
}

TEST(TemplateTest, WorkIsBounded) {
  EXPECT_THAT(Render("{{ define \"a\" }}{{ template \"a\" . }}{{ end }}{{ template \"a\" . }}"),
              HasSubstr("call each other"));
  std::string loops = "x";
  for (int i = 0; i < 12; ++i) loops = "{{ range $.Tags }}" + loops + "{{ end }}";
  EXPECT_THAT(Render(loops), HasSubstr("RESOURCE_EXHAUSTED"));
  std::string wide = "{{ printf \"%1000d\" 1 }}";
  for (int i = 0; i < 7; ++i) wide = "{{ range $.Tags }}" + wide + "{{ end }}";
  EXPECT_THAT(Render(wide), HasSubstr("bytes"));
  EXPECT_THAT(Render(std::string(70'000, 'x') + "{{ .Name }}"), HasSubstr("at most"));
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += "{{ if .Name }}";
  EXPECT_THAT(Render(deep), HasSubstr("nested"));
  EXPECT_THAT(Render("{{ " + std::string(1000, '(') + std::string(1000, ')') + " }}"),
              HasSubstr("nested"));
}

TEST(TemplateTest, KnowsWhatCameFromTheClock) {
  auto is_volatile = [](const std::string& text) {
    const absl::StatusOr<Template> parsed = Template::Parse(text);
    return parsed->Execute(Data())->is_volatile;
  };
  EXPECT_TRUE(is_volatile("{{ .Date }}"));
  EXPECT_TRUE(is_volatile("{{ with .Date }}{{ . }}{{ end }}"));
  EXPECT_TRUE(is_volatile("{{ printf \"%s\" .Date }}"));
  EXPECT_TRUE(is_volatile("{{ if eq .Date \"x\" }}a{{ end }}"));
  EXPECT_FALSE(is_volatile("{{ .Name }}"));
  EXPECT_FALSE(is_volatile("{{ if .Name }}a{{ else }}{{ .Date }}{{ end }}"));
}

}  // namespace
}  // namespace stevedore::graph
