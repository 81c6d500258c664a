#include "graph/semver_tags.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "graph/template.h"
#include "graph/template_value.h"

namespace stevedore::graph {
namespace {

bool IsNumber(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit) &&
         (text.size() == 1 || text[0] != '0');
}

// Dot-separated identifiers of letters, digits and `-`; numeric ones without leading zeros if
// `as_pre_release`.
bool AreIdentifiers(absl::string_view text, bool as_pre_release) {
  for (absl::string_view part : absl::StrSplit(text, '.')) {
    const bool letters = !part.empty() && std::all_of(part.begin(), part.end(), [](char c) {
      return absl::ascii_isalnum(c) || c == '-';
    });
    const bool digits = std::all_of(part.begin(), part.end(), absl::ascii_isdigit);
    if (!letters || (as_pre_release && digits && !IsNumber(part))) return false;
  }
  return true;
}

// The parts of one version, as templates see them.
class VersionRecord : public TemplateRecord {
 public:
  explicit VersionRecord(SemanticVersion version) : version_(std::move(version)) {}
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
  const SemanticVersion version_;
};

}  // namespace

std::optional<SemanticVersion> ParseSemanticVersion(absl::string_view text, bool strict) {
  SemanticVersion version;
  if (!strict) absl::ConsumePrefix(&text, "v");
  if (const size_t plus = text.find('+'); plus != absl::string_view::npos) {
    version.build = std::string(text.substr(plus + 1));
    if (!AreIdentifiers(version.build, /*as_pre_release=*/false)) return std::nullopt;
    text = text.substr(0, plus);
  }
  if (const size_t dash = text.find('-'); dash != absl::string_view::npos) {
    version.pre_release = std::string(text.substr(dash + 1));
    if (!AreIdentifiers(version.pre_release, /*as_pre_release=*/true)) return std::nullopt;
    text = text.substr(0, dash);
  }
  const std::vector<absl::string_view> numbers = absl::StrSplit(text, '.');
  if (numbers.size() > 3 || (strict && numbers.size() < 3)) return std::nullopt;
  if (!std::all_of(numbers.begin(), numbers.end(), IsNumber)) return std::nullopt;
  version.major = std::string(numbers[0]);
  version.minor = numbers.size() > 1 ? std::string(numbers[1]) : "0";
  version.patch = numbers.size() > 2 ? std::string(numbers[2]) : "0";
  return version;
}

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
    std::optional<SemanticVersion> parts = ParseSemanticVersion(version, strict);
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
