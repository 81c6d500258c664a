#include "graph/schema.h"

#include <set>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "graph/drivers.h"
#include "graph/key_table.h"
#include "graph/keys.h"

namespace stevedore::graph {
namespace {

using Json = nlohmann::ordered_json;

std::string Text(absl::string_view view) { return std::string(view); }

Json Ref(absl::string_view definition) {
  return Json{{"$ref", absl::StrCat("#/definitions/", definition)}};
}

// Editors report the type of an alternative that fails badly; `type` lists give better messages.
Json Scalar() { return Json{{"type", {"string", "number", "boolean", "null"}}}; }

Json ScalarList() {
  return Json{{"type", {"array", "null"}},
              {"items", Json{{"type", {"string", "number", "boolean"}}}}};
}

Json ScalarMap() { return Json{{"type", {"object", "null"}}, {"additionalProperties", Scalar()}}; }

// Collects the definitions that others refer to.
class Writer {
 public:
  // `templates`: values that are not texts may be made by one.
  explicit Writer(bool templates) : templates_(templates) {}

  // With images' templates allowed where a value is not a text.
  Json Value(const Key& key) {
    Json value = Shape(key);
    std::string text = Text(key.description);
    if (!key.alias_of.empty()) absl::StrAppend(&text, "; write ", key.alias_of);
    if (!key.replaced_by.empty()) {
      text = absl::StrCat("Deprecated: use ", key.replaced_by, " (", text, ")");
      value["deprecationMessage"] = absl::StrCat("deprecated; use ", key.replaced_by);
    }
    if (!key.default_value.empty()) absl::StrAppend(&text, ". Default: ", key.default_value);
    // Beside $ref everything else is ignored.
    if (value.contains("$ref")) value = Json{{"allOf", Json::array({value})}};
    value["description"] = text;
    return value;
  }

  Json Properties(const KeyTable& table) {
    Json properties = Json::object();
    for (const Key& key : table.keys) properties[Text(key.name)] = Value(key);
    return properties;
  }

  // A map with the keys of `table` and no others.
  Json Table(const KeyTable& table) {
    Json schema = Json{{"type", {"object", "null"}},
                       {"properties", Properties(table)},
                       {"patternProperties", Json{{"^x-", true}}},
                       {"additionalProperties", false}};
    AddRules(table, schema);
    return schema;
  }

  void Define(const std::string& name, Json schema) { definitions_[name] = std::move(schema); }
  Json TakeDefinitions() { return std::move(definitions_); }

  // Builders: `options` depends on `driver`.
  Json Builder() {
    Json schema = Table(BuilderKeys());
    schema["type"] = "object";
    Json drivers = Json::array();
    std::string lines;
    for (const DriverDescription& driver : Drivers()) {
      drivers.push_back(Text(driver.name));
      absl::StrAppend(&lines, lines.empty() ? "" : "; ", driver.name, ": ", driver.description);
    }
    Json& driver_value = schema["properties"]["driver"];
    driver_value =
        Json{{"description", absl::StrCat("what builds the image. ", lines)}, {"enum", drivers}};
    schema["properties"]["options"] =
        Json{{"description", Text(BuilderKeys().Find("options")->description)},
             {"type", {"object", "null"}},
             {"properties", Json{{"context", Ref("contexts")}}}};
    schema["allOf"] = Json::array();
    for (const DriverDescription& driver : Drivers()) {
      if (driver.options != nullptr) schema["allOf"].push_back(OptionsOf(driver));
    }
    return schema;
  }

 private:
  static void AddRules(const KeyTable& table, Json& schema) {
    Json required = Json::array();
    for (const Key& key : table.keys) {
      if (key.required) required.push_back(Text(key.name));
    }
    if (!required.empty()) schema["required"] = required;
    if (table.one_of.empty()) return;
    schema["anyOf"] = Json::array();
    for (absl::string_view key : absl::StrSplit(table.one_of, '|')) {
      schema["anyOf"].push_back(Json{{"required", {Text(key)}}});
    }
  }

  // if driver is this one, then options are these.
  Json OptionsOf(const DriverDescription& driver) {
    const std::string name = absl::StrCat("options_", driver.name);
    Json options = Table(*driver.options);
    if (driver.takes_context) options["properties"]["context"] = Ref("contexts");
    if (driver.needs_context) options["required"] = {"context"};
    Define(name, std::move(options));
    Json then{{"properties", Json{{"options", Ref(name)}}}};
    if (driver.needs_context) then["required"] = {"options"};
    return Json{{"if", Json{{"properties", Json{{"driver", Json{{"const", Text(driver.name)}}}}},
                            {"required", {"driver"}}}},
                {"then", std::move(then)}};
  }

  // A reference to the members of `key`, defined on first use.
  Json Members(const Key& key) {
    std::string name = Text(key.members->what);
    for (absl::string_view article : {"a ", "an "}) {
      if (absl::StartsWith(name, article)) name = name.substr(article.size());
    }
    for (char& c : name) {
      if (c == ' ') c = '_';
    }
    if (key.members == &BuilderKeys()) return Ref("builder");
    if (defined_.insert(name).second) Define(name, Table(*key.members));
    return Ref(name);
  }

