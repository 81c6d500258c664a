#include "credentials/aws_profiles.h"

#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/status.h"

namespace stevedore::credentials {
namespace {

constexpr uint64_t kFileLimitBytes = 1 << 20;

// "profile ci" → "ci"; nullopt for sections that are about something else.
std::optional<std::string> ProfileName(absl::string_view section, AwsProfiles::Kind kind) {
  section = absl::StripAsciiWhitespace(section);
  if (kind == AwsProfiles::Kind::kCredentials || section == "default") return std::string(section);
  const size_t blank = section.find_first_of(" \t");
  if (blank == absl::string_view::npos || section.substr(0, blank) != "profile") {
    return std::nullopt;
  }
  section = absl::StripAsciiWhitespace(section.substr(blank));
  if (section.size() >= 2 && section.front() == section.back() &&
      (section.front() == '"' || section.front() == '\'')) {
    section = section.substr(1, section.size() - 2);
  }
  return std::string(section);
}

// Without a comment that begins after a blank.
absl::string_view WithoutComment(absl::string_view value) {
  for (size_t i = 1; i < value.size(); ++i) {
    if ((value[i] == '#' || value[i] == ';') && absl::ascii_isspace(value[i - 1])) {
      return value.substr(0, i);
    }
  }
  return value;
}

}  // namespace

std::string AwsProfile::Get(const std::string& name) const {
  const auto it = settings.find(name);
  return it == settings.end() ? "" : it->second.Reveal();
}

absl::Status AwsProfiles::Add(absl::string_view text, const std::string& name, Kind kind) {
  AwsProfile* profile = nullptr;
  bool in_section = false, in_group = false;
  int number = 0;
  absl::ConsumePrefix(&text, "\xef\xbb\xbf");
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    const auto wrong = [&](absl::string_view what) {
      return absl::InvalidArgumentError(absl::StrCat(name, ":", number, ": ", what));
    };
    const absl::string_view stripped = absl::StripAsciiWhitespace(line);
    if (stripped.empty() || stripped[0] == '#' || stripped[0] == ';') continue;
    // Settings of a setting (`s3 =` with indented lines): none of them is about identity.
    if (in_group && absl::ascii_isspace(line[0])) continue;
    in_group = false;
    if (stripped[0] == '[') {
      const size_t end = stripped.find(']');
      if (end == absl::string_view::npos) return wrong("a section must end with `]`");
      const auto section = ProfileName(stripped.substr(1, end - 1), kind);
      in_section = true;
      profile = nullptr;
      if (!section.has_value()) continue;
      if (section->empty()) return wrong("the section has no name");
      profile = &profiles_[*section];
      if (profile->file.empty()) profile->file = name;
      continue;
    }
    const size_t equals = stripped.find('=');
    if (equals == absl::string_view::npos || equals == 0) {
      return wrong("this is neither a section `[...]` nor a setting `name = value`");
    }
    if (!in_section) return wrong("a setting must stand below a section such as `[default]`");
    if (profile == nullptr) {
      in_group = absl::StripAsciiWhitespace(stripped.substr(equals + 1)).empty();
      continue;
    }
    const std::string key =
        absl::AsciiStrToLower(absl::StripAsciiWhitespace(stripped.substr(0, equals)));
    const absl::string_view value =
        absl::StripAsciiWhitespace(WithoutComment(stripped.substr(equals + 1)));
    in_group = value.empty();
    profile->settings[key] = base::Secret(std::string(value));
  }
  return absl::OkStatus();
}

absl::Status AwsProfiles::AddFile(const std::string& path, Kind kind, bool required) {
  const absl::StatusOr<std::string> text = base::ReadFile(path, kFileLimitBytes);
  if (absl::IsNotFound(text.status()) && !required) return absl::OkStatus();
  RETURN_IF_ERROR(text.status(), "AWS file");
  return Add(*text, path, kind);
}

const AwsProfile* AwsProfiles::Find(const std::string& name) const {
  const auto it = profiles_.find(name);
  return it == profiles_.end() ? nullptr : &it->second;
}

std::vector<std::string> AwsProfiles::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, profile] : profiles_) names.push_back(name);
  return names;
}

absl::StatusOr<std::vector<std::string>> SplitCommandLine(absl::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = '\0';
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '\\' && quote != '\'' && i + 1 < line.size()) {
      word += line[++i];
      in_word = true;
    } else if (quote != '\0') {
      if (c == quote) {
        quote = '\0';
      } else {
        word += c;
      }
    } else if (c == '"' || c == '\'') {
      quote = c;
      in_word = true;
    } else if (absl::ascii_isspace(c)) {
      if (in_word) words.push_back(std::exchange(word, ""));
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (quote != '\0') return absl::InvalidArgumentError("a quote does not end");
  if (in_word) words.push_back(std::move(word));
  if (words.empty()) return absl::InvalidArgumentError("it names no program");
  return words;
}

}  // namespace stevedore::credentials
