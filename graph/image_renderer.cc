#include "graph/image_renderer.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "base/status.h"
#include "graph/spelling.h"
#include "graph/template.h"
#include "nlohmann/json.hpp"
#include "oci/image/platform.h"

namespace stevedore::graph {
namespace {

using V = TemplateValue;

// As Go formats time: "Z" for UTC, fractions without trailing zeros.
std::string Rfc3339(absl::Time time, absl::TimeZone zone, bool with_fraction) {
  const char* format = with_fraction ? "%Y-%m-%d%ET%H:%M:%E*S%Ez" : "%Y-%m-%d%ET%H:%M:%S%Ez";
  std::string text = absl::FormatTime(format, time, zone);
  absl::string_view body = text;
  if (absl::ConsumeSuffix(&body, "+00:00")) return absl::StrCat(body, "Z");
  return text;
}

absl::Time TimeOf(const CatalogOptions& options) {
  return options.source_date_epoch.has_value() ? absl::FromUnixSeconds(*options.source_date_epoch)
                                               : options.load_time;
}

absl::TimeZone ZoneOf(const CatalogOptions& options) {
  // A fixed time must not look different on another machine.
  return options.source_date_epoch.has_value() ? absl::UTCTimeZone() : options.time_zone;
}

std::vector<std::string> ImageFieldNames() {
  return {"Name",           "Version", "RegistryHost",     "RegistryNamespace",
          "Tags",           "Labels",  "PersistentLabels", "Vars",
          "PersistentVars", "Builder", "Parent",           "Children"};
}

V MarkedIf(bool is_volatile, V value) { return is_volatile ? std::move(value).Volatile() : value; }

bool IsLabel(absl::string_view kind) { return absl::EndsWith(kind, "label"); }

// One value of `image` with its type and whether it is made from dates.
V ValueOf(const ImageInstance& image, const char* kind, const std::string& name,
          const std::string& text) {
  const std::string key = absl::StrCat(kind, " ", name);
  const auto typed = image.typed_values.find(key);
  return MarkedIf(image.volatile_values.count(key) > 0,
                  typed == image.typed_values.end() ? V::String(text) : V::OfJson(typed->second));
}

V MarkedMap(const ImageInstance& image, const char* kind,
            const std::map<std::string, std::string>& texts) {
  V::Map map;
  for (const auto& [name, text] : texts) {
    map.emplace_hint(map.end(), name, ValueOf(image, kind, name, text));
  }
  return IsLabel(kind) ? V::OfTexts(std::move(map)) : V::OfMap(std::move(map));
}

// A rendered image as templates see it. Points to instances that outlive the rendering.
class InstanceRecord : public TemplateRecord {
 public:
  InstanceRecord(const ImageInstance* image, const ImageRenderer::ParentOf* parent_of)
      : image_(*image), parent_of_(*parent_of) {}
  absl::string_view type_name() const override { return "image"; }
  std::vector<std::string> FieldNames() const override { return ImageFieldNames(); }

  std::optional<V> Field(absl::string_view name) const override {
    if (name == "Name") return V::String(image_.name);
    if (name == "Version") {
      return MarkedIf(image_.volatile_values.count("version") > 0, V::String(image_.VersionTag()));
    }
    if (name == "RegistryHost") return V::String(image_.registry);
    if (name == "RegistryNamespace") return V::String(image_.name_space);
    if (name == "Tags") {
      V::List tags;
      for (const std::string& tag : image_.tags) tags.push_back(V::String(tag));
      return V::OfList(std::move(tags));
    }
    if (name == "Labels") return MarkedMap(image_, "label", image_.labels);
    if (name == "PersistentLabels") {
      return MarkedMap(image_, "persistent_label", image_.persistent_labels);
    }
    if (name == "Vars") return MarkedMap(image_, "var", image_.vars);
    if (name == "PersistentVars") {
      return MarkedMap(image_, "persistent_var", image_.persistent_vars);
    }
    if (name == "Builder") return V::String(image_.builder == nullptr ? "" : image_.builder->name);
    // Which ones there are is not known while images are rendered.
    if (name == "Children") return V::OfList({});
    if (name == "Parent") {
      const ImageInstance* parent = parent_of_(image_);
      if (parent == nullptr) return V::Nil();
      return V::OfRecord(std::make_shared<InstanceRecord>(parent, &parent_of_));
    }
    return std::nullopt;
  }