  Json Shape(const Key& key) {
    switch (key.type) {
      case KeyType::kText: {
        if (key.values.empty()) return Scalar();
        Json values = Json::array();
        for (absl::string_view value : absl::StrSplit(key.values, '|')) {
          values.push_back(Text(value));
        }
        return Json{{"enum", values}};
      }
      case KeyType::kBool:
        return OrTemplate(Json{{"type", {"boolean", "null"}}});
      case KeyType::kCount:
        return OrTemplate(Json{{"type", {"integer", "null"}}, {"minimum", 1}});
      case KeyType::kNumber:
        return OrTemplate(Json{{"type", {"number", "null"}}});
      case KeyType::kTexts:
        return Json{{"type", {"array", "string", "number", "boolean", "null"}},
                    {"items", Json{{"type", {"string", "number", "boolean"}}}}};
      case KeyType::kTextList:
        return ScalarList();
      case KeyType::kTextMap:
        return ScalarMap();
      case KeyType::kTextsOrMap:
        return Json{{"type", {"array", "object", "string", "null"}},
                    {"items", Json{{"type", {"string", "number", "boolean"}}}},
                    {"additionalProperties", Scalar()}};
      case KeyType::kAny:
        return Json::object();
      default:
        return ShapeOfMaps(key);
    }
  }

  Json ShapeOfMaps(const Key& key) {
    switch (key.type) {
      case KeyType::kMap:
        return Members(key);
      case KeyType::kMapList:
        return Json{{"type", {"array", "null"}}, {"items", Members(key)}};
      case KeyType::kMapOrList:
        return Ref("contexts");
      case KeyType::kTextOrMap:
        return Json{{"if", Json{{"type", "object"}}},
                    {"then", Members(key)},
                    {"else", Json{{"type", {"string", "null"}}}}};
      case KeyType::kLink:
        return Json{{"type", {"object", "string"}},
                    {"additionalProperties", Json{{"type", {"string", "number"}}}},
                    {"minProperties", 1},
                    {"maxProperties", 1},
                    {"pattern", ":"}};
      case KeyType::kLinks:
        return Json{{"type", {"object", "null"}},
                    {"additionalProperties",
                     Json{{"type", {"array", "string", "number"}},
                          {"minItems", 1},
                          {"items", Json{{"type", {"string", "number", "boolean"}}}}}}};
      case KeyType::kNamedMaps:
        return Json{{"type", {"object", "null"}},
                    {"patternProperties", Json{{"^x-", true}}},
                    {"additionalProperties", Members(key)}};
      case KeyType::kImages:
        return Json{{"type", {"object", "null"}},
                    {"patternProperties", Json{{"^x-", true}}},
                    {"additionalProperties", Json{{"type", "object"},
                                                  {"propertyNames", Json{{"pattern", "^[^:]+$"}}},
                                                  {"additionalProperties", Members(key)}}}};
      default:
        return Json{{"type", {"object", "null"}}};
    }
  }

  // `value`, or what stands for a value that is not a text.
  Json OrTemplate(Json value) const {
    if (!templates_) return value;
    return Json{{"anyOf", {value, Json{{"type", "string"}, {"pattern", "\\{\\{"}}}}};
  }

  const bool templates_;
  Json definitions_ = Json::object();
  std::set<std::string> defined_;
};

}  // namespace

Json SchemaOf(SchemaKind kind) {
  Writer writer(/*templates=*/true);
  Json root{{"$schema", "http://json-schema.org/draft-07/schema#"},
            {"title", "Stevedore"},
            {"type", {"object", "null"}}};
  Json properties = Json::object();
  if (kind == SchemaKind::kAll || kind == SchemaKind::kConfiguration) {
    properties.update(writer.Properties(ConfigurationKeys()));
  }
  for (const Key& key : DefinitionFileKeys().keys) {
    const bool builders = key.name == "builders";
    const bool wanted = kind == SchemaKind::kAll ||
                        kind == (builders ? SchemaKind::kBuilders : SchemaKind::kImages);
    if (wanted) properties[Text(key.name)] = writer.Value(key);
  }
  root["properties"] = std::move(properties);
  root["patternProperties"] = Json{{"^x-", true}};
  root["additionalProperties"] = false;
  if (kind != SchemaKind::kConfiguration) {
    writer.Define("context", writer.Table(ContextKeys()));
    writer.Define("contexts", Json{{"description",
                                    "one folder, or a list of them: later ones "
                                    "replace files of earlier ones"},
                                   {"if", Json{{"type", "array"}}},
                                   {"then", Json{{"items", Ref("context")}}},
                                   {"else", Ref("context")}});
    writer.Define("builder", writer.Builder());
  }
  root["definitions"] = writer.TakeDefinitions();
  return root;
}

nlohmann::ordered_json SchemaOfTable(const KeyTable& table) {
  Writer writer(/*templates=*/false);
  Json root{{"$schema", "http://json-schema.org/draft-07/schema#"}, {"title", "Stevedore"}};
  root.update(writer.Table(table));
  root["definitions"] = writer.TakeDefinitions();
  return root;
}

}  // namespace stevedore::graph
