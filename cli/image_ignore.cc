#include "cli/image_ignore.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/byte_source.h"
#include "base/file.h"
#include "base/status.h"
#include "context/filtered_tree.h"
#include "nlohmann/json.hpp"

namespace stevedore::cli {
namespace {

constexpr uint64_t kMostBytes = 2 << 20;

// A text of the driver's options; empty if there is none.
std::string Option(const graph::ResolvedImage& image, const char* name) {
  const nlohmann::json options =
      nlohmann::json::parse(image.options_json, nullptr, /*allow_exceptions=*/false);
  if (!options.is_object() || !options.contains(name) || !options[name].is_string()) return "";
  return options[name].get<std::string>();
}

std::string DockerfileOf(const graph::ResolvedImage& image) {
  if (image.driver != "docker" && image.driver != "buildkit" && image.driver != "native") return "";
  const std::string dockerfile = Option(image, "dockerfile");
  return dockerfile.empty() ? "Dockerfile" : dockerfile;
}

absl::StatusOr<std::string> ReadFromTree(const context::Tree& tree, const std::string& name) {
  const context::TreeEntry* const entry = tree.Find(name);
  if (entry == nullptr || entry->type != context::TreeEntry::Type::kFile) {
    return absl::NotFoundError(name);
  }
  if (entry->size > kMostBytes) {
    return absl::ResourceExhaustedError(absl::StrCat(name, " has ", entry->size, " bytes"));
  }
  ASSIGN_OR_RETURN(const auto reader, tree.OpenContent(entry->content_id));
  std::string text(entry->size, '\0');
  RETURN_IF_ERROR(reader->ReadAt(0, text.data(), text.size()));
  return text;
}

}  // namespace

absl::StatusOr<context::IgnoreRules> IgnoreRulesOf(const graph::ResolvedImage& image,
                                                   const GitTrees& git_trees) {
  const auto read = [&](const std::string& name) -> absl::StatusOr<std::string> {
    for (auto spec = image.contexts.rbegin(); spec != image.contexts.rend(); ++spec) {
      absl::StatusOr<std::string> text = absl::NotFoundError(name);
      if (spec->git.has_value()) {
        const auto tree = git_trees.find(graph::ContextName(*spec));
        if (tree != git_trees.end()) text = ReadFromTree(*tree->second, name);
      } else {
        text = base::ReadFile(base::JoinPath(spec->resolved_path, name), kMostBytes);
      }
      if (!absl::IsNotFound(text.status())) return text;
    }
    return absl::NotFoundError(name);
  };
  const std::string where = absl::StrCat(
      image.where.file.empty() ? "" : image.where.ToString() + ": ", "context of image ", image.id);
  absl::StatusOr<context::IgnoreRules> rules = context::FindIgnoreRules(DockerfileOf(image), read);
  RETURN_IF_ERROR(rules.status(), where);
  if (image.driver == "ansible-playbook" && !rules->empty()) {
    rules->AlwaysKeep(Option(image, "playbook"));
  }
  return rules;
}

}  // namespace stevedore::cli
