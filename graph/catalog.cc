#include "graph/catalog.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/status.h"
#include "graph/catalog_content.h"
#include "graph/catalog_loader.h"
#include "graph/spelling.h"
#include "nlohmann/json.hpp"

namespace stevedore::graph {
namespace {

using Index = Catalog::Index;

constexpr size_t kShownVersions = 10;

absl::StatusOr<DefinitionFile> ReadDefinitionFile(const std::string& path) {
  ASSIGN_OR_RETURN(std::string text, base::ReadFile(path));
  return DefinitionFile{path, std::move(text)};
}

// Direct *.yaml, then *.yml children of `directory`, each group sorted.
absl::StatusOr<std::vector<DefinitionFile>> ReadDirectory(const std::string& directory) {
  const std::unique_ptr<DIR, int (*)(DIR*)> handle(opendir(directory.c_str()), closedir);
  if (handle == nullptr) return base::ErrnoStatus(errno, absl::StrCat("open ", directory));
  std::vector<std::string> yaml, yml;
  while (const dirent* entry = readdir(handle.get())) {
    const std::string name = entry->d_name;
    if (absl::EndsWith(name, ".yaml")) yaml.push_back(name);
    if (absl::EndsWith(name, ".yml")) yml.push_back(name);
  }
  std::sort(yaml.begin(), yaml.end());
  std::sort(yml.begin(), yml.end());
  yaml.insert(yaml.end(), yml.begin(), yml.end());
  std::vector<DefinitionFile> files;
  for (const std::string& name : yaml) {
    const std::string path = base::JoinPath(directory, name);
    struct stat info;
    if (stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) continue;
    ASSIGN_OR_RETURN(DefinitionFile file, ReadDefinitionFile(path));
    files.push_back(std::move(file));
  }
  if (files.empty()) {
    return absl::NotFoundError(
        absl::StrCat(directory,
                     ": no *.yaml or *.yml file in this folder (its subfolders are not "
                     "searched)"));
  }
  return files;
}

absl::StatusOr<std::vector<DefinitionFile>> ReadPath(const std::string& path, absl::string_view key,
                                                     const Configuration& configuration) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) {
    const std::string settings =
        configuration.file.empty()
            ? "no stevedore.yaml was found in this folder, ~/.config/stevedore or the home folder"
            : absl::StrCat("settings are from ", configuration.file);
    return absl::NotFoundError(absl::StrCat(path, ": there is no such file or folder, but ", key,
                                            " names it (", settings, "); create it, or set ", key,
                                            " or STEVEDORE_", absl::AsciiStrToUpper(key)));
  }
  if (S_ISDIR(info.st_mode)) return ReadDirectory(path);
  ASSIGN_OR_RETURN(DefinitionFile file, ReadDefinitionFile(path));
  return std::vector<DefinitionFile>{std::move(file)};
}

// Makes images out of wildcard definitions, on the side of a catalog that stays as it is.
class WildcardMaker {
 public:
  WildcardMaker(const Catalog::Content& content, std::vector<ImageInstance>* made)
      : content_(content),
        made_(*made),
        renderer_(content.configuration, content.options, &content.global_builders),
        findings_(content.options.lenient) {}

  absl::StatusOr<std::vector<Index>> Make(int definition_index, const std::string& version) {
    const ImageDefinition& definition = content_.definitions[definition_index];
    if (!definition.is_wildcard()) return content_.definition_instances[definition_index];
    std::vector<Index> bases;
    for (int parent : content_.definition_parents[definition_index]) {
      ASSIGN_OR_RETURN(const std::vector<Index> instances, Make(parent, version));
      bases.insert(bases.end(), instances.begin(), instances.end());
    }
    if (content_.configuration.parent_instances == ParentInstances::kFirst && bases.size() > 1) {
      std::nth_element(bases.begin(), bases.begin(), bases.end(),
                       [this](Index a, Index b) { return At(a).version < At(b).version; });
      bases.resize(1);
    }
    if (bases.empty()) bases.push_back(Catalog::kNone);
    std::vector<Index> result;
    for (Index base : bases) {
      ASSIGN_OR_RETURN(const Index index, MakeOne(definition, version, base));
      if (std::find(result.begin(), result.end(), index) != result.end()) {
        return definition.key->Error(absl::StrCat(
            "several parents give the same version for ", definition.name, ":", version,
            "; make the parent's version part of `version`, or set "
            "parent_instances: first"));
      }
      result.push_back(index);
    }
    return result;
  }

