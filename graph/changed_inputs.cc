#include "graph/changed_inputs.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "graph/yaml_document.h"

namespace stevedore::graph {
namespace {

// Settings of a run or a machine: no image depends on them.
constexpr absl::string_view kHarmlessSettings[] = {
    "build_on_cascade", "concurrency", "credentials", "docker_registry_credentials_dir",
    "log_path",         "num_workers"};

bool Same(const YamlNode* a, const YamlNode* b) {
  if (a == b) return true;
  if (a == nullptr || b == nullptr || a->kind() != b->kind()) return false;
  switch (a->kind()) {
    case YamlNode::Kind::kNull:
      return true;
    case YamlNode::Kind::kScalar:
      return a->is_plain() == b->is_plain() && a->text() == b->text();
    case YamlNode::Kind::kList:
      return std::equal(a->items().begin(), a->items().end(), b->items().begin(), b->items().end(),
                        Same);
    case YamlNode::Kind::kMap:
      return a->entries().size() == b->entries().size() &&
             std::all_of(a->entries().begin(), a->entries().end(), [b](const auto& entry) {
               const YamlNode* other = b->Find(entry.first->text());
               return other != nullptr && Same(entry.second, other);
             });
  }
  return false;
}

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

// A definition or builder in one state of the files.
struct Entry {
  const YamlNode* body = nullptr;
  const std::string* path = nullptr;
};

// All entries of one state of the files, by "NAME:VERSION" or builder key.
class State {
 public:
  // Nothing is added for a text that cannot be read: false.
  bool Add(const std::string& path, const std::optional<std::string>& text) {
    if (!text.has_value()) return true;
    absl::StatusOr<std::unique_ptr<YamlDocument>> document = YamlDocument::Parse(path, *text);
    if (!document.ok()) return false;
    documents_.push_back(*std::move(document));
    paths_.push_back(std::make_unique<std::string>(path));
    const YamlNode* root = documents_.back()->root();
    if (root == nullptr) return true;
    if (!root->is_map()) return false;
    for (const char* key : {"images", "images_tree"}) AddImages(root->Find(key));
    const YamlNode* builders = root->Find("builders");
    if (builders == nullptr || !builders->is_map()) return true;
    for (const auto& [name, body] : builders->entries()) {
      this->builders.insert_or_assign(name->text(), Entry{body, paths_.back().get()});
    }
    return true;
  }

  std::map<std::string, Entry> images;
  std::map<std::string, Entry> builders;

 private:
  void AddImages(const YamlNode* names) {
    if (names == nullptr || !names->is_map()) return;
    for (const auto& [name, versions] : names->entries()) {
      if (!versions->is_map()) continue;
      for (const auto& [version, body] : versions->entries()) {
        images.insert_or_assign(absl::StrCat(name->text(), ":", version->text()),
                                Entry{body, paths_.back().get()});
      }
    }
  }

