#include "cli/listings.h"

#include <algorithm>
#include <initializer_list>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "base/secret.h"
#include "base/status.h"
#include "cli/structured_output.h"
#include "cli/text.h"
#include "graph/image_instance.h"
#include "graph/resolved_image.h"
#include "oci/image/reference.h"

namespace stevedore::cli {
namespace {

using graph::Builder;
using graph::Catalog;
using graph::ImageInstance;
using Json = nlohmann::ordered_json;
using Filters = std::map<std::string, std::string>;

absl::Status CheckAttributes(const Filters& filters,
                             std::initializer_list<absl::string_view> known) {
  for (const auto& [name, value] : filters) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    return absl::InvalidArgumentError(absl::StrCat("--filter ", base::Quoted(name),
                                                   ": there is no such attribute; there are ",
                                                   absl::StrJoin(known, ", ")));
  }
  return absl::OkStatus();
}

// True if every filter has the value that `attributes` has.
bool Matches(const Filters& filters, const Filters& attributes) {
  return std::all_of(filters.begin(), filters.end(), [&](const auto& filter) {
    const auto found = attributes.find(filter.first);
    return found != attributes.end() && found->second == filter.second;
  });
}

std::string Format(const Json& json, const std::string& output) {
  return output == "yaml" ? ToYamlText(json) : ToJsonText(json);
}

std::string BuilderName(const ImageInstance& image) {
  if (!image.has_builder()) return "-";
  return image.builder->in_place ? "<in-line>" : image.builder->name;
}

// Lists images in every format.
class ImageList {
 public:
  ImageList(const Catalog& catalog, const ImageListOptions& options)
      : catalog_(catalog), options_(options) {}

  absl::StatusOr<std::string> Print() {
    if (options_.tree) return Tree();
    for (const ImageInstance& image : catalog_.instances()) RETURN_IF_ERROR(Add(image));
    for (const ImageInstance& image : catalog_.wildcard_instances()) RETURN_IF_ERROR(Add(image));
    if (options_.output == "names") {
      for (const std::string& name : names_) absl::StrAppend(&text_, name, "\n");
      return std::move(text_);
    }
    if (options_.output != "table") return Format(json_, options_.output);
    std::sort(rows_.begin(), rows_.end());
    return FormatTable({"NAME", "VERSION", "BUILDER", "IMAGE FULL NAME", "PARENT"}, rows_);
  }

 private:
  const ImageInstance& At(Catalog::Index index) const {
    const Catalog::Index count = catalog_.instances().size();
    return index < count ? catalog_.instances()[index]
                         : catalog_.wildcard_instances()[index - count];
  }

  absl::StatusOr<std::string> ReferenceOf(const ImageInstance& image) const {
    // `*` stands for a version and is none.
    if (!options_.normalized_names || image.definition_version == "*") return image.Reference();
    ASSIGN_OR_RETURN(const oci::Reference reference, oci::Reference::Parse(image.Reference()),
                     image.where.ToString(), ": --use-docker-normalized-name: image ", image.id);
    return reference.Canonical();
  }

  absl::Status Add(const ImageInstance& image) {
    const Filters attributes = {{"name", image.name},
                                {"version", image.version},
                                {"registry", image.registry},
                                {"namespace", image.name_space},
                                {"builder", BuilderName(image)}};
    if (!Matches(options_.filters, attributes)) return absl::OkStatus();
    names_.insert(image.definition_name);
    ASSIGN_OR_RETURN(const std::string reference, ReferenceOf(image));
    Json parents = Json::array();
    std::vector<std::string> parent_references;
    for (const Catalog::Index index : image.parents) {
      const ImageInstance& parent = At(index);
      parents.push_back(parent.id);
      ASSIGN_OR_RETURN(std::string text, ReferenceOf(parent));
      parent_references.push_back(std::move(text));
    }
    rows_.push_back({image.name, image.version, BuilderName(image), reference,
                     parents.empty() ? "-" : absl::StrJoin(parent_references, ",")});
    json_.push_back({{"id", image.id},
                     {"name", image.name},
                     {"version", image.version},
                     {"builder", image.has_builder() ? Json(image.builder->name) : Json()},
                     {"reference", reference},
                     {"tags", image.tags},
                     {"platforms", image.platforms},
                     {"parents", std::move(parents)},
                     {"defined_at", image.where.ToString()}});
    return absl::OkStatus();
  }