 private:
  const ImageInstance& At(Index index) const {
    const Index count = content_.instances.size();
    return index < count ? content_.instances[index] : made_[index - count];
  }

  absl::StatusOr<Index> MakeOne(const ImageDefinition& definition, const std::string& version,
                                Index base) {
    const ImageRenderer::ParentOf parent_of = [&](const ImageInstance& image) {
      return image.has_base ? &At(image.parents[0]) : nullptr;
    };
    RenderedImage rendered = renderer_.Render(
        definition, version, base == Catalog::kNone ? nullptr : &At(base), parent_of, &findings_);
    RETURN_IF_ERROR(findings_.ToStatus());
    ImageInstance& image = rendered.instance;
    const auto known = content_.instance_by_id.find(image.id);
    if (known != content_.instance_by_id.end()) return known->second;
    for (size_t i = 0; i < made_.size(); ++i) {
      if (made_[i].id == image.id) return static_cast<Index>(content_.instances.size() + i);
    }
    image.has_base = base != Catalog::kNone;
    if (image.has_base) image.parents.push_back(base);
    absl::flat_hash_map<std::string, std::string> id_by_text;
    for (const auto& [text, where] : rendered.layer_images) {
      const absl::StatusOr<Index> found = FindForLayers(content_, text);
      if (!found.ok()) {
        return ErrorAt(where, absl::StrCat("image ", image.id, " takes files of ", text, ", ",
                                           found.status().message()));
      }
      id_by_text[text] = At(*found).id;
      if (std::find(image.parents.begin(), image.parents.end(), *found) == image.parents.end()) {
        image.parents.push_back(*found);
      }
    }
    PinLayerImages(id_by_text, &image);
    made_.push_back(std::move(image));
    return static_cast<Index>(content_.instances.size() + made_.size() - 1);
  }

  const Catalog::Content& content_;
  std::vector<ImageInstance>& made_;
  ImageRenderer renderer_;
  Findings findings_;
};

}  // namespace

absl::StatusOr<Index> FindForLayers(const Catalog::Content& content,
                                    const std::string& name_and_version) {
  const auto by_id = content.instance_by_id.find(name_and_version);
  if (by_id != content.instance_by_id.end()) return by_id->second;
  const auto definition = content.definition_by_id.find(name_and_version);
  if (definition == content.definition_by_id.end()) {
    return absl::InvalidArgumentError("which is not defined");
  }
  const std::vector<Index>& instances = content.definition_instances[definition->second];
  if (instances.size() == 1) return instances[0];
  std::vector<std::string> ids;
  for (Index index : instances) ids.push_back(content.instances[index].id);
  if (ids.size() > kShownVersions) ids.resize(kShownVersions);
  return absl::InvalidArgumentError(
      ids.empty()
          ? "which stands for any version; define the version that is meant"
          : absl::StrCat("which has several instances; name one of ", absl::StrJoin(ids, ", ")));
}

void PinLayerImages(const absl::flat_hash_map<std::string, std::string>& id_by_text,
                    ImageInstance* instance) {
  const bool differs = std::any_of(id_by_text.begin(), id_by_text.end(),
                                   [](const auto& entry) { return entry.first != entry.second; });
  if (!differs) return;
  auto builder = std::make_shared<Builder>(*instance->builder);
  nlohmann::json options =
      nlohmann::json::parse(builder->options_json, nullptr, /*allow_exceptions=*/false);
  if (options.contains("layers")) {
    for (nlohmann::json& layer : options["layers"]) {
      if (!layer.is_object() || !layer.contains("image")) continue;
      const auto found = id_by_text.find(layer["image"].get<std::string>());
      if (found != id_by_text.end()) layer["image"] = found->second;
    }
  }
  if (options.contains("build_contexts")) {
    for (nlohmann::json& context : options["build_contexts"]) {
      absl::string_view text;
      if (context.is_string()) text = context.get_ref<const std::string&>();
      if (!absl::ConsumePrefix(&text, kTargetPrefix)) continue;
      const auto found = id_by_text.find(std::string(text));
      if (found != id_by_text.end()) context = absl::StrCat(kTargetPrefix, found->second);
    }
  }
  builder->options_json = options.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  instance->builder = std::move(builder);
}

