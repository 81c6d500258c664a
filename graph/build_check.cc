#include "graph/build_check.h"

#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/file.h"
#include "base/status.h"
#include "graph/drivers.h"
#include "graph/image_resolver.h"
#include "graph/selection.h"
#include "nlohmann/json.hpp"

namespace stevedore::graph {
namespace {

bool IsBuilt(const ImageInstance& image) {
  return image.has_builder() && !BuildsNothing(image.builder->driver);
}

// A context that can be looked for: not of a wildcard, where the path depends on the version.
bool IsCertain(const ContextSpec& context) {
  return !context.path.empty() && !absl::StrContains(context.path, '*');
}

// Checks contexts; one folder that many images name is reported where it is named, not per image.
class ContextCheck {
 public:
  ContextCheck(const Configuration& configuration, Findings* findings)
      : configuration_(configuration), findings_(*findings) {}

  void Check(const Builder& builder) {
    bool all_there = true;
    std::vector<std::string> folders;
    for (const ContextSpec& context : builder.contexts) {
      if (!IsCertain(context)) {
        all_there = false;
        continue;
      }
      struct stat info;
      if (stat(context.resolved_path.c_str(), &info) == 0) {
        folders.push_back(context.resolved_path);
        continue;
      }
      all_there = false;
      Missing(context);
    }
    if (all_there && !folders.empty()) CheckDockerfile(builder, folders);
  }

 private:
  void Missing(const ContextSpec& context) {
    const bool is_template = absl::StrContains(context.path, "{{");
    findings_.Error(
        context.where,
        absl::StrCat("context ", base::Quoted(context.resolved_path), " is not there; ",
                     is_template ? "templates work in builders that are written inside an image, "
                                   "not in global ones: move this builder there, or write the path"
                     : configuration_.paths_relative_to == PathsRelativeTo::kFile
                         ? "create it, or correct `path` (relative to this file)"
                         : "create it, or correct `path` (relative to the working directory, or "
                           "to this file with `paths_relative_to: file`)"),
        codes::kContext);
  }

  void CheckDockerfile(const Builder& builder, const std::vector<std::string>& folders) {
    const DriverDescription* driver = FindDriver(builder.driver);
    if (driver == nullptr || !driver->needs_context) return;
    std::string name = "Dockerfile";
    const nlohmann::json options =
        nlohmann::json::parse(builder.options_json, nullptr, /*allow_exceptions=*/false);
    if (options.is_object() && options.contains("dockerfile") &&
        options["dockerfile"].is_string()) {
      name = options["dockerfile"].get<std::string>();
    }
    if (absl::StrContains(name, "{{") || absl::StrContains(name, '*')) return;
    for (const std::string& folder : folders) {
      if (base::Exists(base::JoinPath(folder, name))) return;
    }
    findings_.Error(
        builder.where,
        absl::StrCat("builder ", builder.name, ": there is no ", base::Quoted(name), " in ",
                     absl::StrJoin(folders, " or "),
                     "; correct `dockerfile` (a path inside the context), or add a context "
                     "that has it"),
        codes::kContext);
  }

  const Configuration& configuration_;
  Findings& findings_;
};

}  // namespace

void CheckReferences(const Catalog& catalog, Findings* findings) {
  const Configuration& configuration = catalog.configuration();
  SelectionOverrides overrides;
  if (configuration.semantic_version_tags_enabled) {
    overrides.semver_templates = configuration.semantic_version_tags_templates;
    overrides.semver_strict = configuration.semantic_version_strict;
  }
  const ImageResolver resolver(overrides, catalog.options().source_date_epoch);
  absl::flat_hash_map<std::string, const ImageInstance*> owners;
  std::vector<std::pair<std::string, const ImageInstance*>> semver_tags;
  std::vector<Diagnostic> warnings;
  for (const ImageInstance& image : catalog.instances()) {
    if (!IsBuilt(image)) continue;
    std::vector<ParentView> parents;
    for (size_t i = 0; i < image.parents.size(); ++i) {
      const ImageInstance& parent = catalog.instances()[image.parents[i]];
      parents.push_back(resolver.ViewOf(parent, IsBuilt(parent), image.has_base && i == 0));
    }
    std::vector<ParentView> views;
    const absl::StatusOr<ResolvedImage> resolved =
        resolver.Resolve(image, std::move(parents), &views, &warnings);
    if (!resolved.ok()) {
      findings->Error(resolved.status(), codes::kReference);
      continue;
    }
    std::vector<std::string> references = resolved->tags;
    references.push_back(resolved->reference);
    std::set<const ImageInstance*> said;
    for (const std::string& reference : references) {
      // Of two that are the same to semantic versions the first keeps the tag: see Selection.
      const std::vector<std::string>& shared = resolved->semver_tags;
      if (std::find(shared.begin(), shared.end(), reference) != shared.end()) {
        semver_tags.emplace_back(reference, &image);
        continue;
      }
      const auto [first, is_new] = owners.try_emplace(reference, &image);
      if (is_new || first->second == &image || !said.insert(first->second).second) continue;
      findings->Error(
          image.where,
          absl::StrCat("images ", first->second->id, " (", first->second->where.ToString(),
                       ") and ", image.id, " would both be tagged ", reference,
                       "; change the name, version or tags of one of them"),
          codes::kClash);
    }
  }
  for (const auto& [reference, image] : semver_tags) {
    const auto [first, is_new] = owners.try_emplace(reference, image);
    if (is_new || first->second == image) continue;
    findings->Warn(
        image->where,
        absl::StrCat("image ", image->id, " does not get the semantic version tag ", reference,
                     ", which ", first->second->id, " has, where both are built at once"),
        codes::kClash);
  }
  for (const Diagnostic& warning : warnings) {
    findings->Warn(warning.where, warning.text, warning.code);
  }
}

void CheckContexts(const Catalog& catalog, Findings* findings) {
  ContextCheck check(catalog.configuration(), findings);
  for (const std::shared_ptr<const Builder>& builder : catalog.builders()) check.Check(*builder);
}

}  // namespace stevedore::graph
