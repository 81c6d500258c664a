#include "cli/project_findings.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/status.h"
#include "cli/structured_output.h"
#include "credentials/envelope.h"
#include "graph/build_check.h"
#include "graph/catalog.h"
#include "graph/configuration.h"
#include "graph/finding_codes.h"
#include "graph/findings.h"
#include "graph/lint.h"

namespace stevedore::cli {
namespace {

using graph::Diagnostic;
using graph::Severity;
using Entries = std::vector<std::pair<std::string, std::string>>;

constexpr char kVariablePrefix[] = "STEVEDORE_ENVVARS_CREDENTIALS_";

const char* NameOf(Severity severity) {
  switch (severity) {
    case Severity::kError:
      return "error";
    case Severity::kWarning:
      return "warning";
    case Severity::kNote:
      return "note";
  }
  return "";
}

std::string Plural(size_t count, absl::string_view what) {
  return absl::StrCat(count, " ", what, count == 1 ? "" : "s");
}

// "what; what to do" in its two halves.
std::pair<absl::string_view, absl::string_view> Halves(absl::string_view text) {
  const size_t middle = text.find("; ");
  if (middle == absl::string_view::npos) return {text, ""};
  return {text.substr(0, middle), text.substr(middle + 2)};
}

Entries StoredCredentials(const graph::ConfigurationSources& sources,
                          const graph::Configuration& configuration) {
  Entries entries;
  if (configuration.credentials_storage_type == "envvars") {
    for (const auto& [name, value] : sources.environment) {
      if (absl::StartsWith(name, kVariablePrefix)) entries.push_back({name, value});
    }
    return entries;
  }
  std::error_code error;
  const std::string& folder = configuration.credentials_local_storage_path;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    // Names are hashes; whatever else is there is not ours.
    const std::string name = entry.path().filename().string();
    if (name.size() != 32 || !entry.is_regular_file(error)) continue;
    absl::StatusOr<std::string> text = base::ReadFile(entry.path().string());
    if (text.ok()) entries.push_back({entry.path().string(), *std::move(text)});
  }
  return entries;
}

// Warnings of loaders have their severity from their code.
void Append(const std::vector<Diagnostic>& warnings, std::vector<Diagnostic>* findings) {
  for (Diagnostic warning : warnings) {
    warning.severity = graph::SeverityOf(warning.code);
    // An unknown key that --lenient let pass.
    if (warning.severity == Severity::kError) warning.severity = Severity::kWarning;
    findings->push_back(std::move(warning));
  }
}

nlohmann::ordered_json ToJson(const ProjectFindings& project) {
  nlohmann::ordered_json json;
  json["errors"] = project.Count(Severity::kError);
  json["warnings"] = project.Count(Severity::kWarning);
  json["notes"] = project.Count(Severity::kNote);
  json["images"] = project.images;
  json["wildcards"] = project.wildcards;
  json["builders"] = project.builders;
  json["findings"] = nlohmann::ordered_json::array();
  for (const Diagnostic& finding : project.findings) {
    const auto [what, fix] = Halves(finding.text);
    json["findings"].push_back({{"file", finding.where.file},
                                {"line", finding.where.line},
                                {"column", finding.where.column},
                                {"severity", NameOf(finding.severity)},
                                {"code", finding.code},
                                {"message", std::string(what)},
                                {"fix", std::string(fix)}});
  }
  return json;
}

}  // namespace

size_t ProjectFindings::Count(Severity severity) const {
  return std::count_if(findings.begin(), findings.end(),
                       [&](const Diagnostic& finding) { return finding.severity == severity; });
}