absl::StatusOr<CatalogOptions> CatalogOptions::FromProcess() {
  CatalogOptions options;
  options.load_time = absl::Now();
  options.time_zone = absl::LocalTimeZone();
  if (const char* text = std::getenv("SOURCE_DATE_EPOCH"); text != nullptr && *text != '\0') {
    int64_t seconds = 0;
    if (!absl::SimpleAtoi(text, &seconds) || seconds < 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          "SOURCE_DATE_EPOCH: must be seconds since 1970, found ", base::Quoted(text)));
    }
    options.source_date_epoch = seconds;
  }
  return options;
}

namespace {

// The files that a configuration names.
struct ProjectFiles {
  std::vector<DefinitionFile> images;
  std::vector<DefinitionFile> builders;
  // What could not be read; the rest is there all the same.
  std::vector<absl::Status> problems;
};

ProjectFiles ReadProject(const Configuration& configuration) {
  ProjectFiles files;
  auto take = [&](absl::StatusOr<std::vector<DefinitionFile>> read,
                  std::vector<DefinitionFile>* out) {
    if (read.ok()) {
      *out = *std::move(read);
    } else {
      files.problems.push_back(read.status());
    }
  };
  take(ReadPath(configuration.images_path, "images_path", configuration), &files.images);
  if (configuration.builders_path == configuration.images_path) {
    files.builders = files.images;
    return files;
  }
  absl::StatusOr<std::vector<DefinitionFile>> read =
      ReadPath(configuration.builders_path, "builders_path", configuration);
  // Whoever moved only the images has builders inside them.
  const bool is_default = configuration.builders_path == Configuration().builders_path;
  if (absl::IsNotFound(read.status()) && is_default) {
    files.builders = files.images;
  } else {
    take(std::move(read), &files.builders);
  }
  return files;
}

}  // namespace

absl::StatusOr<Catalog> Catalog::Load(const Configuration& configuration,
                                      const CatalogOptions& options) {
  const ProjectFiles files = ReadProject(configuration);
  if (!files.problems.empty()) return files.problems[0];
  return Parse(files.images, files.builders, configuration, options);
}

Catalog::Inspection Catalog::Inspect(const Configuration& configuration,
                                     const CatalogOptions& options) {
  const ProjectFiles files = ReadProject(configuration);
  Inspection inspection = InspectFiles(files.images, files.builders, configuration, options);
  for (const absl::Status& problem : files.problems) {
    inspection.errors.push_back({SourceLocation{}, std::string(problem.message()),
                                 std::string(codes::kUnreadable), Severity::kError});
  }
  SortByPlace(&inspection.errors);
  return inspection;
}

Catalog::Inspection Catalog::InspectFiles(const std::vector<DefinitionFile>& images,
                                          const std::vector<DefinitionFile>& builders,
                                          const Configuration& configuration,
                                          const CatalogOptions& options) {
  CatalogLoader loader(configuration, options);
  std::unique_ptr<Content> content = loader.Inspect(images, builders);
  return Inspection{Catalog(std::move(content)), loader.findings().SortedErrors()};
}

absl::StatusOr<Catalog> Catalog::Parse(const std::vector<DefinitionFile>& images,
                                       const std::vector<DefinitionFile>& builders,
                                       const Configuration& configuration,
                                       const CatalogOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<Content> content,
                   CatalogLoader(configuration, options).Load(images, builders));
  return Catalog(std::move(content));
}

