#include "graph/catalog_loader.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "graph/spelling.h"

namespace stevedore::graph {
namespace {

using Index = Catalog::Index;

// Searching for a near name costs a walk over all names.
constexpr int kMaxSuggestions = 20;
constexpr size_t kShownVersions = 8;
// What a template that cannot cope with `*` is tried on.
constexpr char kSampleVersion[] = "1.2.3";

std::string PlaceOf(const ImageDefinition& definition) {
  return definition.key->where().ToString();
}

// Where `child` names `parent`; null if only the parent names the child.
const DefinitionLink* LinkTo(const ImageDefinition& child, const ImageDefinition& parent) {
  for (const DefinitionLink& link : child.parents) {
    if (link.name == parent.name && link.version == parent.version) return &link;
  }
  return nullptr;
}

const ImageInstance* BaseOf(const std::vector<ImageInstance>& instances,
                            const ImageInstance& image) {
  return image.has_base ? &instances[image.parents[0]] : nullptr;
}

}  // namespace

CatalogLoader::CatalogLoader(const Configuration& configuration, const CatalogOptions& options)
    : content_(std::make_unique<Catalog::Content>()),
      findings_(options.lenient, options.shown_errors) {
  content_->configuration = configuration;
  content_->options = options;
}

absl::StatusOr<std::unique_ptr<Catalog::Content>> CatalogLoader::Load(
    const std::vector<DefinitionFile>& images, const std::vector<DefinitionFile>& builders) {
  std::unique_ptr<Catalog::Content> content = Inspect(images, builders);
  RETURN_IF_ERROR(findings_.ToStatus());
  return content;
}

std::unique_ptr<Catalog::Content> CatalogLoader::Inspect(
    const std::vector<DefinitionFile>& images, const std::vector<DefinitionFile>& builders) {
  ReadFiles(images, builders);
  IndexDefinitions();
  LinkDefinitions();
  const std::vector<int> order = OrderDefinitions();
  for (int definition : order) RenderDefinition(definition);
  SortInstances();
  LinkLayers();
  OrderInstances();
  IndexInstances();
  WarnAboutHiddenDefinitions();
  RenderWildcards(order);
  SortBuilders();
  content_->warnings = findings_.warnings();
  return std::move(content_);
}

void CatalogLoader::ReadFiles(const std::vector<DefinitionFile>& images,
                              const std::vector<DefinitionFile>& builders) {
  absl::flat_hash_map<std::string, const YamlDocument*> parsed;
  auto document_of = [&](const DefinitionFile& file) -> const YamlDocument* {
    const auto [entry, is_new] = parsed.try_emplace(file.path, nullptr);
    if (!is_new) return entry->second;
    absl::StatusOr<std::unique_ptr<YamlDocument>> document =
        YamlDocument::Parse(file.path, file.text);
    content_->files.push_back(file.path);
    if (!document.ok()) {
      findings_.Error(document.status(), codes::kNotYaml);
      return nullptr;
    }
    content_->documents.push_back(*std::move(document));
    return entry->second = content_->documents.back().get();
  };
  for (const DefinitionFile& file : builders) {
    if (const YamlDocument* document = document_of(file)) ReadBuilders(*document);
  }
  for (const DefinitionFile& file : images) {
    if (const YamlDocument* document = document_of(file)) {
      ReadImageDefinitions(*document, &findings_, &content_->definitions);
    }
  }
}

void CatalogLoader::ReadBuilders(const YamlDocument& document) {
  const YamlNode* root = document.root();
  if (root == nullptr || !findings_.IsMap(*root, "a definitions file")) return;
  const YamlNode* builders = root->Find("builders");
  if (builders == nullptr || !findings_.IsMap(*builders, "`builders`")) return;
  auto no_data = [] { return TemplateValue::Nil(); };
  Renderer renderer(/*cache=*/nullptr, no_data);
  for (const auto& [key, body] : builders->entries()) {
    if (body->is_null()) {
      findings_.Error(key->where(),
                      absl::StrCat("builder ", base::Quoted(key->text()),
                                   " is empty; give it a `driver`, or remove it"),
                      codes::kMissing);
      broken_builders_.insert(key->text());
      continue;
    }
    ReadBuilder read = ReadBuilderNode(*body, key->text(), /*in_place=*/false, &renderer,
                                       content_->configuration.paths_relative_to, &findings_);
    if (read.broken) {
      broken_builders_.insert(read.builder.name);
      broken_builders_.insert(key->text());
    }
    read.builder.where = key->where();
    auto shared = std::make_shared<const ReadBuilder>(std::move(read));
    const auto [first, is_new] =
        content_->global_builders.try_emplace(shared->builder.name, shared);
    if (!is_new) {
      findings_.Error(
          key->where(),
          absl::StrCat("builder ", base::Quoted(shared->builder.name), " is defined already at ",
                       first->second->builder.where.ToString(), "; rename one of them"),
          codes::kDefinedTwice);
      continue;
    }
    content_->builders.push_back(std::shared_ptr<const Builder>(shared, &shared->builder));
  }
}

void CatalogLoader::IndexDefinitions() {
  std::vector<ImageDefinition>& definitions = content_->definitions;
  size_t kept = 0;
  for (size_t i = 0; i < definitions.size(); ++i) {
    const auto [first, is_new] = content_->definition_by_id.try_emplace(definitions[i].id(), kept);
    if (is_new) {
      if (kept != i) definitions[kept] = std::move(definitions[i]);
      ++kept;
      continue;
    }
    findings_.Error(definitions[i].key->where(),
                    absl::StrCat("image ", definitions[i].id(), " is defined already at ",
                                 PlaceOf(definitions[first->second]),
                                 "; remove one of the two or give it another version"),
                    codes::kDefinedTwice);
  }
  definitions.resize(kept);
}

std::string CatalogLoader::Suggestion(const std::string& name, const std::string& version) {
  std::vector<std::string> versions;
  for (const ImageDefinition& definition : content_->definitions) {
    if (definition.name == name) versions.push_back(definition.version);
  }
  if (!versions.empty()) {
    std::sort(versions.begin(), versions.end());
    const size_t count = versions.size();
    const std::string nearest = count > kShownVersions ? DidYouMean(version, versions) : "";
    if (count > kShownVersions) versions.resize(kShownVersions);
    return absl::StrCat(nearest, "; ", name, " has ", count == 1 ? "version " : "versions ",
                        absl::StrJoin(versions, ", "), count > kShownVersions ? ", ..." : "");
  }
  std::set<std::string> names;
  for (const ImageDefinition& definition : content_->definitions) names.insert(definition.name);
  return DidYouMean(name, std::vector<std::string>(names.begin(), names.end()));
}

int CatalogLoader::FindLinked(const DefinitionLink& link, const std::string& says) {
  const auto found = content_->definition_by_id.find(absl::StrCat(link.name, ":", link.version));
  if (found != content_->definition_by_id.end()) return found->second;
  const bool may_search = suggestions_++ < kMaxSuggestions;
  findings_.Error(link.node->where(),
                  absl::StrCat(says, " ", link.name, ":", link.version, ", which is not defined",
                               may_search ? Suggestion(link.name, link.version) : "",
                               "; add it to the image definitions or correct the name"),
                  codes::kUndefined);
  return -1;
}

void CatalogLoader::LinkDefinitions() {
  Catalog::Content& content = *content_;
  content.definition_parents.resize(content.definitions.size());
  auto add = [&](int child, int parent) {
    std::vector<int>& parents = content.definition_parents[child];
    if (std::find(parents.begin(), parents.end(), parent) == parents.end()) {
      parents.push_back(parent);
    }
  };
  for (size_t i = 0; i < content.definitions.size(); ++i) {
    const ImageDefinition& definition = content.definitions[i];
    for (const DefinitionLink& link : definition.parents) {
      const int parent = FindLinked(link, absl::StrCat("image ", definition.id(), " builds on"));
      if (parent >= 0) {
        add(i, parent);
      } else {
        missing_parents_[i].push_back(&link);
      }
    }
    for (const DefinitionLink& link : definition.children) {
      const int child = FindLinked(link, absl::StrCat("image ", definition.id(), " has the child"));
      if (child >= 0) add(child, i);
    }
  }
  for (size_t i = 0; i < content.definitions.size(); ++i) CheckWildcards(i);
}

void CatalogLoader::CheckWildcards(int index) {
  const ImageDefinition& definition = content_->definitions[index];
  const std::vector<int>& parents = content_->definition_parents[index];
  if (definition.is_wildcard() && parents.size() > 1) {
    findings_.Error(definition.key->where(),
                    absl::StrCat("image ", definition.id(), " stands for any version and has ",
                                 parents.size(), " parents; it can have one"),
                    codes::kWildcard);
  }
  if (definition.is_wildcard()) return;
  for (int parent : parents) {
    if (!content_->definitions[parent].is_wildcard()) continue;
    findings_.Error(
        definition.key->where(),
        absl::StrCat(
            "image ", definition.id(), " builds on ", content_->definitions[parent].id(),
            ", which stands for any version; name the version that it builds on and define "
            "it, or make this a `*` too"),
        codes::kWildcard);
  }
}

std::vector<int> CatalogLoader::OrderDefinitions() {
  const std::vector<ImageDefinition>& definitions = content_->definitions;
  for (;;) {
    std::vector<int> circle;
    absl::StatusOr<Plan> plan = Plan::Create(content_->definition_parents, [&](Plan::Index i) {
      circle.push_back(i);
      return absl::StrCat(definitions[i].id(), " (", PlaceOf(definitions[i]), ")");
    });
    if (plan.ok()) return plan->topological_order();
    findings_.Error(base::Annotate(plan.status(), PlaceOf(definitions[circle[0]])), codes::kCircle);
    // On without one edge of the circle, so that others show.
    std::vector<int>& parents = content_->definition_parents[circle[0]];
    const int parent = circle.size() > 1 ? circle[1] : circle[0];
    const DefinitionLink* link = LinkTo(definitions[circle[0]], definitions[parent]);
    if (link != nullptr) missing_parents_[circle[0]].push_back(link);
    parents.erase(std::remove(parents.begin(), parents.end(), parent), parents.end());
  }
}

void CatalogLoader::RenderDefinition(int index) {
  Catalog::Content& content = *content_;
  content.definition_instances.resize(content.definitions.size());
  const ImageDefinition& definition = content.definitions[index];
  if (definition.is_wildcard()) return;
  std::vector<Index> bases;
  for (int parent : content.definition_parents[index]) {
    std::vector<Index> instances = content.definition_instances[parent];
    if (content.configuration.parent_instances == ParentInstances::kFirst && instances.size() > 1) {
      std::nth_element(instances.begin(), instances.begin(), instances.end(),
                       [&](Index a, Index b) {
                         return content.instances[a].version < content.instances[b].version;
                       });
      instances.resize(1);
    }
    bases.insert(bases.end(), instances.begin(), instances.end());
  }
  for (Index base : bases) RenderInstance(index, base, nullptr);
  if (const auto missing = missing_parents_.find(index); missing != missing_parents_.end()) {
    for (const DefinitionLink* link : missing->second) {
      RenderInstance(index, Catalog::kNone, &StandIn(link->name, link->version));
    }
  } else if (content.definition_parents[index].empty()) {
    RenderInstance(index, Catalog::kNone, nullptr);
  } else if (bases.empty()) {
    // On a wildcard, or on something that clashes with another image: reported.
    const ImageDefinition& parent = content.definitions[content.definition_parents[index][0]];
    RenderInstance(index, Catalog::kNone, &StandIn(parent.name, parent.version));
  }
}

const ImageInstance& CatalogLoader::StandIn(const std::string& name, const std::string& version) {
  ImageInstance& image = stand_ins_.emplace_back();
  image.definition_name = image.name = name;
  image.definition_version = image.version = version;
  image.id = absl::StrCat(name, ":", version);
  return image;
}

ImageRenderer& CatalogLoader::RendererOfAll() {
  if (renderer_ == nullptr) {
    renderer_ = std::make_unique<ImageRenderer>(content_->configuration, content_->options,
                                                &content_->global_builders);
    renderer_->set_broken_builders(&broken_builders_);
  }
  return *renderer_;
}

void CatalogLoader::RenderInstance(int index, Index base, const ImageInstance* stand_in) {
  Catalog::Content& content = *content_;
  const ImageDefinition& definition = content.definitions[index];
  const ImageRenderer::ParentOf parent_of = [&](const ImageInstance& image) {
    return BaseOf(content.instances, image);
  };
  RenderedImage rendered = RendererOfAll().Render(
      definition, definition.version, base == Catalog::kNone ? stand_in : &content.instances[base],
      parent_of, &findings_);
  ImageInstance& image = rendered.instance;
  const bool broken =
      rendered.broken || stand_in != nullptr ||
      (base != Catalog::kNone && broken_images_.count(content.instances[base].id) > 0);
  image.has_base = base != Catalog::kNone;
  if (image.has_base) image.parents.push_back(base);
  const Index number = content.instances.size();
  const auto [first, is_new] = content.instance_by_id.try_emplace(image.id, number);
  if (!is_new) {
    // What was reported may be all there is to the clash.
    if (!broken && broken_images_.count(image.id) == 0) {
      ReportConflict(content.instances[first->second], image);
    }
    return;
  }
  if (broken) broken_images_.insert(image.id);
  content.definition_instances[index].push_back(number);
  content.instances.push_back(std::move(image));
  layer_images_.push_back(std::move(rendered.layer_images));
}

void CatalogLoader::ReportConflict(const ImageInstance& first, const ImageInstance& second) {
  const bool same = first.where == second.where;
  findings_.Error(
      second.where,
      same ? absl::StrCat("image ", second.definition_name, ":", second.definition_version,
                          " has several parents, and for two of them its version is ",
                          second.version,
                          "; make the difference part of it, e.g. version: \"{{ .Version }}-{{ "
                          ".Parent.Version }}\"")
           : absl::StrCat("image ", second.definition_name, ":", second.definition_version,
                          " becomes version ", second.version, ", as does ", first.definition_name,
                          ":", first.definition_version, " at ", first.where.ToString(),
                          "; change `version` of one of them"),
      codes::kClash);
}

void CatalogLoader::SortInstances() {
  Catalog::Content& content = *content_;
  std::vector<Index> order(content.instances.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](Index a, Index b) {
    const ImageInstance& x = content.instances[a];
    const ImageInstance& y = content.instances[b];
    return std::tie(x.definition_name, x.version, x.id) <
           std::tie(y.definition_name, y.version, y.id);
  });
  std::vector<Index> number(order.size());
  for (size_t i = 0; i < order.size(); ++i) number[order[i]] = i;
  std::vector<ImageInstance> sorted;
  decltype(layer_images_) sorted_layers;
  sorted.reserve(order.size());
  sorted_layers.reserve(order.size());
  for (Index old : order) {
    sorted.push_back(std::move(content.instances[old]));
    sorted_layers.push_back(std::move(layer_images_[old]));
    for (Index& parent : sorted.back().parents) parent = number[parent];
  }
  content.instances = std::move(sorted);
  layer_images_ = std::move(sorted_layers);
  for (auto& [id, index] : content.instance_by_id) index = number[index];
  for (std::vector<Index>& list : content.definition_instances) {
    for (Index& index : list) index = number[index];
    std::sort(list.begin(), list.end());
  }
}