absl::StatusOr<ProjectFindings> InspectProject(const CommandContext& context, bool lint) {
  ASSIGN_OR_RETURN(graph::CatalogOptions options, graph::CatalogOptions::FromProcess());
  options.lenient = context.lenient;
  graph::ConfigurationSources sources = graph::ConfigurationSources::FromProcess();
  sources.file = context.config_path;
  sources.lenient = context.lenient;

  ProjectFindings project;
  std::vector<Diagnostic>& findings = project.findings;
  const graph::Configuration configuration = graph::Configuration::Inspect(sources, &findings);
  graph::Catalog::Inspection inspection = graph::Catalog::Inspect(configuration, options);
  const graph::Catalog& catalog = inspection.catalog;
  findings.insert(findings.end(), inspection.errors.begin(), inspection.errors.end());
  graph::Findings checks(context.lenient);
  graph::CheckReferences(catalog, &checks);
  graph::CheckContexts(catalog, &checks);
  const std::vector<Diagnostic> errors = checks.SortedErrors();
  findings.insert(findings.end(), errors.begin(), errors.end());

  Append(configuration.warnings, &findings);
  Append(catalog.warnings(), &findings);
  Append(checks.warnings(), &findings);
  if (lint) {
    graph::LintConfiguration(sources, configuration, &findings);
    graph::LintDefinitions(catalog, &findings);
    const auto place = configuration.set_at.find("credentials.storage_type");
    const std::vector<Diagnostic> weak =
        LintCredentials(place != configuration.set_at.end()
                            ? place->second
                            : graph::SourceLocation{configuration.credentials_local_storage_path},
                        StoredCredentials(sources, configuration));
    findings.insert(findings.end(), weak.begin(), weak.end());
  }
  graph::SortByPlace(&findings);
  project.images = catalog.instances().size();
  project.wildcards = catalog.wildcards().size();
  project.builders = catalog.builders().size();
  return project;
}

std::vector<Diagnostic> LintCredentials(
    const graph::SourceLocation& where,
    absl::Span<const std::pair<std::string, std::string>> entries) {
  std::vector<std::string> plain, weak;
  for (const auto& [name, text] : entries) {
    switch (credentials::KindOf(absl::StripAsciiWhitespace(text))) {
      case credentials::EnvelopeKind::kPlain:
        plain.push_back(name);
        break;
      case credentials::EnvelopeKind::kGostevedore:
        weak.push_back(name);
        break;
      case credentials::EnvelopeKind::kScrypt:
        break;
    }
  }
  std::vector<Diagnostic> findings;
  auto add = [&](std::vector<std::string>& names, absl::string_view what) {
    if (names.empty()) return;
    std::sort(names.begin(), names.end());
    findings.push_back({where,
                        absl::StrCat(Plural(names.size(), "credential"), " (", names[0],
                                     names.size() > 1 ? ", ..." : "", ") ", what),
                        std::string(graph::codes::kWeakEncryption), Severity::kWarning});
  };
  add(plain,
      "in clear text; set an encryption key (STEVEDORE_CREDENTIALS_ENCRYPTION_KEY) and run "
      "`migrate credentials`");
  add(weak,
      "encrypted as gostevedore does it, with a key that is guessed fast if the passphrase is "
      "weak; run `migrate credentials` when gostevedore no longer reads them");
  return findings;
}

std::string SummaryOf(const ProjectFindings& project) {
  const size_t errors = project.Count(Severity::kError);
  const size_t warnings = project.Count(Severity::kWarning);
  const size_t notes = project.Count(Severity::kNote);
  std::string text = errors == 0 ? "no errors" : Plural(errors, "error");
  if (warnings > 0) absl::StrAppend(&text, ", ", Plural(warnings, "warning"));
  if (notes > 0) absl::StrAppend(&text, ", ", Plural(notes, "note"));
  absl::StrAppend(&text, ": ", Plural(project.images, "image"), ", ",
                  Plural(project.wildcards, "wildcard"), ", ", Plural(project.builders, "builder"),
                  "\n");
  return text;
}

std::string FormatFindings(const ProjectFindings& project, absl::string_view format) {
  if (format == "json") return ToJsonText(ToJson(project));
  if (format == "yaml") return ToYamlText(ToJson(project));
  std::string text;
  for (const Diagnostic& finding : project.findings) {
    const std::string place = finding.where.ToString();
    absl::StrAppend(&text, place, place.empty() ? "" : ": ", NameOf(finding.severity),
                    finding.code.empty() ? "" : " ", finding.code, ": ", finding.text, "\n");
  }
  return text;
}

}  // namespace stevedore::cli
