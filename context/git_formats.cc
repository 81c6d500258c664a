#include "context/git_formats.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"

namespace stevedore::context {
namespace {

constexpr size_t kModulesLimit = 1 << 20;

// Git's configuration syntax, as far as .gitmodules uses it.
class ModulesReader {
 public:
  explicit ModulesReader(absl::string_view text) : text_(text) {}

  absl::StatusOr<std::vector<GitSubmodule>> Read() {
    absl::ConsumePrefix(&text_, "\xef\xbb\xbf");
    while (true) {
      SkipBlank();
      if (text_.empty()) break;
      if (text_[0] == '[') {
        RETURN_IF_ERROR(ReadSection());
      } else {
        RETURN_IF_ERROR(ReadVariable());
      }
    }
    std::vector<GitSubmodule> complete;
    for (GitSubmodule& module : modules_) {
      while (absl::EndsWith(module.path, "/")) module.path.pop_back();
      if (!module.path.empty() && !module.url.empty()) complete.push_back(std::move(module));
    }
    return complete;
  }

 private:
  absl::Status Wrong(absl::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat(".gitmodules:", line_, ": ", what));
  }

  char Take() {
    const char c = text_[0];
    if (c == '\n') ++line_;
    text_.remove_prefix(1);
    return c;
  }

  void SkipBlank() {
    while (!text_.empty()) {
      if (text_[0] == '#' || text_[0] == ';') {
        while (!text_.empty() && text_[0] != '\n') Take();
      } else if (absl::ascii_isspace(text_[0])) {
        Take();
      } else {
        return;
      }
    }
  }

  // After "[".
  absl::Status ReadSection() {
    Take();
    std::string section;
    while (!text_.empty() &&
           (absl::ascii_isalnum(text_[0]) || text_[0] == '-' || text_[0] == '.')) {
      section.push_back(absl::ascii_tolower(Take()));
    }
    while (!text_.empty() && (text_[0] == ' ' || text_[0] == '\t')) Take();
    std::string name;
    if (!text_.empty() && text_[0] == '"') {
      Take();
      while (true) {
        if (text_.empty() || text_[0] == '\n') return Wrong("a section name has no closing quote");
        char c = Take();
        if (c == '"') break;
        if (c == '\\') {
          if (text_.empty() || text_[0] == '\n') {
            return Wrong("a section name has no closing quote");
          }
          c = Take();
        }
        name.push_back(c);
      }
    }
    if (text_.empty() || text_[0] != ']') return Wrong("a section has no closing ]");
    Take();
    in_submodule_ = section == "submodule" && !name.empty();
    if (in_submodule_) current_ = IndexOf(name);
    return absl::OkStatus();
  }

  absl::Status ReadVariable() {
    std::string key;
    while (!text_.empty() && (absl::ascii_isalnum(text_[0]) || text_[0] == '-')) {
      key.push_back(absl::ascii_tolower(Take()));
    }
    if (key.empty()) return Wrong("a line is neither [section], key = value nor a comment");
    while (!text_.empty() && (text_[0] == ' ' || text_[0] == '\t')) Take();
    std::string value;
    if (!text_.empty() && text_[0] == '=') {
      Take();
      RETURN_IF_ERROR(ReadValue(&value));
    }
    if (!in_submodule_) return absl::OkStatus();
    if (key == "path") modules_[current_].path = value;
    if (key == "url") modules_[current_].url = value;
    return absl::OkStatus();
  }

  absl::Status ReadValue(std::string* value) {
    bool quoted = false;
    size_t kept = 0;  // Up to here blanks count: what follows may be blanks at the end.
    while (!text_.empty() && (text_[0] == ' ' || text_[0] == '\t')) Take();
    while (!text_.empty()) {
      if (text_[0] == '\n') {
        if (quoted) return Wrong("a value has no closing quote");
        break;
      }
      const char c = Take();
      if (c == '"') {
        quoted = !quoted;
        kept = value->size();
        continue;
      }
      if (!quoted && (c == '#' || c == ';')) {
        while (!text_.empty() && text_[0] != '\n') Take();
        break;
      }
      if (c == '\\') {
        RETURN_IF_ERROR(ReadEscape(value));
        kept = value->size();
        continue;
      }
      value->push_back(c);
      if (quoted || !absl::ascii_isspace(c)) kept = value->size();
    }
    if (quoted) return Wrong("a value has no closing quote");
    value->resize(kept);
    return absl::OkStatus();
  }