 private:
  const ImageInstance& image_;
  const ImageRenderer::ParentOf& parent_of_;
};

std::string Raw(const YamlNode* node, const std::string& otherwise) {
  return node != nullptr && node->is_scalar() ? node->text() : otherwise;
}

// A value as its file has it: unquoted numbers, true and false are such.
V RawValue(const YamlNode& node) {
  if (node.is_list()) {
    V::List list;
    for (const YamlNode* item : node.items()) list.push_back(RawValue(*item));
    return V::OfList(std::move(list));
  }
  if (node.is_map()) {
    V::Map map;
    for (const auto& [key, value] : node.entries()) map[key->text()] = RawValue(*value);
    return V::OfMap(std::move(map));
  }
  return node.is_plain() ? V::OfJson(PlainScalar(node.text()).dump()) : V::String(node.text());
}

// `.Image`: the image that is being rendered, as its file has it.
class RawRecord : public TemplateRecord {
 public:
  RawRecord(const ImageDefinition* definition, const ImageInstance* image, V parent)
      : definition_(*definition), image_(*image), parent_(std::move(parent)) {}
  absl::string_view type_name() const override { return "image"; }
  std::vector<std::string> FieldNames() const override { return ImageFieldNames(); }

  std::optional<V> Field(absl::string_view name) const override {
    if (name == "Name") return V::String(Raw(definition_.name_field, definition_.name));
    if (name == "Version") return V::String(Raw(definition_.version_field, definition_.version));
    if (name == "RegistryHost") return V::String(Raw(definition_.registry, ""));
    if (name == "RegistryNamespace") return V::String(Raw(definition_.name_space, ""));
    if (name == "Tags") {
      V::List tags;
      if (definition_.tags != nullptr) {
        for (const YamlNode* tag : definition_.tags->items())
          tags.push_back(V::String(tag->text()));
      }
      return V::OfList(std::move(tags));
    }
    if (name == "Labels") return Map(definition_.labels, {}, "label");
    if (name == "Vars") return Map(definition_.vars, {}, "var");
    if (name == "PersistentLabels") {
      return Map(definition_.persistent_labels, image_.persistent_labels, "persistent_label");
    }
    if (name == "PersistentVars") {
      return Map(definition_.persistent_vars, image_.persistent_vars, "persistent_var");
    }
    if (name == "Builder") return V::String(Raw(definition_.builder, ""));
    if (name == "Parent") return parent_;
    if (name == "Children") return V::OfList({});
    return std::nullopt;
  }

 private:
  // Own raw texts with inherited values over them.
  V Map(const YamlNode* node, const std::map<std::string, std::string>& inherited,
        const char* kind) const {
    V::Map map;
    if (node != nullptr && node->is_map()) {
      for (const auto& [key, value] : node->entries()) {
        map[key->text()] = IsLabel(kind) ? V::String(value->text()) : RawValue(*value);
      }
    }
    for (const auto& [key, value] : inherited) map[key] = ValueOf(image_, kind, key, value);
    return IsLabel(kind) ? V::OfTexts(std::move(map)) : V::OfMap(std::move(map));
  }

  const ImageDefinition& definition_;
  const ImageInstance& image_;
  const V parent_;
};

// What `.` is at the top of a template.
class RootRecord : public TemplateRecord {
 public:
  explicit RootRecord(V::Map fields) : fields_(std::move(fields)) {}
  absl::string_view type_name() const override { return "template's data"; }
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
  const V::Map fields_;
};

}  // namespace

// What one rendering works with.
struct ImageRenderer::Scope {
  Renderer renderer;
  Findings* findings;

