#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "graph/finding_codes.h"
#include "graph/lint_rules.h"
#include "graph/renderer.h"

namespace stevedore::graph {
namespace {

bool IsTemplate(absl::string_view text) { return absl::StrContains(text, "{{"); }

// Calls `rule(key, value)` for what is in an optional map.
template <typename Rule>
void ForEach(const YamlNode* map, Rule rule) {
  if (map == nullptr || !map->is_map()) return;
  for (const auto& [key, value] : map->entries()) rule(*key, *value);
}

// Rules about the definitions of one catalog.
class ImageRules {
 public:
  ImageRules(const Catalog::Content& content, LintReport* report)
      : content_(content), report_(*report) {}

  void Run() {
    for (size_t i = 0; i < content_.definitions.size(); ++i) {
      const ImageDefinition& definition = content_.definitions[i];
      if (definition.is_wildcard()) CheckWildcard(i);
      CheckParents(i);
      CheckValues(definition);
      CheckTags(definition);
      CheckShadowed(i);
    }
    CheckEdges();
  }

 private:
  void CheckWildcard(int index) {
    const ImageDefinition& definition = content_.definitions[index];
    const YamlNode* version = definition.version_field;
    if (version == nullptr || version->is_null()) {
      report_.Add(
          definition.key->where(), codes::kWildcardVersion,
          absl::StrCat("without `version` gostevedore tags what it makes of ", definition.id(),
                       " with `*`, and fails; here it gets the version that was asked for; "
                       "write version: \"{{ .Version }}\" to have both do that"));
    } else if (version->is_scalar() && !absl::StrContains(version->text(), ".Version")) {
      report_.Add(version->where(), codes::kWildcardVersion,
                  absl::StrCat("whatever version of ", definition.name, " is asked for becomes ",
                               base::Quoted(version->text()), "; make {{ .Version }} part of it"));
    }
    for (int parent : content_.definition_parents[index]) {
      const ImageDefinition& above = content_.definitions[parent];
      if (above.is_wildcard()) {
        report_.Add(definition.key->where(), codes::kWildcardChain,
                    absl::StrCat("in gostevedore the text of ", above.id(),
                                 "'s templates gets into arguments and tags; here the version "
                                 "that is asked for is also the parent's; nothing to change, but "
                                 "tags may come out differently"));
      }
      if (above.name_field != nullptr && above.name_field->is_scalar() &&
          above.name_field->text() != above.name) {
        report_.Add(
            definition.key->where(), codes::kWildcardName,
            absl::StrCat("gostevedore cannot make ", definition.id(), " because its parent ",
                         above.id(), " has another `name`; here it can; nothing to change"));
      }
    }
  }

  void CheckParents(int index) {
    const ImageDefinition& definition = content_.definitions[index];
    for (int parent : content_.definition_parents[index]) {
      const size_t count = content_.definition_instances[parent].size();
      if (count < 2 || content_.configuration.parent_instances == ParentInstances::kFirst) continue;
      report_.Add(definition.key->where(), codes::kParentProduct,
                  absl::StrCat("parent ", content_.definitions[parent].id(), " is ", count,
                               " images, and gostevedore builds on one of them, by chance; here ",
                               definition.id(),
                               " is built on each; set `parent_instances: first` in the "
                               "configuration to build on the first"));
    }
  }

  // How often each edge is said.
  void CheckEdges() {
    std::map<std::pair<std::string, std::string>, const YamlNode*> said;
    auto say = [&](const std::string& child, const std::string& parent, const YamlNode* node) {
      const auto [first, is_new] = said.try_emplace({child, parent}, node);
      if (is_new) return;
      report_.Add(node->where(), codes::kEdgeTwice,
                  absl::StrCat("that ", child, " builds on ", parent, " is said already at ",
                               first->second->where().ToString(),
                               ", which gostevedore refuses; here it is the same as once; remove "
                               "one of the two"));
    };
    for (const ImageDefinition& definition : content_.definitions) {
      for (const DefinitionLink& link : definition.parents) {
        say(definition.id(), absl::StrCat(link.name, ":", link.version), link.node);
      }
    }
    for (const ImageDefinition& definition : content_.definitions) {
      for (const DefinitionLink& link : definition.children) {
        say(absl::StrCat(link.name, ":", link.version), definition.id(), link.node);
      }
    }
  }

  void CheckValues(const ImageDefinition& definition) {
    const bool typed = DriverOf(definition) == "ansible-playbook";
    for (const YamlNode* map : {definition.vars, definition.persistent_vars}) {
      ForEach(map, [&](const YamlNode& key, const YamlNode& value) {
        CheckKey(key);
        CheckSecret(key, value);
        if (typed || !value.is_scalar() || !value.is_plain() || IsTemplate(value.text())) return;
        if (PlainScalar(value.text()).is_string()) return;
        report_.Add(value.where(), codes::kTypedValue,
                    absl::StrCat("gostevedore ends with a crash on a variable of a docker build "
                                 "that is no text; here `",
                                 key.text(), "` is passed as \"", value.text(),
                                 "\"; put it in quotes to have both take it"));
      });
    }
    for (const YamlNode* map : {definition.labels, definition.persistent_labels}) {
      ForEach(map, [&](const YamlNode& key, const YamlNode&) { CheckKey(key); });
    }
  }

