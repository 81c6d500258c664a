#include "graph/image_resolver.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "base/semantic_version.h"
#include "base/status.h"
#include "graph/ansible_options.h"
#include "graph/drivers.h"
#include "graph/finding_codes.h"
#include "graph/semver_tags.h"
#include "nlohmann/json.hpp"
#include "oci/image/reference.h"

namespace stevedore::graph {
namespace {

std::string AsTag(const std::string& text) { return absl::StrReplaceAll(text, {{"+", "_"}}); }

std::string ReferenceOf(const ParentView& view) {
  return absl::StrCat(view.registry, view.registry.empty() ? "" : "/", view.name_space,
                      view.name_space.empty() ? "" : "/", view.name, ":", view.version);
}

absl::Status AtImage(const ImageInstance& image, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat(image.where.ToString(), ": image ", image.id, ": ", what));
}

// Drivers that run nothing: a variable about the parent's name would only rebuild for nothing.
bool TakesAutomaticArguments(const std::string& driver) {
  return driver != "assemble" && driver != "sleep";
}

// The first one to set a name wins.
void AddValues(const std::map<std::string, std::string>& values, const char* kind, const char* part,
               const ImageInstance& image, std::map<std::string, std::string>* out,
               std::vector<std::string>* volatile_names) {
  for (const auto& [name, value] : values) {
    if (!out->emplace(name, value).second) continue;
    if (image.volatile_values.count(absl::StrCat(kind, " ", name)) > 0) {
      volatile_names->push_back(absl::StrCat(part, " ", name));
    }
  }
}

// A playbook tells 3 from "3" and takes lists and maps: `extra_vars` holds what is more than a
// text.
void AddTypedVariables(const ImageInstance& image, std::string* options_json) {
  nlohmann::json typed = nlohmann::json::object();
  for (const char* kind : {"persistent_var ", "var "}) {
    for (const auto& [key, value] : image.typed_values) {
      absl::string_view name = key;
      if (!absl::ConsumePrefix(&name, kind) || image.volatile_values.count(key) > 0) continue;
      // What the first writer set is no text only if it is here.
      const std::string text(name);
      if (typed.contains(text)) continue;
      if (*kind == 'v' && image.persistent_vars.count(text) > 0) continue;
      typed[text] = nlohmann::json::parse(value, nullptr, /*allow_exceptions=*/false);
    }
  }
  if (typed.empty()) return;
  nlohmann::json options = nlohmann::json::parse(*options_json, nullptr, false);
  options["extra_vars"] = std::move(typed);
  *options_json = options.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// `target:ID` in build_contexts becomes the reference of that parent: what BuildKit understands.
void NameParentContexts(const std::vector<ParentView>& parents, std::string* options_json) {
  nlohmann::json options = nlohmann::json::parse(*options_json, nullptr, false);
  const auto contexts = options.find("build_contexts");
  if (contexts == options.end() || !contexts->is_object()) return;
  for (nlohmann::json& context : *contexts) {
    if (!context.is_string()) continue;
    const std::string text = context.get<std::string>();
    for (const ParentView& parent : parents) {
      if (text == absl::StrCat("target:", parent.id)) {
        context = absl::StrCat("docker-image://", parent.reference);
      }
    }
  }
  *options_json = options.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// What a playbook is told of its image. Texts of the image and its registry go in only if there are
// any, as playbooks ask whether a variable is defined.
void AddAutomaticVariables(const ImageInstance& image, ResolvedImage* resolved) {
  AutomaticVariables automatic;
  const auto name_of = [&image](const char* key) {
    const auto name = image.builder->variables_mapping.find(key);
    return name == image.builder->variables_mapping.end() ? std::string() : name->second;
  };
  const auto add = [&](const char* key, const std::string& value) {
    const std::string name = name_of(key);
    if (!name.empty() && !value.empty()) automatic.own.emplace(name, value);
  };
  add("image_fully_qualified_name_key", resolved->reference);
  add("image_name_key", image.name);
  add("image_registry_namespace_key", image.name_space);
  add("image_tag_key", image.VersionTag());
  nlohmann::json options = nlohmann::json::parse(resolved->options_json, nullptr, false);
  std::string container = absl::StrCat("builder_", resolved->driver, "_", image.name_space, "_",
                                       image.name, "_", image.VersionTag());
  if (options.is_object() && options.contains("intermediate_container_name") &&
      options["intermediate_container_name"].is_string()) {
    container = options["intermediate_container_name"].get<std::string>();
  }
  add("image_builder_label_key", container);
  add("image_registry_host_key", image.registry);
  automatic.tags_name = name_of("image_extra_tags_key");
  automatic.labels_name = name_of("image_lables_key");
  automatic.push_name = name_of("push_image_key");
  for (const auto& [name, value] : image.persistent_labels) {
    automatic.persistent_labels.insert(name);
  }
  resolved->options_json = WithAutomaticVariables(resolved->options_json, automatic);
}

}  // namespace

bool ImageResolver::OverridesBase() const {
  return overrides_.image_from_name.has_value() || overrides_.image_from_version.has_value() ||
         overrides_.image_from_registry.has_value() || overrides_.image_from_namespace.has_value();
}

void ImageResolver::OverrideBase(ParentView* view) const {
  if (!OverridesBase()) return;
  view->name = overrides_.image_from_name.value_or(view->name);
  view->version = AsTag(overrides_.image_from_version.value_or(view->version));
  view->registry = overrides_.image_from_registry.value_or(view->registry);
  view->name_space = overrides_.image_from_namespace.value_or(view->name_space);
  const std::string reference = Spelled(ReferenceOf(*view));
  if (reference == view->reference) return;
  // No image of the catalog: its reference is its name.
  view->overridden = true;
  view->buildable = false;
  view->reference = reference;
  view->id = reference;
}

void ImageResolver::OverrideImage(ImageInstance* image) const {
  image->name = overrides_.image_name.value_or(image->name);
  image->registry = overrides_.registry.value_or(image->registry);
  image->name_space = overrides_.name_space.value_or(image->name_space);
  auto merge = [image](const char* kind, const std::map<std::string, std::string>& values,
                       std::map<std::string, std::string>* out) {
    for (const auto& [name, value] : values) {
      (*out)[name] = value;
      image->volatile_values.erase(absl::StrCat(kind, " ", name));
      image->typed_values.erase(absl::StrCat(kind, " ", name));
    }
  };
  merge("var", overrides_.vars, &image->vars);
  merge("persistent_var", overrides_.persistent_vars, &image->persistent_vars);
  merge("label", overrides_.labels, &image->labels);
  merge("persistent_label", overrides_.persistent_labels, &image->persistent_labels);
}

ParentView ImageResolver::ViewOf(const ImageInstance& parent, bool built, bool is_base) const {
  ParentView view;
  view.id = parent.id;
  view.registry = parent.registry;
  view.name_space = parent.name_space;
  view.name = parent.name;
  view.version = parent.VersionTag();
  view.built = built;
  view.is_base = is_base;
  view.where = parent.where;
  view.version_is_volatile = parent.volatile_values.count("version") > 0;
  if (parent.has_builder() && !BuildsNothing(parent.builder->driver)) {
    view.buildable = true;
    view.driver = parent.builder->driver;
  }
  if (built) {
    view.name = overrides_.image_name.value_or(view.name);
    view.registry = overrides_.registry.value_or(view.registry);
    view.name_space = overrides_.name_space.value_or(view.name_space);
  }
  view.reference = Spelled(ReferenceOf(view));
  if (!built && is_base) OverrideBase(&view);
  return view;
}

absl::Status ImageResolver::ResolveTags(const ImageInstance& image, ResolvedImage* resolved,
                                        std::vector<Diagnostic>* warnings) const {
  resolved->reference = Spelled(image.Reference());
  const absl::StatusOr<oci::Reference> reference = oci::Reference::Parse(resolved->reference);
  if (!reference.ok()) {
    return AtImage(image, absl::StrCat("its reference ", resolved->reference,
                                       " is not valid: ", reference.status().message()));
  }
  if (!image.registry.empty() && reference->registry() != image.registry &&
      reference->registry() == oci::kDockerHub && image.registry != "index.docker.io") {
    return AtImage(image, absl::StrCat("registry ", base::Quoted(image.registry),
                                       " would be taken for a name on Docker Hub; give it a domain "
                                       "or a port, such as ",
                                       image.registry, ":443"));
  }
  // Definition, semantic versions, command line: the order in which people expect them.
  std::vector<std::string> tags = image.tags;
  std::vector<std::string> made;
  if (!overrides_.semver_templates.empty()) {
    std::vector<std::string> versions = overrides_.tags;
    versions.push_back(image.version);
    ASSIGN_OR_RETURN(const std::vector<std::string> more,
                     SemverTags(versions, overrides_.semver_templates, overrides_.semver_strict),
                     image.where.ToString(), ": image ", image.id);
    tags.insert(tags.end(), more.begin(), more.end());
    made = more;
    const std::optional<base::SemanticVersion> version =
        base::ParseSemanticVersion(image.version, overrides_.semver_strict);
    if (base::ParseSemanticVersion(image.version, /*strict=*/false).has_value() &&
        !base::ParseSemanticVersion(image.version, /*strict=*/true).has_value()) {
      warnings->push_back(
          {image.where,
           absl::StrCat("version ", image.version, " of image ", image.id,
                        " is no semantic version by the letter (MAJOR.MINOR.PATCH)",
                        overrides_.semver_strict ? " and gets no further tags"
                                                 : ", and is taken as one with what is missing 0; "
                                                   "semantic_version_strict: true refuses it"),
           std::string(codes::kSemverLenient)});
    }
    if (version.has_value() && !version->pre_release.empty()) {
      for (const std::string& tag : more) {
        const std::optional<base::SemanticVersion> moved = base::ParseSemanticVersion(tag, false);
        if (!moved.has_value() || !moved->pre_release.empty()) continue;
        warnings->push_back({image.where,
                             absl::StrCat("image ", image.id,
                                          " is a pre-release and "
                                          "moves the release tag ",
                                          tag),
                             std::string(codes::kSemverPreRelease)});
      }
    }
  }
  tags.insert(tags.end(), overrides_.tags.begin(), overrides_.tags.end());
  for (const std::string& text : tags) {
    const std::string tag = AsTag(text);
    if (const absl::Status status = oci::CheckTag(tag); !status.ok()) {
      return AtImage(image, absl::StrCat("tag ", base::Quoted(tag), ": ", status.message()));
    }
    const std::string full = Spelled(image.ReferenceWithTag(tag));
    const bool known =
        full == resolved->reference ||
        std::find(resolved->tags.begin(), resolved->tags.end(), full) != resolved->tags.end();
    if (known) continue;
    resolved->tags.push_back(full);
    const bool written =
        std::find(image.tags.begin(), image.tags.end(), text) != image.tags.end() ||
        std::find(overrides_.tags.begin(), overrides_.tags.end(), text) != overrides_.tags.end();
    if (!written && std::find(made.begin(), made.end(), text) != made.end()) {
      resolved->semver_tags.push_back(full);
    }
  }
  return absl::OkStatus();
}

void ImageResolver::ResolveArguments(const ImageInstance& image,
                                     const std::vector<ParentView>& parents,
                                     ResolvedImage* resolved) const {
  AddValues(image.persistent_vars, "persistent_var", "arg", image, &resolved->arguments,
            &resolved->volatile_names);
  AddValues(image.vars, "var", "arg", image, &resolved->arguments, &resolved->volatile_names);
  if (!TakesAutomaticArguments(resolved->driver)) return;
  if (parents.empty() || !parents[0].is_base) return;
  const ParentView& base = parents[0];
  auto add = [&](const char* key, const char* meaning, const std::string& value, bool is_volatile) {
    const auto name = image.builder->variables_mapping.find(key);
    if (value.empty() || name == image.builder->variables_mapping.end() || name->second.empty()) {
      return;
    }
    if (!resolved->arguments.emplace(name->second, value).second) return;
    resolved->parent_arguments[name->second] = meaning;
    if (is_volatile) resolved->volatile_names.push_back(absl::StrCat("arg ", name->second));
  };
  add("image_from_fully_qualified_name_key", "reference", base.reference, base.version_is_volatile);
  add("image_from_name_key", "name", base.name, false);
  add("image_from_tag_key", "tag", base.version, base.version_is_volatile);
  add("image_from_registry_host_key", "registry", base.registry, false);
  add("image_from_registry_namespace_key", "namespace", base.name_space, false);
}

void ImageResolver::ResolveLabels(const ImageInstance& image, ResolvedImage* resolved) const {
  AddValues(image.persistent_labels, "persistent_label", "label", image, &resolved->labels,
            &resolved->volatile_names);
  AddValues(image.labels, "label", "label", image, &resolved->labels, &resolved->volatile_names);
}

absl::Status ImageResolver::ResolvePlatforms(const ImageInstance& image,
                                             ResolvedImage* resolved) const {
  resolved->platforms = image.platforms;
  if (overrides_.platforms.empty()) return absl::OkStatus();
  if (!image.names_platforms) {
    resolved->platforms = overrides_.platforms;
    return absl::OkStatus();
  }
  resolved->platforms.clear();
  for (const std::string& platform : image.platforms) {
    const auto& wanted = overrides_.platforms;
    if (std::find(wanted.begin(), wanted.end(), platform) != wanted.end()) {
      resolved->platforms.push_back(platform);
    }
  }
  if (!resolved->platforms.empty()) return absl::OkStatus();
  return AtImage(image, absl::StrCat("--platform ", absl::StrJoin(overrides_.platforms, ","),
                                     ": it is built for ", absl::StrJoin(image.platforms, ", "),
                                     "; ask for one of these, or add to its `platforms`"));
}

void ImageResolver::ResolveOptions(ResolvedImage* resolved) const {
  const AnsibleOverrides& ansible = overrides_.ansible;
  const bool dockerfile = resolved->driver == "docker" || resolved->driver == "buildkit" ||
                          resolved->driver == "native";
  const bool playbook = resolved->driver == "ansible-playbook";
  const bool for_dockerfile = overrides_.pull_parent_image || overrides_.remove_local_images;
  const bool for_playbook = ansible.inventory.has_value() || ansible.limit.has_value() ||
                            ansible.intermediate_container_name.has_value() ||
                            ansible.connection_local;
  if (!(dockerfile && for_dockerfile) && !(playbook && for_playbook)) return;
  nlohmann::json options =
      nlohmann::json::parse(resolved->options_json, nullptr, /*allow_exceptions=*/false);
  if (!options.is_object()) return;  // Refused by the driver, with the place.
  if (dockerfile) {
    if (overrides_.pull_parent_image) options["pull"] = true;
    if (overrides_.remove_local_images && options.contains("keep_image")) {
      options["keep_image"] = false;
    }
  } else {
    auto set = [&options](const char* key, const std::optional<std::string>& value) {
      if (value.has_value()) options[key] = *value;
    };
    set("inventory", ansible.inventory);
    set("limit", ansible.limit);
    set("intermediate_container_name", ansible.intermediate_container_name);
    if (ansible.connection_local) options["connection_local"] = true;
  }
  resolved->options_json = options.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string ImageResolver::Spelled(const std::string& reference) const {
  if (!overrides_.normalized_names) return reference;
  // One that is none is reported where it is looked at.
  const absl::StatusOr<oci::Reference> parsed = oci::Reference::Parse(reference);
  return parsed.ok() ? parsed->Canonical() : reference;
}

absl::StatusOr<ResolvedImage> ImageResolver::Resolve(const ImageInstance& original,
                                                     std::vector<ParentView> parents,
                                                     std::vector<ParentView>* views,
                                                     std::vector<Diagnostic>* warnings) const {
  ImageInstance image = original;
  OverrideImage(&image);
  ResolvedImage resolved;
  resolved.id = image.id;
  resolved.definition_name = image.definition_name;
  resolved.definition_version = image.definition_version;
  resolved.driver = image.builder->driver;
  resolved.options_json = image.builder->options_json;
  resolved.contexts = image.builder->contexts;
  resolved.builder = image.builder->name;
  resolved.source_date_epoch = source_date_epoch_;
  resolved.where = image.where;
  RETURN_IF_ERROR(ResolveTags(image, &resolved, warnings));
  RETURN_IF_ERROR(ResolvePlatforms(image, &resolved));
  ResolveOptions(&resolved);
  if (!image.has_base && overrides_.image_from_name.has_value()) {
    ParentView base;
    base.is_base = true;
    base.version = "latest";
    OverrideBase(&base);
    parents.insert(parents.begin(), base);
  }
  for (const ParentView& view : parents) {
    resolved.parents.push_back(view.id);
    const absl::StatusOr<oci::Reference> reference = oci::Reference::Parse(view.reference);
    if (!reference.ok()) {
      return AtImage(image, absl::StrCat("its parent's reference ", view.reference,
                                         " is not valid: ", reference.status().message()));
    }
  }
  ResolveArguments(image, parents, &resolved);
  if (resolved.driver == "buildkit") NameParentContexts(parents, &resolved.options_json);
  ResolveLabels(image, &resolved);
  if (resolved.driver == "ansible-playbook") {
    AddTypedVariables(image, &resolved.options_json);
    AddAutomaticVariables(image, &resolved);
  }
  std::sort(resolved.volatile_names.begin(), resolved.volatile_names.end());
  *views = std::move(parents);
  return resolved;
}

}  // namespace stevedore::graph
