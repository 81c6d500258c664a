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
#include "graph/drivers.h"
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
  bool broken = false;

  void Report(const absl::Status& status, absl::string_view code = codes::kWrongValue) {
    findings->Error(status, code);
    broken = true;
  }

  // A scalar rendered; nothing if that failed and was reported.
  std::optional<TemplateOutput> Text(const YamlNode& node) {
    absl::StatusOr<TemplateOutput> output = renderer.Text(node);
    if (output.ok()) return *std::move(output);
    Report(output.status(), codes::kTemplate);
    return std::nullopt;
  }

  // The text of an optional scalar field; `otherwise` also if it is not one.
  TemplateOutput Field(const YamlNode* node, absl::string_view what, std::string otherwise) {
    if (node != nullptr && node->is_scalar()) {
      if (std::optional<TemplateOutput> output = Text(*node)) return *std::move(output);
    } else if (node != nullptr && !node->is_null()) {
      Report(node->Error(absl::StrCat("`", what, "` must be a text, found ", node->Describe())));
    }
    return TemplateOutput{std::move(otherwise), false};
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

RenderedImage ImageRenderer::Render(const ImageDefinition& definition, const std::string& version,
                                    const ImageInstance* base, const ParentOf& parent_of,
                                    Findings* findings) {
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
  RenderPlace(definition, version, scope, image);
  RenderValues(definition, scope, image);
  RenderPlatforms(definition, scope, image);
  ChooseBuilder(definition, scope, rendered);
  CheckTypedValues(definition, image, scope);
  rendered.broken |= scope.broken;
  return rendered;
}

void ImageRenderer::RenderPlace(const ImageDefinition& definition, const std::string& version,
                                Scope& scope, ImageInstance& image) {
  image.registry = scope.Field(definition.registry, "registry", "").text;
  image.name_space = scope.Field(definition.name_space, "namespace", "").text;
  image.name = scope.Field(definition.name_field, "name", definition.name).text;
  TemplateOutput text = scope.Field(definition.version_field, "version", version);
  image.version = std::move(text.text);
  if (text.is_volatile) image.volatile_values.insert("version");
  if (image.version.empty() || image.name.empty()) {
    const YamlNode* field = image.name.empty() ? definition.name_field : definition.version_field;
    scope.Report((field != nullptr ? *field : *definition.key)
                     .Error(absl::StrCat("image ", definition.id(), " has an empty ",
                                         image.name.empty() ? "name" : "version",
                                         "; a reference needs both")),
                 codes::kReference);
    if (image.name.empty()) image.name = definition.name;
    if (image.version.empty()) image.version = version;
  }
  image.id = absl::StrCat(definition.name, ":", image.VersionTag());
  if (definition.tags == nullptr) return;
  for (const YamlNode* tag : scope.findings->Texts(*definition.tags, "tags")) {
    std::optional<TemplateOutput> output = scope.Text(*tag);
    if (!output.has_value()) continue;
    if (output->text.empty()) {
      scope.Report(tag->Error("this tag renders to an empty text; remove it, or give it one"),
                   codes::kReference);
      continue;
    }
    image.tags.push_back(std::move(output->text));
  }
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

void ImageRenderer::RenderMap(const YamlNode* node, const char* kind, Scope& scope,
                              std::map<std::string, std::string>& out, ImageInstance& image) {
  if (node == nullptr || !scope.findings->IsMap(*node, absl::StrCat("`", kind, "s`"))) return;
  std::map<std::string, std::string> own;
  for (const auto& [key, value] : node->entries()) {
    const std::optional<TemplateOutput> name = scope.Text(*key);
    // What the parent says wins, and its child's text is not even rendered.
    if (!name.has_value() || out.count(name->text) > 0) continue;
    absl::StatusOr<MapValue> rendered = RenderMapValue(*value, kind, name->text, scope);
    if (!rendered.ok()) {
      scope.Report(rendered.status());
      continue;
    }
    const bool is_volatile = name->is_volatile || rendered->is_volatile;
    if (name->text.empty()) {
      scope.Report(key->Error(absl::StrCat("a ", kind, " needs a name; this one is empty")));
      continue;
    }
    if (!own.emplace(name->text, std::move(rendered->text)).second) {
      scope.Report(key->Error(absl::StrCat("this key renders to ", base::Quoted(name->text),
                                           ", which is there already; remove one of them")));
      continue;
    }
    if (!rendered->json.empty()) {
      image.typed_values[absl::StrCat(kind, " ", name->text)] = std::move(rendered->json);
    }
    if (is_volatile) image.volatile_values.insert(absl::StrCat(kind, " ", name->text));
  }
  out.merge(own);
}

void ImageRenderer::CheckTypedValues(const ImageDefinition& definition, const ImageInstance& image,
                                     Scope& scope) {
  if (!image.has_builder()) return;
  const std::string& driver = image.builder->driver;
  if (driver == "ansible-playbook" || driver == "default" || driver == "dry-run" ||
      driver == "none" || FindDriver(driver) == nullptr) {
    return;
  }
  for (const auto& [key, json] : image.typed_values) {
    if (json[0] != '[' && json[0] != '{') continue;
    const std::vector<std::string> parts = absl::StrSplit(key, absl::MaxSplits(' ', 1));
    const YamlNode* own = parts[0] == "var" ? definition.vars : definition.persistent_vars;
    const YamlNode* value = own == nullptr || !own->is_map() ? nullptr : own->Find(parts[1]);
    scope.Report(
        (value == nullptr ? *definition.key : *value)
            .Error(absl::StrCat(
                key, " of image ", definition.id(), " is a ", json[0] == '[' ? "list" : "map",
                value == nullptr ? " (inherited)" : "", ", but driver ", base::Quoted(driver),
                " takes texts, numbers and true/false only; write it as one "
                "text")));
  }
}

void ImageRenderer::RenderValues(const ImageDefinition& definition, Scope& scope,
                                 ImageInstance& image) {
  RenderMap(definition.persistent_vars, "persistent_var", scope, image.persistent_vars, image);
  RenderMap(definition.vars, "var", scope, image.vars, image);
  RenderMap(definition.persistent_labels, "persistent_label", scope, image.persistent_labels,
            image);
  RenderMap(definition.labels, "label", scope, image.labels, image);
}

void ImageRenderer::RenderPlatforms(const ImageDefinition& definition, Scope& scope,
                                    ImageInstance& image) {
  if (definition.platforms != nullptr) {
    for (const YamlNode* node : scope.findings->Texts(*definition.platforms, "platforms")) {
      const std::optional<TemplateOutput> output = scope.Text(*node);
      if (!output.has_value()) continue;
      const absl::StatusOr<oci::Platform> platform = oci::Platform::Parse(output->text);
      if (!platform.ok() || platform->os.empty() || platform->architecture.empty()) {
        scope.Report(
            node->Error(absl::StrCat("platform ", base::Quoted(output->text),
                                     " must be os/arch or os/arch/variant, such as linux/amd64")));
        continue;
      }
      const std::string text = platform->ToString();
      const auto found = std::find(image.platforms.begin(), image.platforms.end(), text);
      if (found == image.platforms.end()) image.platforms.push_back(text);
    }
  }
  image.names_platforms = !image.platforms.empty();
  if (!image.names_platforms) image.platforms = {default_platform_};
}

void ImageRenderer::ChooseBuilder(const ImageDefinition& definition, Scope& scope,
                                  RenderedImage& rendered) {
  const YamlNode* node = definition.builder;
  if (node == nullptr || node->is_null()) return;
  if (node->is_map()) {
    ReadBuilder read = ReadBuilderNode(*node, rendered.instance.id, /*in_place=*/true,
                                       &scope.renderer, paths_relative_to_, scope.findings);
    scope.broken |= read.broken;
    rendered.instance.builder = std::make_shared<const Builder>(std::move(read.builder));
    rendered.layer_images = std::move(read.layer_images);
    return;
  }
  const bool was_broken = std::exchange(scope.broken, false);
  const TemplateOutput name = scope.Field(node, "builder", "");
  const auto found = builders_.find(name.text);
  const bool reported = broken_builders_ != nullptr && broken_builders_->count(name.text) > 0;
  if (found == builders_.end() && !scope.broken && !reported) {
    std::vector<std::string> known;
    for (const auto& [builder, read] : builders_) known.push_back(builder);
    std::sort(known.begin(), known.end());
    scope.Report(node->Error(absl::StrCat(
                     "image ", definition.id(), " names builder ", base::Quoted(name.text),
                     ", which is not defined", DidYouMean(name.text, known),
                     "; add it to `builders` or describe it here (builder: {driver: ...})")),
                 codes::kUnknownBuilder);
  }
  scope.broken |= was_broken || reported;
  if (found == builders_.end()) return;
  // Shared by all its images; the aliasing pointer keeps the whole alive.
  rendered.instance.builder =
      std::shared_ptr<const Builder>(found->second, &found->second->builder);
  rendered.layer_images = found->second->layer_images;
}

}  // namespace stevedore::graph