  absl::Status ReadEscape(std::string* value) {
    if (text_.empty()) return Wrong("a backslash stands at the end");
    const char c = Take();
    switch (c) {
      case '\n':
        return absl::OkStatus();
      case 'n':
        value->push_back('\n');
        return absl::OkStatus();
      case 't':
        value->push_back('\t');
        return absl::OkStatus();
      case '"':
      case '\\':
        value->push_back(c);
        return absl::OkStatus();
      default:
        return Wrong("unknown escape in a value");
    }
  }

  size_t IndexOf(const std::string& name) {
    const auto [it, added] = by_name_.emplace(name, modules_.size());
    if (added) {
      modules_.emplace_back();
      modules_.back().name = name;
    }
    return it->second;
  }

  absl::string_view text_;
  int line_ = 1;
  bool in_submodule_ = false;
  size_t current_ = 0;
  std::vector<GitSubmodule> modules_;
  std::map<std::string, size_t> by_name_;
};

}  // namespace

absl::StatusOr<std::vector<GitSubmodule>> ParseGitModules(absl::string_view text) {
  if (text.size() > kModulesLimit) {
    return absl::InvalidArgumentError(".gitmodules is larger than 1 MiB");
  }
  return ModulesReader(text).Read();
}

bool IsLfsPointer(absl::string_view content) {
  if (content.size() > kLfsPointerLimit ||
      !(absl::StartsWith(content, "version https://git-lfs.github.com/spec/v") ||
        absl::StartsWith(content, "version https://hawser.github.com/spec/v"))) {
    return false;
  }
  bool has_oid = false;
  bool has_size = false;
  for (absl::string_view line : absl::StrSplit(content, '\n', absl::SkipEmpty())) {
    line = absl::StripSuffix(line, "\r");
    uint64_t size = 0;
    if (absl::ConsumePrefix(&line, "oid sha256:")) {
      has_oid = line.size() == 64 && std::all_of(line.begin(), line.end(), absl::ascii_isxdigit);
    } else if (absl::ConsumePrefix(&line, "size ")) {
      has_size = absl::SimpleAtoi(line, &size);
    }
  }
  return has_oid && has_size;
}

absl::StatusOr<CatFileHeader> ParseCatFileHeader(absl::string_view line, absl::string_view oid) {
  if (line == absl::StrCat(oid, " missing")) {
    return absl::NotFoundError(absl::StrCat("git has no object ", oid));
  }
  const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
  CatFileHeader header;
  if (words.size() != 3 || words[0] != oid || words[1].empty() || words[2].empty() ||
      !std::all_of(words[2].begin(), words[2].end(), absl::ascii_isdigit) ||
      !absl::SimpleAtoi(words[2], &header.size)) {
    return absl::InvalidArgumentError(
        absl::StrCat("git cat-file answered ", base::Quoted(line), " for object ", oid));
  }
  header.type = std::string(words[1]);
  return header;
}

bool IsObjectId(absl::string_view text, bool full) {
  if (text.size() > 40 || text.size() < (full ? 40 : 4)) return false;
  return std::all_of(text.begin(), text.end(), absl::ascii_isxdigit);
}

absl::StatusOr<std::string> CleanSubdirectory(absl::string_view path) {
  std::vector<absl::string_view> parts;
  for (const absl::string_view part : absl::StrSplit(path, '/', absl::SkipEmpty())) {
    if (part == ".") continue;
    if (part == ".." || part.find('\0') != absl::string_view::npos) {
      return absl::InvalidArgumentError(absl::StrCat(
          "git.path ", base::Quoted(path), " must be a folder inside the repository, without .."));
    }
    parts.push_back(part);
  }
  return absl::StrJoin(parts, "/");
}

}  // namespace stevedore::context