  // The text of an optional scalar field.
  absl::StatusOr<TemplateOutput> Text(const YamlNode* node, absl::string_view what,
                                      std::string otherwise) {
    if (node == nullptr || node->is_null()) return TemplateOutput{std::move(otherwise), false};
    if (!node->is_scalar()) {
      return node->Error(absl::StrCat("`", what, "` must be a text, found ", node->Describe()));
    }
    return renderer.Text(*node);
  }
};

ImageRenderer::ImageRenderer(const Configuration& configuration, const CatalogOptions& options,
                             const BuilderMap* builders)
    : paths_relative_to_(configuration.paths_relative_to),
      default_platform_(options.default_platform.empty() ? oci::Platform::Host().ToString()
                                                         : options.default_platform),
      vars_(V::OfStrings(options.vars)),
      date_(Rfc3339(TimeOf(options), ZoneOf(options), /*with_fraction=*/false)),
      date_nano_(Rfc3339(TimeOf(options), ZoneOf(options), /*with_fraction=*/true)),
      builders_(*builders) {}

absl::StatusOr<RenderedImage> ImageRenderer::Render(const ImageDefinition& definition,
                                                    const std::string& version,
                                                    const ImageInstance* base,
                                                    const ParentOf& parent_of, Findings* findings) {
  RenderedImage rendered;
  ImageInstance& image = rendered.instance;
  image.definition_name = definition.name;
  image.definition_version = definition.version;
  image.where = definition.key->where();
  if (base != nullptr) {
    image.persistent_vars = base->persistent_vars;
    image.persistent_labels = base->persistent_labels;
    for (const std::string& name : base->volatile_values) {
      if (absl::StartsWith(name, "persistent_")) image.volatile_values.insert(name);
    }
    for (const auto& [name, json] : base->typed_values) {
      if (absl::StartsWith(name, "persistent_")) image.typed_values[name] = json;
    }
  }
  // RawRecord shows what was inherited before own values join it, whenever a template asks first.
  const ImageInstance inherited = image;
  auto data = [&] {
    const V parent = base == nullptr
                         ? V::Nil()
                         : V::OfRecord(std::make_shared<InstanceRecord>(base, &parent_of));
    return V::OfRecord(std::make_shared<RootRecord>(V::Map{
        {"Name", V::String(definition.name)},
        {"Version", V::String(version)},
        {"Parent", parent},
        {"Image", V::OfRecord(std::make_shared<RawRecord>(&definition, &inherited, parent))},
        {"Vars", vars_},
        {"DateRFC3339", V::String(date_).Volatile()},
        {"DateRFC3339Nano", V::String(date_nano_).Volatile()},
    }));
  };
  Scope scope{Renderer(&cache_, data), findings};
  RETURN_IF_ERROR(RenderPlace(definition, version, scope, image));
  RETURN_IF_ERROR(RenderValues(definition, scope, image));
  RETURN_IF_ERROR(RenderPlatforms(definition, scope, image));
  RETURN_IF_ERROR(ChooseBuilder(definition, scope, rendered));
  RETURN_IF_ERROR(CheckTypedValues(definition, image));
  return rendered;
}

absl::Status ImageRenderer::RenderPlace(const ImageDefinition& definition,
                                        const std::string& version, Scope& scope,
                                        ImageInstance& image) {
  ASSIGN_OR_RETURN(TemplateOutput text, scope.Text(definition.registry, "registry", ""));
  image.registry = std::move(text.text);
  ASSIGN_OR_RETURN(text, scope.Text(definition.name_space, "namespace", ""));
  image.name_space = std::move(text.text);
  ASSIGN_OR_RETURN(text, scope.Text(definition.name_field, "name", definition.name));
  image.name = std::move(text.text);
  ASSIGN_OR_RETURN(text, scope.Text(definition.version_field, "version", version));
  image.version = std::move(text.text);
  if (text.is_volatile) image.volatile_values.insert("version");
  const YamlNode& version_place =
      definition.version_field != nullptr ? *definition.version_field : *definition.key;
  if (image.version.empty() || image.name.empty()) {
    return version_place.Error(absl::StrCat("image ", definition.id(), " has an empty ",
                                            image.name.empty() ? "name" : "version",
                                            "; a reference needs both"));
  }
  image.id = absl::StrCat(definition.name, ":", image.VersionTag());
  if (definition.tags == nullptr) return absl::OkStatus();
  for (const YamlNode* tag : scope.findings->Texts(*definition.tags, "tags")) {
    ASSIGN_OR_RETURN(text, scope.renderer.Text(*tag));
    if (text.text.empty()) return tag->Error("this tag renders to an empty text");
    image.tags.push_back(std::move(text.text));
  }
  return absl::OkStatus();
}

absl::StatusOr<ImageRenderer::MapValue> ImageRenderer::RenderMapValue(const YamlNode& value,
                                                                      const char* kind,
                                                                      const std::string& name,
                                                                      Scope& scope) {
  MapValue rendered;
  if (value.is_null()) return rendered;
  if (value.is_scalar()) {
    ASSIGN_OR_RETURN(TemplateOutput output, scope.renderer.Text(value));
    rendered.is_volatile = output.is_volatile;
    rendered.text = std::move(output.text);
    // What a template makes stays a text: nothing it contains can become something else.
    if (IsLabel(kind) || !value.is_plain() || Template::HasActions(value.text())) return rendered;
    const nlohmann::json typed = PlainScalar(rendered.text);
    if (typed.is_string()) return rendered;
    rendered.json = typed.dump();
    if (typed.is_boolean()) rendered.text = rendered.json;
    return rendered;
  }
  if (IsLabel(kind)) {
    return value.Error(absl::StrCat(kind, " ", base::Quoted(name),
                                    " must be a text, number or true/false, found ",
                                    value.Describe()));
  }
  ASSIGN_OR_RETURN(const nlohmann::json json, scope.renderer.Json(value));
  rendered.json = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  rendered.text = rendered.json;
  return rendered;
}

absl::Status ImageRenderer::RenderMap(const YamlNode* node, const char* kind, Scope& scope,
                                      std::map<std::string, std::string>& out,
                                      ImageInstance& image) {
  if (node == nullptr || !scope.findings->IsMap(*node, absl::StrCat("`", kind, "s`"))) {
    return absl::OkStatus();
  }
  std::map<std::string, std::string> own;
  for (const auto& [key, value] : node->entries()) {
    ASSIGN_OR_RETURN(TemplateOutput name, scope.renderer.Text(*key));
    // What the parent says wins, and its child's text is not even rendered.
    if (out.count(name.text) > 0) continue;
    ASSIGN_OR_RETURN(MapValue rendered, RenderMapValue(*value, kind, name.text, scope));
    const bool is_volatile = name.is_volatile || rendered.is_volatile;
    if (name.text.empty()) return key->Error(absl::StrCat("a ", kind, " needs a name"));
    if (!own.emplace(name.text, std::move(rendered.text)).second) {
      return key->Error(absl::StrCat("this key renders to ", base::Quoted(name.text),
                                     ", which is there already"));
    }
    if (!rendered.json.empty()) {
      image.typed_values[absl::StrCat(kind, " ", name.text)] = std::move(rendered.json);
    }
    if (is_volatile) image.volatile_values.insert(absl::StrCat(kind, " ", name.text));
  }
  out.merge(own);
  return absl::OkStatus();
}

absl::Status ImageRenderer::CheckTypedValues(const ImageDefinition& definition,
                                             const ImageInstance& image) {
  if (!image.has_builder()) return absl::OkStatus();
  const std::string& driver = image.builder->driver;
  if (driver == "ansible-playbook" || driver == "default" || driver == "dry-run" ||
      driver == "none") {
    return absl::OkStatus();
  }
  for (const auto& [key, json] : image.typed_values) {
    if (json[0] != '[' && json[0] != '{') continue;
    const std::vector<std::string> parts = absl::StrSplit(key, absl::MaxSplits(' ', 1));
    const YamlNode* own = parts[0] == "var" ? definition.vars : definition.persistent_vars;
    const YamlNode* value = own == nullptr || !own->is_map() ? nullptr : own->Find(parts[1]);
    return (value == nullptr ? *definition.key : *value)
        .Error(absl::StrCat(key, " of image ", definition.id(), " is a ",
                            json[0] == '[' ? "list" : "map", value == nullptr ? " (inherited)" : "",
                            ", but driver ", base::Quoted(driver),
                            " takes texts, numbers and true/false only; write it as one text"));
  }
  return absl::OkStatus();
}

absl::Status ImageRenderer::RenderValues(const ImageDefinition& definition, Scope& scope,
                                         ImageInstance& image) {
  RETURN_IF_ERROR(
      RenderMap(definition.persistent_vars, "persistent_var", scope, image.persistent_vars, image));
  RETURN_IF_ERROR(RenderMap(definition.vars, "var", scope, image.vars, image));
  RETURN_IF_ERROR(RenderMap(definition.persistent_labels, "persistent_label", scope,
                            image.persistent_labels, image));
  return RenderMap(definition.labels, "label", scope, image.labels, image);
}

absl::Status ImageRenderer::RenderPlatforms(const ImageDefinition& definition, Scope& scope,
                                            ImageInstance& image) {
  if (definition.platforms != nullptr) {
    for (const YamlNode* node : scope.findings->Texts(*definition.platforms, "platforms")) {
      ASSIGN_OR_RETURN(const TemplateOutput output, scope.renderer.Text(*node));
      const absl::StatusOr<oci::Platform> platform = oci::Platform::Parse(output.text);
      if (!platform.ok() || platform->os.empty() || platform->architecture.empty()) {
        return node->Error(
            absl::StrCat("platform ", base::Quoted(output.text),
                         " must be os/arch or os/arch/variant, such as linux/amd64"));
      }
      const std::string text = platform->ToString();
      const auto found = std::find(image.platforms.begin(), image.platforms.end(), text);
      if (found == image.platforms.end()) image.platforms.push_back(text);
    }
  }
  if (image.platforms.empty()) image.platforms = {default_platform_};
  return absl::OkStatus();
}

absl::Status ImageRenderer::ChooseBuilder(const ImageDefinition& definition, Scope& scope,
                                          RenderedImage& rendered) {
  const YamlNode* node = definition.builder;
  if (node == nullptr || node->is_null()) return absl::OkStatus();
  if (node->is_map()) {
    ASSIGN_OR_RETURN(ReadBuilder read,
                     ReadBuilderNode(*node, rendered.instance.id, /*in_place=*/true,
                                     &scope.renderer, paths_relative_to_, scope.findings));
    rendered.instance.builder = std::make_shared<const Builder>(std::move(read.builder));
    rendered.layer_images = std::move(read.layer_images);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const TemplateOutput name, scope.Text(node, "builder", ""));
  const auto found = builders_.find(name.text);
  if (found == builders_.end()) {
    std::vector<std::string> known;
    for (const auto& [builder, read] : builders_) known.push_back(builder);
    std::sort(known.begin(), known.end());
    return node->Error(
        absl::StrCat("image ", definition.id(), " names builder ", base::Quoted(name.text),
                     ", which is not defined", DidYouMean(name.text, known),
                     "; add it to `builders` or describe it here (builder: {driver: ...})"));
  }
  // Shared by all its images; the aliasing pointer keeps the whole alive.
  rendered.instance.builder =
      std::shared_ptr<const Builder>(found->second, &found->second->builder);
  rendered.layer_images = found->second->layer_images;
  return absl::OkStatus();
}

}  // namespace stevedore::graph