  // Roots, and below each what builds on it; definitions for any version are part of it.
  absl::StatusOr<std::string> Tree() {
    std::vector<Catalog::Index> roots = catalog_.roots();
    const Catalog::Index count = catalog_.instances().size();
    for (size_t i = 0; i < catalog_.wildcard_instances().size(); ++i) {
      const ImageInstance& image = catalog_.wildcard_instances()[i];
      const Catalog::Index index = count + i;
      if (image.parents.empty()) roots.push_back(index);
      for (const Catalog::Index parent : image.parents) wildcard_children_[parent].push_back(index);
    }
    SortByName(roots);
    for (const Catalog::Index root : roots) RETURN_IF_ERROR(AddToTree(root, 0));
    return std::move(text_);
  }

  void SortByName(std::vector<Catalog::Index>& indices) const {
    std::sort(indices.begin(), indices.end(), [this](Catalog::Index a, Catalog::Index b) {
      return std::tie(At(a).definition_name, At(a).version, a) <
             std::tie(At(b).definition_name, At(b).version, b);
    });
  }

  // An image with several parents stands below each, its descendants only once: the second time
  // `...` stands for them, or a graph of diamonds would print for ever.
  absl::Status AddToTree(Catalog::Index index, int depth) {
    const ImageInstance& image = At(index);
    ASSIGN_OR_RETURN(const std::string reference, ReferenceOf(image));
    for (int i = 0; i < depth; ++i) absl::StrAppend(&text_, "│  ");
    std::vector<Catalog::Index> children = image.children;
    if (const auto more = wildcard_children_.find(index); more != wildcard_children_.end()) {
      children.insert(children.end(), more->second.begin(), more->second.end());
      SortByName(children);
    }
    const bool repeated = !printed_.insert(index).second && !children.empty();
    absl::StrAppend(&text_, "├─── ", reference, repeated ? " ..." : "", "\n");
    if (repeated) return absl::OkStatus();
    for (const Catalog::Index child : children) RETURN_IF_ERROR(AddToTree(child, depth + 1));
    return absl::OkStatus();
  }

