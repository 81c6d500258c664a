#include "graph/builder_reader.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
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

  absl::StatusOr<ReadBuilder> Read(const YamlNode& node, const std::string& name, bool in_place) {
    ReadBuilder result;
    Builder& builder = result.builder;
    builder.name = name;
    builder.in_place = in_place;
    builder.where = node.where();
    builder.variables_mapping = DefaultVariablesMapping();
    const std::string what = absl::StrCat("builder ", name);
    if (!node.is_map()) {
      return node.Error(absl::StrCat(what, " must be a map with `driver` and `options`, found ",
                                     node.Describe()));
    }
    if (const YamlNode* context = node.Find("context"); context != nullptr) {
      return context->Error(
          "`context` must be inside `options` of the builder; indent it below "
          "`options:`");
    }
    findings_.CheckKeys(node, what, BuilderKeys());
    if (const YamlNode* field = node.Find("name"); field != nullptr && field->is_scalar()) {
      ASSIGN_OR_RETURN(builder.name, TextOf(*field, "name"));
    }
    RETURN_IF_ERROR(ReadDriver(node, what, &builder));
    if (const YamlNode* mapping = node.Find("variables_mapping"); mapping != nullptr) {
      RETURN_IF_ERROR(ReadMapping(*mapping, &builder));
    }
    const YamlNode* options = node.Find("options");
    if (options != nullptr && !options->is_null()) {
      RETURN_IF_ERROR(ReadOptions(*options, &result));
    }
    if (FindDriver(builder.driver)->needs_context && builder.contexts.empty()) {
      return node.Error(absl::StrCat(
          what, ": driver ", builder.driver,
          " needs a context with the Dockerfile; add `context: [{path: FOLDER}]` to `options`"));
    }
    return result;
  }

 private:
  absl::StatusOr<std::string> TextOf(const YamlNode& node, absl::string_view what) {
    if (node.is_null()) return "";
    if (!node.is_scalar()) {
      return node.Error(absl::StrCat("`", what, "` must be a text, found ", node.Describe()));
    }
    ASSIGN_OR_RETURN(TemplateOutput output, renderer_.Text(node));
    return std::move(output.text);
  }

  absl::Status ReadDriver(const YamlNode& node, absl::string_view what, Builder* builder) {
    const YamlNode* driver = node.Find("driver");
    if (driver == nullptr || driver->is_null()) {
      return node.Error(absl::StrCat(what, " has no `driver`; drivers are ", DriverNames()));
    }
    ASSIGN_OR_RETURN(builder->driver, TextOf(*driver, "driver"));
    if (FindDriver(builder->driver) == nullptr) {
      return driver->Error(UnknownDriver(builder->driver));
    }
    return absl::OkStatus();
  }

  absl::Status ReadMapping(const YamlNode& node, Builder* builder) {
    if (node.is_null()) return absl::OkStatus();
    if (!node.is_map()) {
      return node.Error(absl::StrCat("`variables_mapping` must be a map, found ", node.Describe()));
    }
    findings_.CheckKeys(node, MappingKeys().what, MappingKeys());
    for (const auto& [key, value] : node.entries()) {
      const Key* known = MappingKeys().Find(key->text());
      if (known == nullptr) continue;
      const absl::string_view name = known->alias_of.empty() ? known->name : known->alias_of;
      ASSIGN_OR_RETURN(builder->variables_mapping[std::string(name)], TextOf(*value, key->text()));
    }
    return absl::OkStatus();
  }

  absl::Status ReadOptions(const YamlNode& node, ReadBuilder* result) {
    if (!node.is_map()) {
      return node.Error(absl::StrCat("`options` must be a map, found ", node.Describe()));
    }
    if (const YamlNode* mapping = node.Find("variables_mapping"); mapping != nullptr) {
      return mapping->Error(
          "`variables_mapping` must be beside `options`, not inside; indent it "
          "like `options:`");
    }
    if (const YamlNode* context = node.Find("context"); context != nullptr) {
      RETURN_IF_ERROR(ReadContexts(*context, &result->builder));
    }
    ASSIGN_OR_RETURN(nlohmann::json json, renderer_.Json(node));
    json.erase("context");
    for (const auto& [key, value] : node.entries()) {
      if (absl::StartsWith(key->text(), "x-")) json.erase(key->text());
    }
    Builder& builder = result->builder;
    if (builder.driver == "assemble") {
      nlohmann::json& layers = json["layers"];
      if (layers.is_null()) {
        json.erase("layers");
      } else if (layers.is_array()) {
        NormaliseLayers(layers);
      }
    }
    builder.options_json = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    if (builder.driver == "assemble") return CheckAssemble(node, result);
    const DriverDescription* driver = FindDriver(builder.driver);
    if (driver == nullptr || driver->check == nullptr) return absl::OkStatus();
    const absl::Status status = driver->check(builder.options_json);
    return status.ok() ? status : At(node, status);
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

  absl::Status CheckAssemble(const YamlNode& node, ReadBuilder* result) {
    absl::StatusOr<AssembleOptions> options = AssembleOptions::Parse(result->builder.options_json);
    if (!options.ok()) return At(node, options.status());
    const YamlNode* layers = node.Find("layers");
    for (size_t i = 0; i < options->layers.size(); ++i) {
      const AssembleLayer& layer = options->layers[i];
      const YamlNode& place = *layers->items()[i];
      if (layer.kind == AssembleLayer::Kind::kImage) {
        result->layer_images.push_back({layer.image, place.where()});
      } else if (result->builder.contexts.empty()) {
        return place.Error(
            "this layer takes files from the context, but there is no `context`; add "
            "`context: [{path: FOLDER}]` to `options`");
      }
    }
    return absl::OkStatus();
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

  absl::Status ReadContexts(const YamlNode& node, Builder* builder) {
    std::vector<const YamlNode*> elements = {&node};
    if (node.is_list()) elements = node.items();
    for (const YamlNode* element : elements) {
      if (!element->is_map()) {
        return element->Error(absl::StrCat("a context must be a map with `path` or `git`, found ",
                                           element->Describe(), "; write `- path: FOLDER`"));
      }
      findings_.CheckKeys(*element, ContextKeys().what, ContextKeys());
      ContextSpec context;
      context.where = element->where();
      if (const YamlNode* path = element->Find("path"); path != nullptr) {
        ASSIGN_OR_RETURN(context.path, TextOf(*path, "path"));
      }
      const YamlNode* git = element->Find("git");
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
        RETURN_IF_ERROR(ReadGit(*git, &context));
      } else {
        return element->Error("a context needs `path` (a folder) or `git`");
      }
      builder->contexts.push_back(std::move(context));
    }
    return absl::OkStatus();
  }

  absl::Status ReadGit(const YamlNode& node, ContextSpec* context) {
    if (!node.is_map()) {
      return node.Error(
          absl::StrCat("`git` must be a map with `repository`, found ", node.Describe()));
    }
    findings_.CheckKeys(node, GitKeys().what, GitKeys());
    GitContext& git = context->git.emplace();
    auto read = [&](const YamlNode& map, absl::string_view key, std::string* out) -> absl::Status {
      if (const YamlNode* value = map.Find(key); value != nullptr) {
        ASSIGN_OR_RETURN(*out, TextOf(*value, key));
      }
      return absl::OkStatus();
    };
    RETURN_IF_ERROR(read(node, "repository", &git.repository));
    RETURN_IF_ERROR(read(node, "reference", &git.reference));
    RETURN_IF_ERROR(read(node, "path", &git.path));
    if (git.repository.empty()) return node.Error("a git context needs `repository`, its URL");
    const YamlNode* auth = node.Find("auth");
    if (auth == nullptr || auth->is_null()) return absl::OkStatus();
    if (!auth->is_map()) return auth->Error("`auth` must be a map with `credentials_id`");
    findings_.CheckKeys(*auth, GitAuthKeys().what, GitAuthKeys());
    RETURN_IF_ERROR(read(*auth, "credentials_id", &git.credentials_id));
    RETURN_IF_ERROR(read(*auth, "username", &git.username));
    RETURN_IF_ERROR(read(*auth, "password", &git.password));
    RETURN_IF_ERROR(read(*auth, "private_key_file", &git.private_key_file));
    RETURN_IF_ERROR(read(*auth, "private_key_password", &git.private_key_password));
    return read(*auth, "git_ssh_user", &git.ssh_user);
  }

  Renderer& renderer_;
  const PathsRelativeTo relative_to_;
  Findings& findings_;
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

absl::StatusOr<ReadBuilder> ReadBuilderNode(const YamlNode& node, const std::string& name,
                                            bool in_place, Renderer* renderer,
                                            PathsRelativeTo paths_relative_to, Findings* findings) {
  return Reader(renderer, paths_relative_to, findings).Read(node, name, in_place);
}

}  // namespace stevedore::graph
