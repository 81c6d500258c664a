#include "graph/configuration.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <thread>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "base/file.h"
#include "base/status.h"
#include "graph/findings.h"
#include "graph/keys.h"
#include "graph/spelling.h"
#include "graph/yaml_document.h"

extern char** environ;

namespace stevedore::graph {
namespace {

// One setting as it was found: in the environment or in the file.
struct Found {
  std::vector<std::string> texts;  // One, but for lists.
  bool is_list = false;
  SourceLocation where;
};

bool IsFile(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

// Blanks inside a template's {{ }} do not count.
std::vector<std::string> SplitAtBlanks(absl::string_view text) {
  std::vector<std::string> parts;
  bool inside = false;
  bool open = false;  // The last part goes on.
  for (size_t i = 0; i < text.size(); ++i) {
    if (absl::StartsWith(text.substr(i), "{{")) inside = true;
    if (absl::StartsWith(text.substr(i), "}}")) inside = false;
    if (!inside && absl::ascii_isspace(text[i])) {
      open = false;
      continue;
    }
    if (!open) parts.emplace_back();
    open = true;
    parts.back() += text[i];
  }
  return parts;
}

// Fills a Configuration from a document and an environment.
class Loader {
 public:
  explicit Loader(const ConfigurationSources& sources)
      : sources_(sources), findings_(sources.lenient) {
    result_.concurrency = DefaultConcurrency();
  }

  // `missing`: the error of a file that is not there.
  Configuration Read(absl::Status* missing) {
    absl::StatusOr<std::string> file = FindFile();
    if (!file.ok()) {
      *missing = file.status();
      findings_.Error(file.status(), codes::kUnreadable);
    } else if (!file->empty()) {
      ReadDocument(*file);
    }
    ReadAll();
    CheckTopLevel();
    CheckStore();
    result_.warnings = findings_.warnings();
    return std::move(result_);
  }

  const Findings& findings() const { return findings_; }

 private:
  void ReadDocument(const std::string& file) {
    result_.file = file;
    absl::StatusOr<std::string> text = base::ReadFile(file);
    if (!text.ok()) {
      findings_.Error(base::Annotate(text.status(), "read configuration"), codes::kUnreadable);
      return;
    }
    absl::StatusOr<std::unique_ptr<YamlDocument>> document = YamlDocument::Parse(file, *text);
    if (!document.ok()) {
      findings_.Error(document.status(), codes::kNotYaml);
      return;
    }
    document_ = *std::move(document);
    root_ = document_->root();
    if (root_ != nullptr && !findings_.IsMap(*root_, "a configuration file")) root_ = nullptr;
  }

  void CheckStore() {
    if (result_.credentials_storage_type != "local" ||
        !result_.credentials_local_storage_path.empty()) {
      return;
    }
    const auto place = result_.set_at.find("credentials.local_storage_path");
    findings_.Error(place == result_.set_at.end() ? SourceLocation{} : place->second,
                    "`credentials.local_storage_path` must name a folder while storage_type is "
                    "local",
                    codes::kConfiguration);
  }

  absl::StatusOr<std::string> FindFile() {
    if (!sources_.file.empty()) {
      if (!IsFile(sources_.file)) {
        return absl::NotFoundError(
            absl::StrCat(sources_.file,
                         ": there is no such configuration file; correct --config or leave it "
                         "out"));
      }
      return sources_.file;
    }
    std::vector<std::string> directories = {
        sources_.working_directory == "." ? "" : sources_.working_directory};
    if (!sources_.home.empty()) {
      directories.push_back(base::JoinPath(sources_.home, ".config/stevedore"));
      directories.push_back(sources_.home);
    }
    for (const std::string& directory : directories) {
      for (const char* name : {"stevedore.yaml", "stevedore.yml"}) {
        const std::string path = base::JoinPath(directory, name);
        if (IsFile(path)) return path;
      }
    }
    return "";
  }

  // Keys are matched without regard to letter case.
  static const YamlNode* Child(const YamlNode* map, absl::string_view key) {
    if (map == nullptr || !map->is_map()) return nullptr;
    for (const auto& [name, value] : map->entries()) {
      if (absl::EqualsIgnoreCase(name->text(), key)) return value;
    }
    return nullptr;
  }

  // Environment beats file. `key` is "images_path" or "credentials.format".
  bool Find(absl::string_view key, Found* found) {
    const std::string variable =
        absl::StrCat("STEVEDORE_", absl::AsciiStrToUpper(absl::StrReplaceAll(key, {{".", "_"}})));
    const auto set = sources_.environment.find(variable);
    if (set != sources_.environment.end() && !set->second.empty()) {
      *found = {{set->second}, false, {variable, 0, 0}};
      return true;
    }
    const YamlNode* node = root_;
    for (absl::string_view part : absl::StrSplit(key, '.')) node = Child(node, part);
    if (node == nullptr || node->is_null()) return false;
    found->where = node->where();
    result_.set_at[std::string(key)] = found->where;
    found->is_list = node->is_list();
    found->texts.clear();
    for (const YamlNode* text : findings_.Texts(*node, absl::StrCat("`", key, "`"))) {
      found->texts.push_back(text->text());
    }
    return !found->texts.empty();
  }

  bool ReadText(absl::string_view key, std::string* out) {
    Found found;
    if (!Find(key, &found)) return false;
    if (found.texts.size() != 1) {
      findings_.Error(found.where, absl::StrCat("`", key, "` must be one text, found a list"));
      return false;
    }
    *out = found.texts[0];
    return true;
  }

  void ReadBool(absl::string_view key, bool* out) {
    Found found;
    if (!Find(key, &found)) return;
    const std::string text = absl::AsciiStrToLower(found.texts[0]);
    if (text == "true" || text == "t" || text == "1") {
      *out = true;
    } else if (text == "false" || text == "f" || text == "0") {
      *out = false;
    } else {
      findings_.Error(found.where, absl::StrCat("`", key, "` must be true or false, found ",
                                                base::Quoted(found.texts[0])));
    }
  }

  // As ReadText; an empty one is an error.
  bool ReadFilledText(absl::string_view key, std::string* out) {
    Found found;
    if (!ReadText(key, out)) return false;
    if (out->empty() && Find(key, &found)) {
      findings_.Error(found.where,
                      absl::StrCat("`", key,
                                   "` must not be empty; give it a value, or remove it "
                                   "for the default"));
    }
    return true;
  }

  bool ReadCount(absl::string_view key, int* out) {
    Found found;
    if (!Find(key, &found)) return false;
    int count = 0;
    if (!absl::SimpleAtoi(found.texts[0], &count) || count < 1) {
      findings_.Error(found.where, absl::StrCat("`", key, "` must be a number from 1 on, found ",
                                                base::Quoted(found.texts[0])));
      return false;
    }
    *out = count;
    return true;
  }

  // A text from the environment, or a single text in the file, is split at blanks.
  void ReadList(absl::string_view key, std::vector<std::string>* out) {
    Found found;
    if (!Find(key, &found)) return;
    if (!found.is_list) found.texts = SplitAtBlanks(found.texts[0]);
    *out = std::move(found.texts);
  }

  void ReadChoice(absl::string_view key, const std::vector<std::string>& choices,
                  const std::function<void(size_t)>& choose) {
    Found found;
    if (!Find(key, &found)) return;
    for (size_t i = 0; i < choices.size(); ++i) {
      if (found.texts[0] == choices[i]) {
        choose(i);
        return;
      }
    }
    findings_.Error(found.where,
                    absl::StrCat("`", key, "` must be ", absl::StrJoin(choices, " or "), ", found ",
                                 base::Quoted(found.texts[0])));
  }

  void ReadAll() {
    ReadFilledText("images_path", &result_.images_path);
    ReadFilledText("builders_path", &result_.builders_path);
    ReadCount("concurrency", &result_.concurrency);
    ReadBool("push_images", &result_.push_images);
    ReadText("log_path", &result_.log_path);
    ReadBool("semantic_version_tags_enabled", &result_.semantic_version_tags_enabled);
    ReadList("semantic_version_tags_templates", &result_.semantic_version_tags_templates);
    ReadBool("semantic_version_strict", &result_.semantic_version_strict);
    ReadChoice("parent_instances", {"all", "first"}, [this](size_t i) {
      result_.parent_instances = i == 0 ? ParentInstances::kAll : ParentInstances::kFirst;
    });
    ReadChoice("paths_relative_to", {"working_directory", "file"}, [this](size_t i) {
      result_.paths_relative_to =
          i == 0 ? PathsRelativeTo::kWorkingDirectory : PathsRelativeTo::kFile;
    });
    ReadFilledText("credentials.storage_type", &result_.credentials_storage_type);
    ReadText("credentials.local_storage_path", &result_.credentials_local_storage_path);
    ReadChoice("credentials.format", {"json", "yaml"},
               [this](size_t i) { result_.credentials_format = i == 0 ? "json" : "yaml"; });
    std::string key;
    if (ReadText("credentials.encryption_key", &key)) {
      result_.credentials_encryption_key = base::Secret(std::move(key));
    }
    if (const YamlNode* credentials = Child(root_, "credentials");
        credentials != nullptr && findings_.IsMap(*credentials, "`credentials`")) {
      findings_.CheckKeys(*credentials, CredentialsKeys().what, CredentialsKeys());
    }
    if (const YamlNode* registries = Child(root_, "registries"); registries != nullptr) {
      result_.registries = ReadRegistries(*registries, &findings_);
    }
    ReadDeprecated();
  }

  void ReadDeprecated() {
    Deprecated("tree_path", "images_path",
               [this] { return ReadText("tree_path", &result_.images_path); });
    Deprecated("builder_path", "builders_path",
               [this] { return ReadText("builder_path", &result_.builders_path); });
    // Zero and less always meant the default.
    Found workers;
    int count = 0;
    const bool is_default =
        Find("num_workers", &workers) && absl::SimpleAtoi(workers.texts[0], &count) && count < 1;
    Deprecated("num_workers", "concurrency",
               [&] { return is_default || ReadCount("num_workers", &result_.concurrency); });
    Deprecated("docker_registry_credentials_dir", "credentials.local_storage_path", [this] {
      if (!ReadText("docker_registry_credentials_dir", &result_.credentials_local_storage_path)) {
        return false;
      }
      result_.credentials_storage_type = "local";
      result_.credentials_format = "json";
      return true;
    });
    Found found;
    if (Find("build_on_cascade", &found)) {
      findings_.Warn(found.where,
                     "`build_on_cascade` has no effect any more; use the flag --build-on-cascade",
                     codes::kDeprecatedKey);
    }
  }

  void Deprecated(absl::string_view key, absl::string_view replacement,
                  const std::function<bool()>& read) {
    Found found;
    if (!Find(key, &found) || !read()) return;
    findings_.Warn(found.where,
                   absl::StrCat("`", key, "` is deprecated; rename it to `", replacement,
                                "` (it wins over that one until then)"),
                   codes::kDeprecatedKey);
  }

  // The file may hold images, builders and whatever other tools keep in it; a misspelt setting of
  // ours is still worth a word.
  void CheckTopLevel() {
    if (root_ == nullptr) return;
    std::vector<absl::string_view> known = ConfigurationKeys().Names();
    for (const Key& key : DefinitionFileKeys().keys) known.push_back(key.name);
    for (const auto& [key, value] : root_->entries()) {
      const std::string lower = absl::AsciiStrToLower(key->text());
      if (absl::StartsWith(lower, "x-")) continue;
      if (ConfigurationKeys().Find(lower) != nullptr) continue;
      const std::string meant = DidYouMean(lower, known);
      if (std::find(known.begin(), known.end(), lower) != known.end()) continue;
      if (meant.empty()) continue;
      findings_.Warn(key->where(),
                     absl::StrCat("key ", base::Quoted(key->text()),
                                  " is none of Stevedore's and ignored", meant),
                     codes::kIgnoredKey);
    }
  }

  const ConfigurationSources& sources_;
  Findings findings_;
  Configuration result_;
  std::unique_ptr<YamlDocument> document_;
  const YamlNode* root_ = nullptr;
};

}  // namespace

int DefaultConcurrency() { return std::max(1u, std::thread::hardware_concurrency()); }

ConfigurationSources ConfigurationSources::FromProcess() {
  ConfigurationSources sources;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    std::pair<std::string, std::string> parts = absl::StrSplit(*entry, absl::MaxSplits('=', 1));
    sources.environment.insert(std::move(parts));
  }
  if (const auto home = sources.environment.find("HOME"); home != sources.environment.end()) {
    sources.home = home->second;
  }
  return sources;
}

absl::StatusOr<Configuration> Configuration::Load(const ConfigurationSources& sources) {
  Loader loader(sources);
  absl::Status missing;
  Configuration configuration = loader.Read(&missing);
  RETURN_IF_ERROR(missing);
  RETURN_IF_ERROR(loader.findings().ToStatus());
  return configuration;
}

Configuration Configuration::Inspect(const ConfigurationSources& sources,
                                     std::vector<Diagnostic>* errors) {
  Loader loader(sources);
  absl::Status missing;
  Configuration configuration = loader.Read(&missing);
  const std::vector<Diagnostic> found = loader.findings().SortedErrors();
  errors->insert(errors->end(), found.begin(), found.end());
  return configuration;
}

}  // namespace stevedore::graph
