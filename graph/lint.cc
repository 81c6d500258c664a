#include "graph/lint.h"

#include <sys/stat.h>

#include <set>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/file.h"
#include "base/status.h"
#include "graph/finding_codes.h"
#include "graph/lint_rules.h"

namespace stevedore::graph {
namespace {

// In gostevedore's order.
constexpr const char* kExtensions[] = {".json",  ".toml", ".yaml", ".yml",    ".properties",
                                       ".props", ".prop", ".hcl",  ".tfvars", ".dotenv",
                                       ".env",   ".ini",  ""};

bool IsFile(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

// The file that gostevedore would read; empty: none.
std::string TheirFile(const ConfigurationSources& sources) {
  std::vector<std::string> folders;
  if (!sources.home.empty()) {
    folders.push_back(base::JoinPath(sources.home, ".config/stevedore"));
    folders.push_back(sources.home);
  }
  folders.push_back(sources.working_directory == "." ? "" : sources.working_directory);
  for (const std::string& folder : folders) {
    for (const char* extension : kExtensions) {
      const std::string path = base::JoinPath(folder, absl::StrCat("stevedore", extension));
      if (IsFile(path)) return path;
    }
  }
  return "";
}

void LintOrder(const ConfigurationSources& sources, const Configuration& configuration,
               LintReport* report) {
  if (!sources.file.empty()) return;
  const std::string theirs = TheirFile(sources);
  if (theirs.empty() || theirs == configuration.file) return;
  report->Add({configuration.file.empty() ? theirs : configuration.file, 0, 0},
              codes::kConfigurationOrder,
              configuration.file.empty()
                  ? absl::StrCat("gostevedore reads ", theirs,
                                 " as its configuration; only stevedore.yaml and stevedore.yml are "
                                 "found by themselves here: rename it, or give --config ",
                                 theirs)
                  : absl::StrCat("gostevedore reads ", theirs,
                                 " and not this file; here the working directory comes first: "
                                 "move what is still wanted of ",
                                 theirs, " here and remove it, or give --config"));
}

}  // namespace

void LintReport::Add(const SourceLocation& where, absl::string_view code, std::string text) {
  findings_.push_back({where, std::move(text), std::string(code), SeverityOf(code)});
}

void LintConfiguration(const ConfigurationSources& sources, const Configuration& configuration,
                       std::vector<Diagnostic>* findings) {
  LintReport report(findings);
  LintOrder(sources, configuration, &report);
  const auto semver = configuration.set_at.find("semantic_version_tags_enabled");
  if (semver != configuration.set_at.end() && configuration.semantic_version_tags_enabled) {
    report.Add(semver->second, codes::kSemverEnabled,
               absl::StrCat("gostevedore makes no tags by this alone (it needs "
                            "--enable-semver-tags too); here every build of a semantic version "
                            "also moves ",
                            absl::StrJoin(configuration.semantic_version_tags_templates, ", "),
                            "; remove it to keep the tags as they were"));
  }
  const auto key = configuration.set_at.find("credentials.encryption_key");
  struct stat info;
  if (key != configuration.set_at.end() && stat(configuration.file.c_str(), &info) == 0 &&
      (info.st_mode & 077) != 0) {
    report.Add(key->second, codes::kReadableKey,
               absl::StrCat("whoever can read this file can open the credential store; chmod 600 ",
                            configuration.file,
                            ", or set STEVEDORE_CREDENTIALS_ENCRYPTION_KEY instead, and keep the "
                            "key out of git"));
  }
}

void LintDefinitions(const Catalog& catalog, std::vector<Diagnostic>* findings) {
  LintReport report(findings);
  const Catalog::Content& content = catalog.content();
  std::set<std::string> used;
  bool any_template = false;
  for (const ImageDefinition& definition : content.definitions) {
    if (definition.builder == nullptr) continue;
    if (definition.builder->is_map()) {
      LintBuilder(*definition.builder, definition.id(), /*is_global=*/false, &report);
    } else if (definition.builder->is_scalar()) {
      used.insert(definition.builder->text());
      any_template |= absl::StrContains(definition.builder->text(), "{{");
    }
  }
  for (const auto& document : content.documents) {
    const YamlNode* root = document->root();
    const YamlNode* builders = root == nullptr ? nullptr : root->Find("builders");
    if (builders == nullptr) continue;
    for (const auto& [key, body] : builders->entries()) {
      LintBuilder(*body, key->text(), /*is_global=*/true, &report);
      const YamlNode* field = body->Find("name");
      const std::string& name =
          field != nullptr && field->is_scalar() ? field->text() : key->text();
      if (any_template || used.count(name) > 0 || absl::StartsWith(key->text(), "x-")) continue;
      report.Add(key->where(), codes::kUnusedBuilder,
                 absl::StrCat("no image names builder ", base::Quoted(name),
                              "; remove it, or name it (`builder: ", name, "`)"));
    }
  }
  LintImages(content, &report);
  LintContexts(content, &report);
}

}  // namespace stevedore::graph