void CatalogLoader::LinkLayers() {
  Catalog::Content& content = *content_;
  for (size_t i = 0; i < content.instances.size(); ++i) {
    ImageInstance& image = content.instances[i];
    absl::flat_hash_map<std::string, std::string> id_by_text;
    for (const auto& [text, where] : layer_images_[i]) {
      const absl::StatusOr<Index> found = FindForLayers(content, text);
      if (!found.ok()) {
        const std::vector<std::string> parts = absl::StrSplit(text, absl::MaxSplits(':', 1));
        const bool may_search = suggestions_++ < kMaxSuggestions;
        findings_.Error(where,
                        absl::StrCat("image ", image.id, " takes files of ", text, ", ",
                                     found.status().message(),
                                     may_search ? Suggestion(parts[0], parts[1]) : ""),
                        codes::kUndefined);
        continue;
      }
      id_by_text[text] = content.instances[*found].id;
      if (std::find(image.parents.begin(), image.parents.end(), *found) == image.parents.end()) {
        image.parents.push_back(*found);
      }
    }
    PinLayerImages(id_by_text, &image);
  }
}

void CatalogLoader::OrderInstances() {
  Catalog::Content& content = *content_;
  for (;;) {
    std::vector<std::vector<Plan::Index>> parents;
    parents.reserve(content.instances.size());
    for (const ImageInstance& image : content.instances) parents.push_back(image.parents);
    std::vector<Index> circle;
    absl::StatusOr<Plan> plan = Plan::Create(parents, [&](Plan::Index i) {
      circle.push_back(i);
      return absl::StrCat(content.instances[i].id, " (", content.instances[i].where.ToString(),
                          ")");
    });
    if (plan.ok()) return TakeOrder(*plan);
    findings_.Error(base::Annotate(plan.status(), content.instances[circle[0]].where.ToString()),
                    codes::kCircle);
    std::vector<Index>& ours = content.instances[circle[0]].parents;
    const Index parent = circle.size() > 1 ? circle[1] : circle[0];
    ours.erase(std::remove(ours.begin(), ours.end(), parent), ours.end());
  }
}