  const Catalog& catalog_;
  const ImageListOptions& options_;
  std::vector<std::vector<std::string>> rows_;
  Json json_ = Json::array();
  std::set<std::string> names_;
  std::set<Catalog::Index> printed_;
  std::map<Catalog::Index, std::vector<Catalog::Index>> wildcard_children_;
  std::string text_;
};

Json ContextJson(const graph::ContextSpec& context) {
  if (!context.git.has_value()) return {{"path", context.path}};
  const graph::GitContext& git = *context.git;
  Json json = {{"repository", graph::ShownRepository(git.repository)}};
  if (!git.reference.empty()) json["reference"] = git.reference;
  if (!git.path.empty()) json["path"] = git.path;
  if (!git.credentials_id.empty()) json["auth"] = {{"credentials_id", git.credentials_id}};
  return {{"git", std::move(json)}};
}

Json BuilderJson(const Builder& builder) {
  Json json = {{"name", builder.name}, {"driver", builder.driver}, {"in_line", builder.in_place}};
  json["options"] = Json::parse(builder.options_json, nullptr, /*allow_exceptions=*/false);
  json["contexts"] = Json::array();
  for (const graph::ContextSpec& context : builder.contexts) {
    json["contexts"].push_back(ContextJson(context));
  }
  json["variables_mapping"] = builder.variables_mapping;
  json["defined_at"] = builder.where.ToString();
  return json;
}

Json ConfigurationJson(const graph::Configuration& configuration, bool show_secrets) {
  Json json;
  if (!configuration.file.empty()) json["file"] = configuration.file;
  json["builders_path"] = configuration.builders_path;
  json["concurrency"] = configuration.concurrency;
  json["semantic_version_tags_enabled"] = configuration.semantic_version_tags_enabled;
  json["images_path"] = configuration.images_path;
  if (!configuration.log_path.empty()) json["log_path"] = configuration.log_path;
  json["push_images"] = configuration.push_images;
  json["semantic_version_tags_templates"] = configuration.semantic_version_tags_templates;
  json["semantic_version_strict"] = configuration.semantic_version_strict;
  json["parent_instances"] =
      configuration.parent_instances == graph::ParentInstances::kAll ? "all" : "first";
  json["paths_relative_to"] = configuration.paths_relative_to == graph::PathsRelativeTo::kFile
                                  ? "file"
                                  : "working_directory";
  Json& credentials = json["credentials"];
  credentials["storage_type"] = configuration.credentials_storage_type;
  credentials["format"] = configuration.credentials_format;
  if (configuration.credentials_storage_type == "local") {
    credentials["local_storage_path"] = configuration.credentials_local_storage_path;
  }
  const base::Secret& key = configuration.credentials_encryption_key;
  if (!key.empty()) credentials["encryption_key"] = show_secrets ? key.Reveal() : "********";
  for (const auto& [name, registry] : configuration.registries) {
    Json& shown = json["registries"][name];
    shown = Json::object();
    if (!registry.mirrors.empty()) shown["mirrors"] = registry.mirrors;
    if (!registry.ca_file.empty()) shown["ca_file"] = registry.ca_file;
    if (!registry.client_certificate_file.empty()) {
      shown["client_certificate_file"] = registry.client_certificate_file;
      shown["client_key_file"] = registry.client_key_file;
    }
    if (registry.insecure) shown["insecure"] = true;
    if (registry.blocked) shown["blocked"] = true;
    if (!registry.token_hosts.empty()) shown["token_hosts"] = registry.token_hosts;
  }
  return json;
}

}  // namespace

absl::Status CheckImageFilters(const Filters& filters) {
  return CheckAttributes(filters, {"name", "version", "registry", "namespace", "builder"});
}

absl::Status CheckBuilderFilters(const Filters& filters) {
  return CheckAttributes(filters, {"name", "driver"});
}

absl::StatusOr<std::string> ListImages(const Catalog& catalog, const ImageListOptions& options) {
  return ImageList(catalog, options).Print();
}

std::string ListBuilders(const Catalog& catalog, const Filters& filters,
                         const std::string& output) {
  Json json = Json::array();
  std::vector<std::vector<std::string>> rows;
  for (const std::shared_ptr<const Builder>& builder : catalog.builders()) {
    if (!Matches(filters, {{"name", builder->name}, {"driver", builder->driver}})) continue;
    rows.push_back({builder->name, builder->driver});
    if (output != "table") json.push_back(BuilderJson(*builder));
  }
  return output == "table" ? FormatTable({"NAME", "DRIVER"}, rows) : Format(json, output);
}

std::string ListConfiguration(const graph::Configuration& configuration, const std::string& output,
                              bool show_secrets) {
  const Json json = ConfigurationJson(configuration, show_secrets);
  if (output != "table") return Format(json, output);
  std::vector<std::vector<std::string>> rows;
  for (const auto& [key, value] : json.items()) {
    if (value.is_array()) {
      for (const Json& item : value) rows.push_back({key, item.get<std::string>()});
    } else if (value.is_object()) {
      for (const auto& [inner, text] : value.items()) {
        rows.push_back({absl::StrCat(key, ".", inner), text.get<std::string>()});
      }
    } else {
      rows.push_back({key, value.is_string() ? value.get<std::string>() : value.dump()});
    }
  }
  return FormatTable({"KEY", "VALUE"}, rows);
}

}  // namespace stevedore::cli
