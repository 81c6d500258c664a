#include "graph/builder_reader.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/status.h"
#include "graph/assemble_options.h"
#include "graph/drivers.h"
#include "graph/keys.h"

namespace stevedore::graph {
namespace {

// Reads one builder.
class Reader {
 public:
  Reader(Renderer* renderer, PathsRelativeTo relative_to, Findings* findings)
      : renderer_(*renderer), relative_to_(relative_to), findings_(*findings) {}

  ReadBuilder Read(const YamlNode& node, const std::string& name, bool in_place) {
    Builder& builder = result_.builder;
    builder.name = name;
    builder.in_place = in_place;
    builder.where = node.where();
    builder.variables_mapping = DefaultVariablesMapping();
    const std::string what = absl::StrCat("builder ", name);
    if (!node.is_map()) {
      Report(node.Error(absl::StrCat(what, " must be a map with `driver` and `options`, found ",
                                     node.Describe())));
      return std::move(result_);
    }
    CheckPlaces(node, what);
    if (const YamlNode* field = node.Find("name"); field != nullptr && !field->is_null()) {
      builder.name = TextOf(*field, "name");
    }
    const DriverDescription* driver = ReadDriver(node, what);
    if (const YamlNode* mapping = node.Find("variables_mapping"); mapping != nullptr) {
      ReadMapping(*mapping);
    }
    const YamlNode* options = node.Find("options");
    if (options != nullptr && !options->is_null()) ReadOptions(*options, driver);
    if (driver != nullptr && driver->needs_context && builder.contexts.empty() && !result_.broken) {
      Report(node.Error(absl::StrCat(
                 what, ": driver ", builder.driver,
                 " needs a context with the Dockerfile; add `context: [{path: FOLDER}]` to "
                 "`options`")),
             codes::kMissing);
    }
    return std::move(result_);
  }

 private:
  void Report(const absl::Status& status, absl::string_view code = codes::kWrongValue) {
    findings_.Error(status, code);
    result_.broken = true;
  }

  // Keys, and those that stand where people often put them.
  void CheckPlaces(const YamlNode& node, const std::string& what) {
    if (const YamlNode* context = node.Find("context"); context != nullptr) {
      Report(context->Error("`context` must be inside `options` of the builder; indent it below "
                            "`options:`"),
             codes::kWrongPlace);
      findings_.CheckKeys(node, what, BuilderKeys(), {"context"});
      return;
    }
    findings_.CheckKeys(node, what, BuilderKeys());
  }

  std::string TextOf(const YamlNode& node, absl::string_view what) {
    if (node.is_null()) return "";
    if (!node.is_scalar()) {
      Report(node.Error(absl::StrCat("`", what, "` must be a text, found ", node.Describe())));
      return "";
    }
    absl::StatusOr<TemplateOutput> output = renderer_.Text(node);
    if (output.ok()) return std::move(output->text);
    Report(output.status(), codes::kTemplate);
    return "";
  }

  const DriverDescription* ReadDriver(const YamlNode& node, absl::string_view what) {
    const YamlNode* field = node.Find("driver");
    if (field == nullptr || field->is_null()) {
      Report(node.Error(absl::StrCat(what, " has no `driver`; drivers are ", DriverNames())),
             codes::kMissing);
      return nullptr;
    }
    const bool was_broken = std::exchange(result_.broken, false);
    std::string& name = result_.builder.driver;
    name = TextOf(*field, "driver");
    const DriverDescription* driver = FindDriver(name);
    if (driver == nullptr && !result_.broken) {
      Report(field->Error(UnknownDriver(name)), codes::kUnknownDriver);
    }
    result_.broken |= was_broken;
    return driver;
  }

  void ReadMapping(const YamlNode& node) {
    if (node.is_null()) return;
    if (!node.is_map()) {
      Report(
          node.Error(absl::StrCat("`variables_mapping` must be a map, found ", node.Describe())));
      return;
    }
    findings_.CheckKeys(node, MappingKeys().what, MappingKeys());
    for (const auto& [key, value] : node.entries()) {
      const Key* known = MappingKeys().Find(key->text());
      if (known == nullptr) continue;
      const absl::string_view name = known->alias_of.empty() ? known->name : known->alias_of;
      result_.builder.variables_mapping[std::string(name)] = TextOf(*value, key->text());
    }
  }