  void CheckKey(const YamlNode& key) {
    if (!IsTemplate(key.text())) return;
    report_.Add(key.where(), codes::kTemplatedKey,
                "gostevedore keeps this key as it is written beside what it renders to; here only "
                "the rendered one is there; nothing to change");
  }

  void CheckSecret(const YamlNode& key, const YamlNode& value) {
    const std::string name = absl::AsciiStrToLower(key.text());
    const bool suspicious =
        absl::StrContains(name, "password") || absl::StrContains(name, "passwd") ||
        absl::StrContains(name, "secret") || absl::StrContains(name, "api_key") ||
        absl::StrContains(name, "access_token") || absl::StrContains(name, "private_key") ||
        absl::EndsWith(name, "_token") || name == "token";
    if (!suspicious || !value.is_scalar() || value.text().empty() || IsTemplate(value.text())) {
      return;
    }
    report_.Add(value.where(), codes::kSecretVariable,
                absl::StrCat("variable `", key.text(),
                             "` looks like a secret: it is in clear text in this file, and in the "
                             "image's history; hand it over as a secret of the driver, or at run "
                             "time"));
  }

  void CheckTags(const ImageDefinition& definition) {
    if (definition.tags != nullptr && definition.tags->is_list()) {
      for (const YamlNode* tag : definition.tags->items()) {
        if (!absl::StrContains(tag->text(), '+')) continue;
        report_.Add(
            tag->where(), codes::kPlus,
            absl::StrCat("a tag cannot have `+`: gostevedore fails on ", base::Quoted(tag->text()),
                         ", here each becomes `_`; write the `_`"));
      }
    }
    const std::string& version =
        definition.version_field != nullptr && definition.version_field->is_scalar()
            ? definition.version_field->text()
            : definition.version;
    if (absl::StrContains(version, '+') && content_.configuration.semantic_version_tags_enabled) {
      report_.Add(definition.key->where(), codes::kPlus,
                  absl::StrCat("version ", base::Quoted(version),
                               " has build metadata, for which gostevedore makes no semantic "
                               "version tags; here it makes them; nothing to change"));
    }
    const YamlNode* registry = definition.registry;
    const bool has_tags = definition.tags != nullptr && !definition.tags->items().empty();
    if (registry == nullptr || !registry->is_scalar() || registry->text().empty() || !has_tags ||
        IsTemplate(registry->text()) || absl::StrContains(registry->text(), '.')) {
      return;
    }
    report_.Add(
        registry->where(), codes::kRegistryName,
        absl::StrCat("gostevedore refuses extra tags for registry ", base::Quoted(registry->text()),
                     ", which has no dot; here they are made; nothing to change"));
  }

  // Values that a parent's persistent ones replace in every instance.
  void CheckShadowed(int index) {
    const ImageDefinition& definition = content_.definitions[index];
    const std::vector<Catalog::Index>& instances = content_.definition_instances[index];
    auto parent_with = [&](const std::string& key, bool label) -> const ImageInstance* {
      const ImageInstance* found = nullptr;
      for (Catalog::Index instance : instances) {
        const ImageInstance& image = content_.instances[instance];
        if (!image.has_base) return nullptr;
        const ImageInstance& base = content_.instances[image.parents[0]];
        const auto& values = label ? base.persistent_labels : base.persistent_vars;
        if (values.count(key) == 0) return nullptr;
        found = &base;
      }
      return found;
    };
    auto check = [&](const YamlNode* map, const char* kind, bool label) {
      ForEach(map, [&](const YamlNode& key, const YamlNode&) {
        const ImageInstance* base = parent_with(key.text(), label);
        if (base == nullptr) return;
        report_.Add(key.where(), codes::kShadowedValue,
                    absl::StrCat(kind, " `", key.text(), "` has no effect: parent ", base->id,
                                 " says it in persistent_", label ? "labels" : "vars",
                                 ", which wins; remove it here, or there"));
      });
    };
    check(definition.persistent_vars, "persistent_var", false);
    check(definition.vars, "var", false);
    check(definition.persistent_labels, "persistent_label", true);
    check(definition.labels, "label", true);
  }

  std::string DriverOf(const ImageDefinition& definition) const {
    if (definition.builder == nullptr) return "";
    if (definition.builder->is_map()) {
      const YamlNode* driver = definition.builder->Find("driver");
      return driver != nullptr && driver->is_scalar() ? driver->text() : "";
    }
    const auto found = content_.global_builders.find(definition.builder->text());
    return found == content_.global_builders.end() ? "" : found->second->builder.driver;
  }

  const Catalog::Content& content_;
  LintReport& report_;
};

}  // namespace

void LintImages(const Catalog::Content& content, LintReport* report) {
  ImageRules(content, report).Run();
}

}  // namespace stevedore::graph