void CatalogLoader::TakeOrder(const Plan& plan) {
  Catalog::Content& content = *content_;
  content.topological_order = plan.topological_order();
  for (size_t i = 0; i < content.instances.size(); ++i) {
    const auto children = plan.children(i);
    content.instances[i].children.assign(children.begin(), children.end());
    if (content.instances[i].parents.empty()) content.roots.push_back(i);
  }
}

void CatalogLoader::IndexInstances() {
  Catalog::Content& content = *content_;
  for (size_t i = 0; i < content.instances.size(); ++i) {
    const ImageInstance& image = content.instances[i];
    content.instances_by_name[image.definition_name].push_back(i);
    for (const std::string& tag : image.tags) {
      const std::string key = absl::StrCat(image.definition_name, ":", tag);
      const auto [first, is_new] = content.instance_by_tag.try_emplace(key, i);
      const auto version = content.instance_by_id.find(key);
      if (version != content.instance_by_id.end() && version->second != static_cast<Index>(i)) {
        findings_.Warn(
            image.where,
            absl::StrCat("tag ", tag, " of ", image.id, " is also the version of another image; `",
                         key, "` means that one"),
            codes::kAmbiguousTag);
      } else if (!is_new && first->second != static_cast<Index>(i)) {
        findings_.Warn(
            image.where,
            absl::StrCat("tag ", tag, " of ", image.id, " is also a tag of ",
                         content.instances[first->second].id, "; `", key, "` means the latter"),
            codes::kAmbiguousTag);
      }
    }
    if (image.builder != nullptr && image.builder->in_place) {
      content.builders.push_back(image.builder);
    }
  }
}