  void ReadOptions(const YamlNode& node, const DriverDescription* driver) {
    if (!node.is_map()) {
      Report(node.Error(absl::StrCat("`options` must be a map, found ", node.Describe())));
      return;
    }
    const YamlNode* mapping = node.Find("variables_mapping");
    if (mapping != nullptr) {
      Report(mapping->Error("`variables_mapping` must be beside `options`, not inside; indent it "
                            "like `options:`"),
             codes::kWrongPlace);
    }
    if (const YamlNode* context = node.Find("context"); context != nullptr) ReadContexts(*context);
    absl::StatusOr<nlohmann::json> json = renderer_.Json(node);
    if (!json.ok()) return Report(json.status(), codes::kTemplate);
    json->erase("context");
    json->erase("variables_mapping");
    for (const auto& [key, value] : node.entries()) {
      if (absl::StartsWith(key->text(), "x-")) json->erase(key->text());
    }
    Builder& builder = result_.builder;
    if (builder.driver == "assemble") {
      nlohmann::json& layers = (*json)["layers"];
      if (layers.is_null()) {
        json->erase("layers");
      } else if (layers.is_array()) {
        NormaliseLayers(layers);
      }
    }
    builder.options_json = json->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    if (const YamlNode* contexts = node.Find("build_contexts"); contexts != nullptr) {
      ReadBuildContexts(*contexts);
    }
    if (driver == nullptr || driver->check == nullptr) return;
    if (const absl::Status status = driver->check(builder.options_json); !status.ok()) {
      return Report(At(node, status), codes::kDriverOptions);
    }
    if (builder.driver == "assemble") CheckAssemble(node);
  }

  // `build_contexts: {base: "target:NAME:VERSION"}` makes that image a parent.
  void ReadBuildContexts(const YamlNode& node) {
    if (!node.is_map()) return;
    for (const auto& [name, value] : node.entries()) {
      if (!value->is_scalar()) continue;
      const std::string text = TextOf(*value, name->text());
      absl::string_view target = text;
      if (!absl::ConsumePrefix(&target, kTargetPrefix)) continue;
      const std::pair<absl::string_view, absl::string_view> image =
          absl::StrSplit(target, absl::MaxSplits(':', 1));
      if (image.first.empty() || image.second.empty()) {
        Report(value->Error(absl::StrCat("build_contexts.", name->text(),
                                         ": an image of this project is written "
                                         "target:NAME:VERSION, found ",
                                         base::Quoted(text))),
               codes::kDriverOptions);
        continue;
      }
      result_.layer_images.push_back({std::string(target), value->where()});
    }
  }

  // {image: {name: version}} becomes {image: "name:version"}: one spelling for build keys.
  static void NormaliseLayers(nlohmann::json& layers) {
    for (nlohmann::json& layer : layers) {
      if (!layer.is_object() || !layer.contains("image")) continue;
      nlohmann::json& image = layer["image"];
      if (!image.is_object() || image.size() != 1) continue;
      const std::string name = image.begin().key();
      const nlohmann::json version = image.begin().value();
      if (version.is_structured() || version.is_null()) continue;
      image = absl::StrCat(name, ":",
                           version.is_string() ? version.get<std::string>() : version.dump());
    }
  }

  // Options that parse.
  void CheckAssemble(const YamlNode& node) {
    const absl::StatusOr<AssembleOptions> options =
        AssembleOptions::Parse(result_.builder.options_json);
    if (!options.ok()) return Report(At(node, options.status()), codes::kDriverOptions);
    const YamlNode* layers = node.Find("layers");
    for (size_t i = 0; i < options->layers.size(); ++i) {
      const AssembleLayer& layer = options->layers[i];
      const YamlNode& place = *layers->items()[i];
      if (layer.kind == AssembleLayer::Kind::kImage) {
        result_.layer_images.push_back({layer.image, place.where()});
      } else if (result_.builder.contexts.empty() && node.Find("context") == nullptr) {
        Report(place.Error("this layer takes files from the context, but there is no `context`; "
                           "add `context: [{path: FOLDER}]` to `options`"),
               codes::kMissing);
      }
    }
  }

