#include "graph/definition.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "graph/keys.h"

namespace stevedore::graph {
namespace {

// Names and versions are joined with `:` in ids and on the command line.
bool IsGoodKey(const YamlNode& key, absl::string_view what, Findings* findings) {
  if (key.text().empty() || absl::StrContains(key.text(), ':')) {
    findings->Error(key.where(),
                    absl::StrCat(what, " must not be empty and not contain `:`, found ",
                                 base::Quoted(key.text())));
    return false;
  }
  return true;
}

// `parents: {base: ["2.4"], other: "1.0"}`.
std::vector<DefinitionLink> ReadLinks(const YamlNode& node, absl::string_view what,
                                      Findings* findings) {
  std::vector<DefinitionLink> links;
  if (node.is_null()) return links;
  if (!node.is_map()) {
    findings->Error(node.where(),
                    absl::StrCat(what,
                                 " must be a map of names to lists of versions,"
                                 " found ",
                                 node.Describe(), "; write `", what, ": {NAME: [\"VERSION\"]}`"));
    return links;
  }
  for (const auto& [name, versions] : node.entries()) {
    const std::vector<const YamlNode*> texts =
        findings->Texts(*versions, absl::StrCat("the versions of ", base::Quoted(name->text())));
    if (texts.empty() && (versions->is_null() || versions->is_list())) {
      findings->Error(name->where(),
                      absl::StrCat(base::Quoted(name->text()), " in ", what,
                                   " has no version; write `", name->text(), ": [\"VERSION\"]`"),
                      codes::kMissing);
    }
    for (const YamlNode* version : texts) {
      links.push_back({name->text(), version->text(), version});
    }
  }
  return links;
}

void ReadDefinition(const YamlNode& name, const YamlNode& version, const YamlNode& body,
                    Findings* findings, std::vector<ImageDefinition>* definitions) {
  ImageDefinition definition;
  definition.name = name.text();
  definition.version = version.text();
  definition.key = &version;
  const std::string what = absl::StrCat("image ", definition.id());
  if (findings->IsMap(body, what)) {
    findings->CheckKeys(body, what, ImageKeys());
    definition.name_field = body.Find("name");
    definition.version_field = body.Find("version");
    definition.registry = body.Find("registry");
    definition.name_space = body.Find("namespace");
    definition.tags = body.Find("tags");
    definition.labels = body.Find("labels");
    definition.persistent_labels = body.Find("persistent_labels");
    definition.vars = body.Find("vars");
    definition.persistent_vars = body.Find("persistent_vars");
    definition.builder = body.Find("builder");
    definition.platforms = body.Find("platforms");
    if (const YamlNode* parents = body.Find("parents"); parents != nullptr) {
      definition.parents = ReadLinks(*parents, "parents", findings);
    }
    if (const YamlNode* children = body.Find("children"); children != nullptr) {
      definition.children = ReadLinks(*children, "children", findings);
    }
  }
  definitions->push_back(std::move(definition));
}

void ReadTree(const YamlNode& images, absl::string_view key, Findings* findings,
              std::vector<ImageDefinition>* definitions) {
  if (!findings->IsMap(images, absl::StrCat("`", key, "`"))) return;
  for (const auto& [name, versions] : images.entries()) {
    if (absl::StartsWith(name->text(), "x-") || !IsGoodKey(*name, "the name of an image", findings))
      continue;
    if (!versions->is_map()) {
      findings->Error(versions->is_null() ? name->where() : versions->where(),
                      absl::StrCat("image ", base::Quoted(name->text()),
                                   " must be a map of versions to definitions, found ",
                                   versions->Describe(), "; write the version as a key below it"));
      continue;
    }
    for (const auto& [version, body] : versions->entries()) {
      if (!IsGoodKey(*version, "the version of an image", findings)) continue;
      ReadDefinition(*name, *version, *body, findings, definitions);
    }
  }
}

}  // namespace

void ReadImageDefinitions(const YamlDocument& document, Findings* findings,
                          std::vector<ImageDefinition>* definitions) {
  const YamlNode* root = document.root();
  if (root == nullptr || !findings->IsMap(*root, "a definitions file")) return;
  if (const YamlNode* images = root->Find("images"); images != nullptr) {
    ReadTree(*images, "images", findings, definitions);
  }
  if (const YamlNode* images = root->Find("images_tree"); images != nullptr) {
    findings->Warn(images->where(), "`images_tree` is deprecated; rename the key to `images`",
                   codes::kImagesTree);
    ReadTree(*images, "images_tree", findings, definitions);
  }
}

}  // namespace stevedore::graph
