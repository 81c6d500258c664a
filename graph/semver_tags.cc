#include "graph/semver_tags.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "base/semantic_version.h"
#include "base/status.h"
#include "graph/template.h"
#include "graph/template_value.h"

namespace stevedore::graph {
namespace {

// The parts of one version, as templates see them.
class VersionRecord : public TemplateRecord {
 public:
  explicit VersionRecord(base::SemanticVersion version) : version_(std::move(version)) {}
  absl::string_view type_name() const override { return "semantic version"; }
  std::optional<TemplateValue> Field(absl::string_view name) const override {
    if (name == "Major") return TemplateValue::String(version_.major);
    if (name == "Minor") return TemplateValue::String(version_.minor);
    if (name == "Patch") return TemplateValue::String(version_.patch);
    if (name == "PreRelease") return TemplateValue::String(version_.pre_release);
    if (name == "Build") return TemplateValue::String(version_.build);
    return std::nullopt;
  }
  std::vector<std::string> FieldNames() const override {
    return {"Major", "Minor", "Patch", "PreRelease", "Build"};
  }

 private:
  const base::SemanticVersion version_;
};

}  // namespace

absl::StatusOr<std::vector<std::string>> SemverTags(const std::vector<std::string>& versions,
                                                    const std::vector<std::string>& templates,
                                                    bool strict) {
  std::vector<Template> parsed;
  for (const std::string& text : templates) {
    ASSIGN_OR_RETURN(Template one, Template::Parse(text), "semver tag template ",
                     base::Quoted(text));
    parsed.push_back(std::move(one));
  }
  std::vector<std::string> tags;
  for (const std::string& version : versions) {
    std::optional<base::SemanticVersion> parts = base::ParseSemanticVersion(version, strict);
    if (!parts.has_value()) continue;
    const TemplateValue data =
        TemplateValue::OfRecord(std::make_shared<VersionRecord>(*std::move(parts)));
    for (size_t i = 0; i < parsed.size(); ++i) {
      ASSIGN_OR_RETURN(const TemplateOutput output, parsed[i].Execute(data), "semver tag template ",
                       base::Quoted(templates[i]));
      if (output.text.empty()) continue;
      if (std::find(tags.begin(), tags.end(), output.text) == tags.end()) {
        tags.push_back(output.text);
      }
    }
  }
  return tags;
}

}  // namespace stevedore::graph