  // Places a message that begins with the path of a member ("layers[1].mode: ...").
  static absl::Status At(const YamlNode& options, const absl::Status& status) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(status.message(), absl::MaxSplits(':', 1));
    const YamlNode* node = &options;
    for (absl::string_view part :
         absl::StrSplit(parts.first, absl::ByAnyChar(".["), absl::SkipEmpty())) {
      const YamlNode* next = nullptr;
      size_t index = 0;
      if (absl::ConsumeSuffix(&part, "]")) {
        if (absl::SimpleAtoi(part, &index) && index < node->items().size()) {
          next = node->items()[index];
        }
      } else {
        next = node->Find(part);
      }
      if (next == nullptr) break;
      node = next;
    }
    return node->Error(status.message());
  }

  void ReadContexts(const YamlNode& node) {
    if (node.is_null()) return;
    std::vector<const YamlNode*> elements = {&node};
    if (node.is_list()) elements = node.items();
    for (const YamlNode* element : elements) {
      if (!element->is_map()) {
        Report(element->Error(absl::StrCat("a context must be a map with `path` or `git`, found ",
                                           element->Describe(), "; write `- path: FOLDER`")));
        continue;
      }
      ReadContext(*element);
    }
  }

  void ReadContext(const YamlNode& element) {
    findings_.CheckKeys(element, ContextKeys().what, ContextKeys());
    ContextSpec context;
    context.where = element.where();
    if (const YamlNode* path = element.Find("path"); path != nullptr) {
      context.path = TextOf(*path, "path");
    }
    const YamlNode* git = element.Find("git");
    if (!context.path.empty()) {
      context.resolved_path = context.path;
      if (relative_to_ == PathsRelativeTo::kFile) {
        const std::string& file = context.where.file;
        const size_t slash = file.rfind('/');
        if (slash != std::string::npos) {
          context.resolved_path = base::JoinPath(file.substr(0, slash), context.path);
        }
      }
    } else if (git != nullptr) {
      if (!ReadGit(*git, &context)) return;
    } else {
      if (!result_.broken) {
        Report(element.Error("a context needs `path` (a folder) or `git`"), codes::kMissing);
      }
      return;
    }
    result_.builder.contexts.push_back(std::move(context));
  }

  // False if it is no use.
  bool ReadGit(const YamlNode& node, ContextSpec* context) {
    if (!node.is_map()) {
      Report(node.Error(
          absl::StrCat("`git` must be a map with `repository`, found ", node.Describe())));
      return false;
    }
    findings_.CheckKeys(node, GitKeys().what, GitKeys());
    GitContext& git = context->git.emplace();
    auto read = [&](const YamlNode& map, absl::string_view key, std::string* out) {
      if (const YamlNode* value = map.Find(key); value != nullptr) *out = TextOf(*value, key);
    };
    read(node, "repository", &git.repository);
    read(node, "reference", &git.reference);
    read(node, "path", &git.path);
    if (git.repository.empty()) {
      Report(node.Error("a git context needs `repository`, its URL"), codes::kMissing);
      return false;
    }
    const YamlNode* auth = node.Find("auth");
    if (auth == nullptr || auth->is_null()) return true;
    if (!auth->is_map()) {
      Report(auth->Error(
          absl::StrCat("`auth` must be a map with `credentials_id`, found ", auth->Describe())));
      return true;
    }
    findings_.CheckKeys(*auth, GitAuthKeys().what, GitAuthKeys());
    read(*auth, "credentials_id", &git.credentials_id);
    read(*auth, "username", &git.username);
    read(*auth, "password", &git.password);
    read(*auth, "private_key_file", &git.private_key_file);
    read(*auth, "private_key_password", &git.private_key_password);
    read(*auth, "git_ssh_user", &git.ssh_user);
    return true;
  }

  Renderer& renderer_;
  const PathsRelativeTo relative_to_;
  Findings& findings_;
  ReadBuilder result_;
};

}  // namespace

const std::map<std::string, std::string>& DefaultVariablesMapping() {
  static const auto& mapping = *[] {
    auto* names = new std::map<std::string, std::string>;
    for (const Key& key : MappingKeys().keys) {
      if (key.alias_of.empty()) {
        names->emplace(std::string(key.name), std::string(key.default_value));
      }
    }
    return names;
  }();
  return mapping;
}

ReadBuilder ReadBuilderNode(const YamlNode& node, const std::string& name, bool in_place,
                            Renderer* renderer, PathsRelativeTo paths_relative_to,
                            Findings* findings) {
  return Reader(renderer, paths_relative_to, findings).Read(node, name, in_place);
}

}  // namespace stevedore::graph