// `-v X` finds rendered versions and tags first; who meant definition X should know.
void CatalogLoader::WarnAboutHiddenDefinitions() {
  Catalog::Content& content = *content_;
  for (size_t i = 0; i < content.definitions.size(); ++i) {
    const ImageDefinition& definition = content.definitions[i];
    if (definition.is_wildcard()) continue;
    const std::string id = definition.id();
    const std::vector<Index>& own = content.definition_instances[i];
    Index found = Catalog::kNone;
    const char* as = "version";
    if (const auto version = content.instance_by_id.find(id);
        version != content.instance_by_id.end()) {
      found = version->second;
    } else if (const auto tag = content.instance_by_tag.find(id);
               tag != content.instance_by_tag.end()) {
      found = tag->second;
      as = "tag";
    }
    if (found == Catalog::kNone || std::find(own.begin(), own.end(), found) != own.end()) continue;
    const ImageInstance& other = content.instances[found];
    findings_.Warn(
        definition.key->where(),
        absl::StrCat("`", id, "` means image ", other.definition_name, ":",
                     other.definition_version, " (", other.where.ToString(), "), which has ", as,
                     " ", definition.version, ", not this definition; change that ", as),
        codes::kAmbiguousTag);
  }
}

void CatalogLoader::RenderWildcards(const std::vector<int>& order) {
  Catalog::Content& content = *content_;
  std::vector<ImageInstance>& made = content.wildcard_instances;
  const Index count = content.instances.size();
  auto at = [&](Index index) -> const ImageInstance* {
    return index < count ? &content.instances[index] : &made[index - count];
  };
  const ImageRenderer::ParentOf parent_of = [&](const ImageInstance& image) {
    return image.has_base ? at(image.parents[0]) : nullptr;
  };
  std::vector<std::vector<Index>> instances(content.definitions.size());
  for (int index : order) {
    const ImageDefinition& definition = content.definitions[index];
    if (!definition.is_wildcard()) {
      instances[index] = content.definition_instances[index];
      continue;
    }
    std::vector<Index> bases;
    for (int parent : content.definition_parents[index]) bases = instances[parent];
    if (content.configuration.parent_instances == ParentInstances::kFirst && bases.size() > 1) {
      std::nth_element(bases.begin(), bases.begin(), bases.end(),
                       [&](Index a, Index b) { return at(a)->version < at(b)->version; });
      bases.resize(1);
    }
    if (bases.empty()) bases.push_back(Catalog::kNone);
    const auto missing = missing_parents_.find(index);
    for (Index base : bases) {
      const ImageInstance* parent = base == Catalog::kNone ? nullptr : at(base);
      if (parent == nullptr && missing != missing_parents_.end()) {
        parent = &StandIn(missing->second[0]->name, missing->second[0]->version);
      } else if (parent == nullptr && !content.definition_parents[index].empty()) {
        // A parent that could not be made of `*`.
        const int above = content.definition_parents[index][0];
        parent = &StandIn(content.definitions[above].name, kSampleVersion);
      }
      // A template may take a version apart that `*` is not.
      Findings unheard(/*lenient=*/false);
      RenderedImage rendered =
          RendererOfAll().Render(definition, definition.version, parent, parent_of, &unheard);
      if (rendered.broken || unheard.has_errors()) {
        RendererOfAll().Render(definition, kSampleVersion, parent, parent_of, &findings_);
        continue;
      }
      rendered.instance.has_base = base != Catalog::kNone;
      if (base != Catalog::kNone) rendered.instance.parents.push_back(base);
      instances[index].push_back(count + made.size());
      made.push_back(std::move(rendered.instance));
    }
  }
}

void CatalogLoader::SortBuilders() {
  Catalog::Content& content = *content_;
  for (const ImageInstance& image : content.wildcard_instances) {
    if (image.builder != nullptr && image.builder->in_place) {
      content.builders.push_back(image.builder);
    }
  }
  std::sort(content.builders.begin(), content.builders.end(),
            [](const auto& a, const auto& b) { return a->name < b->name; });
}

}  // namespace stevedore::graph