Catalog::Catalog(std::unique_ptr<Content> content) : content_(std::move(content)) {}
Catalog::Catalog(Catalog&&) noexcept = default;
Catalog& Catalog::operator=(Catalog&&) noexcept = default;
Catalog::~Catalog() = default;

const std::vector<ImageInstance>& Catalog::instances() const { return content_->instances; }
const std::vector<Index>& Catalog::roots() const { return content_->roots; }
const std::vector<Index>& Catalog::topological_order() const { return content_->topological_order; }
const std::vector<std::shared_ptr<const Builder>>& Catalog::builders() const {
  return content_->builders;
}
const std::vector<Diagnostic>& Catalog::warnings() const { return content_->warnings; }
const Configuration& Catalog::configuration() const { return content_->configuration; }
const CatalogOptions& Catalog::options() const { return content_->options; }

Index Catalog::Find(absl::string_view id) const {
  const auto found = content_->instance_by_id.find(id);
  return found == content_->instance_by_id.end() ? kNone : found->second;
}

std::vector<std::string> Catalog::wildcards() const {
  std::set<std::string> names;
  for (const ImageDefinition& definition : content_->definitions) {
    if (definition.is_wildcard()) names.insert(definition.name);
  }
  return {names.begin(), names.end()};
}

const std::vector<ImageInstance>& Catalog::wildcard_instances() const {
  return content_->wildcard_instances;
}

absl::StatusOr<std::vector<Index>> Catalog::Resolve(absl::string_view name,
                                                    absl::string_view version,
                                                    std::vector<ImageInstance>* made) const {
  if (version == kWildcard) {
    return absl::InvalidArgumentError(absl::StrCat(
        "image ", name, ": `*` is no version to build; say which one, e.g. ", name, ":1.0"));
  }
  const std::string name_text(name);
  const auto wildcard = content_->definition_by_id.find(absl::StrCat(name, ":", kWildcard));
  const bool has_wildcard = wildcard != content_->definition_by_id.end();
  const auto by_name = content_->instances_by_name.find(name_text);
  const bool has_instances = by_name != content_->instances_by_name.end();
  if (!has_instances && !has_wildcard) {
    std::set<std::string> names;
    for (const ImageDefinition& definition : content_->definitions) names.insert(definition.name);
    return absl::NotFoundError(absl::StrCat(
        "there is no image ", base::Quoted(name),
        DidYouMean(name, std::vector<std::string>(names.begin(), names.end())), "; ", names.size(),
        " images are defined in ", absl::StrJoin(content_->files, ", ")));
  }
  if (version.empty()) {
    if (has_instances) return by_name->second;
    return absl::NotFoundError(
        absl::StrCat("image ", name, " is defined for any version (`*`); say which one, e.g. ",
                     name, ":1.0 or --image-version 1.0"));
  }
  const std::string tag = absl::StrReplaceAll(version, {{"+", "_"}});
  const Index exact = Find(absl::StrCat(name, ":", tag));
  if (exact != kNone) return std::vector<Index>{exact};
  const auto by_tag = content_->instance_by_tag.find(absl::StrCat(name, ":", version));
  if (by_tag != content_->instance_by_tag.end()) return std::vector<Index>{by_tag->second};
  const auto definition = content_->definition_by_id.find(absl::StrCat(name, ":", version));
  if (definition != content_->definition_by_id.end()) {
    return content_->definition_instances[definition->second];
  }
  if (has_wildcard) {
    return WildcardMaker(*content_, made).Make(wildcard->second, std::string(version));
  }
  std::vector<std::string> versions;
  for (Index index : by_name->second) versions.push_back(content_->instances[index].version);
  const size_t count = versions.size();
  const std::string nearest = count > kShownVersions ? DidYouMean(version, versions) : "";
  if (count > kShownVersions) versions.resize(kShownVersions);
  return absl::NotFoundError(absl::StrCat("image ", name, " has no version ", base::Quoted(version),
                                          nearest, "; it has ", absl::StrJoin(versions, ", "),
                                          count > kShownVersions ? ", ..." : ""));
}

}  // namespace stevedore::graph
