#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "graph/finding_codes.h"
#include "graph/keys.h"
#include "graph/lint_rules.h"

namespace stevedore::graph {
namespace {

// Arguments that docker builds get; playbooks get the others too.
constexpr absl::string_view kParentPrefix = "image_from_";

std::string TextAt(const YamlNode& map, absl::string_view key) {
  const YamlNode* node = map.Find(key);
  return node != nullptr && node->is_scalar() ? node->text() : "";
}

void LintMapping(const YamlNode& mapping, const std::string& driver, bool is_global,
                 LintReport* report) {
  if (!mapping.is_map()) return;
  if (mapping.entries().empty()) {
    if (!is_global) return;
    report->Add(mapping.where(), codes::kEmptyMapping,
                "in gostevedore an empty `variables_mapping` passes no arguments about the parent; "
                "here all have their default names; give an argument the name \"\" to leave it "
                "out");
    return;
  }
  std::vector<std::string> left_out;
  for (absl::string_view name : MappingKeys().Names()) {
    const bool matters = absl::StartsWith(name, kParentPrefix) || driver == "ansible-playbook";
    if (matters && mapping.Find(name) == nullptr) {
      left_out.push_back(std::string(MappingKeys().Find(name)->default_value));
    }
  }
  for (const auto& [key, value] : mapping.entries()) {
    const Key* known = MappingKeys().Find(key->text());
    if (known == nullptr || known->alias_of.empty()) continue;
    report->Add(key->where(), codes::kMappingSpelling,
                absl::StrCat("gostevedore ignores this spelling, which its documentation has; here "
                             "it is taken as ",
                             known->alias_of, "; write that"));
  }
  if (left_out.empty()) return;
  report->Add(
      mapping.where(), codes::kPartialMapping,
      absl::StrCat("in gostevedore a mapping that names some arguments loses the others, "
                   "and passes one with an empty name; here these keep their default "
                   "names: ",
                   absl::StrJoin(left_out, ", "), "; give one the name \"\" to leave it out"));
}

bool LooksLikeNoBranch(absl::string_view reference) {
  const bool is_hash = reference.size() >= 7 &&
                       reference.find_first_not_of("0123456789abcdef") == absl::string_view::npos;
  const bool is_version =
      reference.find_first_of("0123456789") <= 1 && absl::StrContains(reference, '.');
  return is_hash || is_version || absl::StartsWith(reference, "refs/");
}

void LintGit(const YamlNode& git, LintReport* report) {
  const YamlNode* reference = git.Find("reference");
  const std::string text = TextAt(git, "reference");
  if (text.empty()) {
    report->Add(reference == nullptr ? git.where() : reference->where(), codes::kGitReference,
                "without `reference` gostevedore takes branch master; here it is the server's "
                "default branch; write the branch, e.g. `reference: master`");
  } else if (LooksLikeNoBranch(text)) {
    report->Add(reference->where(), codes::kGitReference,
                absl::StrCat("gostevedore takes ", base::Quoted(text),
                             " for a branch and nothing else; here it may be a branch, tag, full "
                             "ref or commit; write refs/heads/",
                             text, " if the branch is meant"));
  }
  if (const std::string path = TextAt(git, "path"); !path.empty()) {
    report->Add(
        git.Find("path")->where(), codes::kGitPath,
        absl::StrCat("gostevedore takes every file whose path begins with ", base::Quoted(path),
                     " (a regular expression); here it is that folder; write the folder "
                     "that is meant"));
  }
  const YamlNode* auth = git.Find("auth");
  if (auth == nullptr) return;
  for (const auto& [key, value] : auth->entries()) {
    const Key* known = GitAuthKeys().Find(key->text());
    if (known == nullptr || !known->secret || !value->is_scalar() || value->text().empty()) {
      continue;
    }
    report->Add(value->where(), codes::kInlineSecret,
                absl::StrCat("`", key->text(),
                             "` is in clear text in a definitions file; put it into the store "
                             "(`create credentials ID`) and write `credentials_id: ID`"));
  }
}

}  // namespace

void LintBuilder(const YamlNode& node, const std::string& name, bool is_global,
                 LintReport* report) {
  const std::string driver = TextAt(node, "driver");
  if (driver == "default" || driver == "dry-run" || driver == "none") {
    report->Add(node.Find("driver")->where(), codes::kNoOpBuilder,
                absl::StrCat("driver ", driver, " builds nothing, so images of builder ", name,
                             " are expected to be made elsewhere; name a driver that builds, or "
                             "leave `builder` out of these images"));
  }
  if (const YamlNode* mapping = node.Find("variables_mapping"); mapping != nullptr) {
    LintMapping(*mapping, driver, is_global, report);
  }
  const YamlNode* options = node.Find("options");
  const YamlNode* context = options == nullptr ? nullptr : options->Find("context");
  if (context == nullptr) return;
  std::vector<const YamlNode*> elements = {context};
  if (context->is_list()) elements = context->items();
  for (const YamlNode* element : elements) {
    const YamlNode* git = element->Find("git");
    if (git == nullptr) continue;
    if (!TextAt(*element, "path").empty()) {
      report->Add(git->where(), codes::kPathAndGit,
                  "`path` of this context wins and `git` is ignored; remove one, or make two "
                  "contexts of them");
      continue;
    }
    LintGit(*git, report);
  }
}

}  // namespace stevedore::graph