  std::vector<std::unique_ptr<YamlDocument>> documents_;
  std::vector<std::unique_ptr<std::string>> paths_;
};

// Ids that `children` of a definition name.
std::set<std::string> ChildrenOf(const YamlNode* body) {
  std::set<std::string> ids;
  const YamlNode* children = body == nullptr || !body->is_map() ? nullptr : body->Find("children");
  if (children == nullptr || !children->is_map()) return ids;
  for (const auto& [name, versions] : children->entries()) {
    for (const YamlNode* version : versions->items()) {
      ids.insert(absl::StrCat(name->text(), ":", version->text()));
    }
    if (versions->is_scalar()) ids.insert(absl::StrCat(name->text(), ":", versions->text()));
  }
  return ids;
}

// The names under which images may know a builder.
std::vector<std::string> NamesOf(const std::string& key, const YamlNode* body) {
  std::vector<std::string> names = {key};
  const YamlNode* name = body == nullptr || !body->is_map() ? nullptr : body->Find("name");
  if (name != nullptr && name->is_scalar()) names.push_back(name->text());
  return names;
}

// What became of one entry; empty: nothing.
std::string Change(const Entry* before, const Entry* after, bool by_folder) {
  if (after == nullptr) return absl::StrCat("was removed from ", *before->path);
  if (before == nullptr) return absl::StrCat("is new in ", *after->path);
  if (!Same(before->body, after->body)) return absl::StrCat("changed in ", *after->path);
  if (by_folder && FolderOf(*before->path) != FolderOf(*after->path)) {
    return absl::StrCat("moved from ", *before->path, " to ", *after->path);
  }
  return "";
}

void CompareImages(const State& before, const State& after, bool by_folder,
                   ChangedInputs* changes) {
  auto look = [&](const std::string& id, const Entry* then, const Entry* now) {
    const std::string change = Change(then, now, by_folder);
    if (change.empty()) return;
    changes->definitions.emplace(id, absl::StrCat("its definition ", change));
    // Another definition may have said that this is its child: then it lost or won a parent.
    const std::set<std::string> old_children = ChildrenOf(then == nullptr ? nullptr : then->body);
    const std::set<std::string> new_children = ChildrenOf(now == nullptr ? nullptr : now->body);
    std::vector<std::string> differ;
    std::set_symmetric_difference(old_children.begin(), old_children.end(), new_children.begin(),
                                  new_children.end(), std::back_inserter(differ));
    for (const std::string& child : differ) {
      changes->definitions.emplace(child, absl::StrCat("its parent ", id, " ", change));
    }
    if (now != nullptr) return;
    // What the removed definition stood for is made from the wildcard now.
    changes->definitions.emplace(absl::StrCat(id.substr(0, id.find(':')), ":*"),
                                 absl::StrCat(id, " ", change));
  };
  for (const auto& [id, then] : before.images) {
    const auto now = after.images.find(id);
    look(id, &then, now == after.images.end() ? nullptr : &now->second);
  }
  for (const auto& [id, now] : after.images) {
    if (before.images.count(id) == 0) look(id, nullptr, &now);
  }
}

void CompareBuilders(const State& before, const State& after, bool by_folder,
                     ChangedInputs* changes) {
  auto look = [&](const std::string& key, const Entry* then, const Entry* now) {
    const std::string change = Change(then, now, by_folder);
    if (change.empty()) return;
    for (const Entry* entry : {then, now}) {
      if (entry == nullptr) continue;
      for (const std::string& name : NamesOf(key, entry->body)) {
        changes->builders.emplace(name, absl::StrCat("its builder ", name, " ", change));
      }
    }
  };
  for (const auto& [key, then] : before.builders) {
    const auto now = after.builders.find(key);
    look(key, &then, now == after.builders.end() ? nullptr : &now->second);
  }
  for (const auto& [key, now] : after.builders) {
    if (before.builders.count(key) == 0) look(key, nullptr, &now);
  }
}

bool IsSetting(absl::string_view key) {
  const std::string lower = absl::AsciiStrToLower(key);
  if (lower == "images" || lower == "images_tree" || lower == "builders") return false;
  if (absl::StartsWith(lower, "x-")) return false;
  return std::find(std::begin(kHarmlessSettings), std::end(kHarmlessSettings), lower) ==
         std::end(kHarmlessSettings);
}

// Settings of one state; nullopt if it cannot be read. Nodes belong to `document`.
std::optional<std::map<std::string, const YamlNode*>> SettingsOf(
    const FileVersions& file, const std::optional<std::string>& text,
    std::unique_ptr<YamlDocument>* document) {
  std::map<std::string, const YamlNode*> settings;
  if (!text.has_value()) return settings;
  absl::StatusOr<std::unique_ptr<YamlDocument>> parsed = YamlDocument::Parse(file.path, *text);
  if (!parsed.ok()) return std::nullopt;
  *document = *std::move(parsed);
  const YamlNode* root = (*document)->root();
  if (root == nullptr) return settings;
  if (!root->is_map()) return std::nullopt;
  for (const auto& [key, value] : root->entries()) {
    if (IsSetting(key->text())) settings[absl::AsciiStrToLower(key->text())] = value;
  }
  return settings;
}

}  // namespace

std::optional<std::string> ChangedInputs::CauseOf(const ImageInstance& image) const {
  if (!everything.empty()) return everything;
  const auto definition =
      definitions.find(absl::StrCat(image.definition_name, ":", image.definition_version));
  if (definition != definitions.end()) return definition->second;
  if (!image.has_builder()) return std::nullopt;
  const Builder& builder = *image.builder;
  if (!builder.in_place) {
    const auto changed = builders.find(builder.name);
    if (changed != builders.end()) return changed->second;
  }
  if (builder.driver == "ansible-playbook") return "what its playbook reads is not known";
  if (context_change == nullptr) return std::nullopt;
  for (const ContextSpec& context : builder.contexts) {
    std::optional<std::string> change = context_change(context);
    if (change.has_value()) return change;
  }
  return std::nullopt;
}

void CompareDefinitions(const std::vector<FileVersions>& files, bool by_folder,
                        ChangedInputs* changes) {
  State before, after;
  std::vector<const FileVersions*> unreadable;
  for (const FileVersions& file : files) {
    if (!before.Add(file.path, file.before)) unreadable.push_back(&file);
    (void)after.Add(file.path, file.after);  // The catalog has said what is wrong with it.
  }
  CompareImages(before, after, by_folder, changes);
  CompareBuilders(before, after, by_folder, changes);
  if (unreadable.empty() || !changes->everything.empty()) return;
  // What the file took away from others is not known either.
  changes->everything =
      absl::StrCat("the earlier state of ", unreadable.front()->path, " cannot be read");
}

bool SettingsDiffer(const FileVersions& file) {
  std::unique_ptr<YamlDocument> old_document, new_document;
  const auto before = SettingsOf(file, file.before, &old_document);
  const auto after = SettingsOf(file, file.after, &new_document);
  if (!before.has_value() || !after.has_value()) return true;
  return !std::equal(
      before->begin(), before->end(), after->begin(), after->end(),
      [](const auto& a, const auto& b) { return a.first == b.first && Same(a.second, b.second); });
}

}  // namespace stevedore::graph
