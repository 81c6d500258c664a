#include "graph/import/import_options.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status.h"

namespace stevedore::graph {
namespace {

using Json = nlohmann::ordered_json;

void Note(const ImportValue& value, std::string text, std::vector<ImportNote>* notes) {
  notes->push_back({value.place, std::move(text)});
}

std::string AsFields(const ImportValue& map) {
  return absl::StrJoin(map.members, ",", [](std::string* out, const auto& member) {
    absl::StrAppend(out, member.name, "=", member.value.text);
  });
}

}  // namespace

absl::Status ReadImportArguments(const ImportValue& value, ImportedImage* image,
                                 std::vector<ImportNote>* notes) {
  ASSIGN_OR_RETURN(const ImportPairs pairs, ImportPairsOf(value, "args"));
  for (const auto& [name, text] : pairs) {
    if (text.has_value()) {
      image->arguments[name] = *text;
      continue;
    }
    Note(value,
         absl::StrCat("argument ", name,
                      " has no value here (docker takes it from the environment); give it with "
                      "--variable ",
                      name, "=VALUE"),
         notes);
  }
  return absl::OkStatus();
}

absl::Status ReadImportLabels(const ImportValue& value, ImportedImage* image,
                              std::vector<ImportNote>* notes) {
  ASSIGN_OR_RETURN(const ImportPairs pairs, ImportPairsOf(value, "labels"));
  for (const auto& [name, text] : pairs) {
    if (!text.has_value() && value.is_map()) {
      Note(value, absl::StrCat("label ", name, " has no value and is left out"), notes);
      continue;
    }
    image->labels[name] = text.value_or("");
  }
  return absl::OkStatus();
}

absl::StatusOr<ImportValue> SplitImportFields(const ImportValue& value, absl::string_view what) {
  if (value.is_map()) {
    for (const auto& [name, field] : value.members) {
      if (!field.is_null()) RETURN_IF_ERROR(ImportText(field, name).status());
    }
    return value;
  }
  ASSIGN_OR_RETURN(const std::string text, ImportText(value, what));
  ImportValue map;
  map.kind = ImportValue::Kind::kMap;
  map.place = value.place;
  for (absl::string_view part : absl::StrSplit(text, ',', absl::SkipEmpty())) {
    const std::pair<std::string, std::string> field = absl::StrSplit(part, absl::MaxSplits('=', 1));
    ImportValue one;
    one.kind = ImportValue::Kind::kText;
    one.text = field.second;
    one.place = value.place;
    map.members.push_back({field.first, std::move(one)});
  }
  return map;
}

absl::Status ReadImportCaches(const ImportValue& value, const char* key, ImportedImage* image,
                              std::vector<ImportNote>* notes) {
  if (value.is_null()) return absl::OkStatus();
  std::vector<ImportValue> entries = {value};
  if (value.is_list()) entries = value.items;
  const bool is_source = absl::string_view(key) == "cache_from";
  for (const ImportValue& entry : entries) {
    if (entry.is_text() && !absl::StrContains(entry.text, '=')) {
      if (!entry.text.empty()) image->options[key].push_back(entry.text);
      continue;
    }
    ASSIGN_OR_RETURN(const ImportValue fields, SplitImportFields(entry, key));
    const ImportValue* type = fields.Find("type");
    const ImportValue* reference = fields.Find("ref");
    const std::string kind = type == nullptr ? "registry" : type->text;
    if (kind == "registry" && (reference == nullptr || reference->text.empty())) {
      return entry.Error(absl::StrCat(key, ": a cache of type registry needs `ref`, an image"));
    }
    if (kind == "registry" && is_source) {
      image->options[key].push_back(reference->text);
    } else if (!is_source && (kind == "registry" || kind == "inline")) {
      image->options[key].push_back(AsFields(fields));
    } else {
      Note(entry,
           absl::StrCat(key, " of type ", kind,
                        " is left out: workers keep their own cache, and results are reused by "
                        "their build keys"),
           notes);
    }
  }
  return absl::OkStatus();
}

absl::Status ReadImportHosts(const ImportValue& value, ImportedImage* image) {
  if (value.is_null()) return absl::OkStatus();
  Json hosts = Json::array();
  if (value.is_map()) {
    for (const auto& [host, address] : value.members) {
      ASSIGN_OR_RETURN(const std::vector<std::string> addresses, ImportTexts(address, host));
      for (const std::string& one : addresses) hosts.push_back(absl::StrCat(host, ":", one));
    }
  } else {
    ASSIGN_OR_RETURN(const std::vector<std::string> texts, ImportTexts(value, "extra_hosts"));
    for (std::string text : texts) {
      if (const size_t equals = text.find('='); equals != std::string::npos) text[equals] = ':';
      hosts.push_back(std::move(text));
    }
  }
  if (!hosts.empty()) image->options["extra_hosts"] = std::move(hosts);
  return absl::OkStatus();
}

absl::Status ReadImportUlimits(const ImportValue& value, ImportedImage* image) {
  if (value.is_null()) return absl::OkStatus();
  Json limits = Json::array();
  if (!value.is_map()) {
    ASSIGN_OR_RETURN(const std::vector<std::string> texts, ImportTexts(value, "ulimits"));
    limits = texts;
  }
  for (const auto& [name, limit] : value.members) {
    if (limit.is_text()) {
      limits.push_back(absl::StrCat(name, "=", limit.text));
      continue;
    }
    RETURN_IF_ERROR(CheckImportMap(limit, absl::StrCat("ulimits.", name)));
    const ImportValue* soft = limit.Find("soft");
    const ImportValue* hard = limit.Find("hard");
    if (soft == nullptr || hard == nullptr || !soft->is_text() || !hard->is_text()) {
      return limit.Error(absl::StrCat("ulimits.", name, " must be a number or {soft, hard}"));
    }
    limits.push_back(absl::StrCat(name, "=", soft->text, ":", hard->text));
  }
  if (!limits.empty()) image->options["ulimits"] = std::move(limits);
  return absl::OkStatus();
}

absl::Status ReadImportSsh(const ImportValue& value, ImportedImage* image) {
  if (value.is_null()) return absl::OkStatus();
  Json agents = Json::array();
  std::vector<ImportValue> entries = {value};
  if (value.is_list()) entries = value.items;
  for (const ImportValue& entry : entries) {
    if (!entry.is_map()) {
      ASSIGN_OR_RETURN(std::string text, ImportText(entry, "ssh"));
      agents.push_back(std::move(text));
      continue;
    }
    // {id: default, paths: [...]} of bake, {NAME: PATH} of compose.
    if (const ImportValue* id = entry.Find("id"); id != nullptr) {
      ASSIGN_OR_RETURN(std::string text, ImportText(*id, "ssh.id"));
      if (const ImportValue* paths = entry.Find("paths"); paths != nullptr) {
        ASSIGN_OR_RETURN(const std::vector<std::string> files, ImportTexts(*paths, "ssh.paths"));
        if (!files.empty()) absl::StrAppend(&text, "=", absl::StrJoin(files, ","));
      }
      agents.push_back(std::move(text));
      continue;
    }
    ASSIGN_OR_RETURN(const ImportPairs pairs, ImportPairsOf(entry, "ssh"));
    for (const auto& [name, path] : pairs) {
      agents.push_back(path.has_value() ? absl::StrCat(name, "=", *path) : name);
    }
  }
  if (!agents.empty()) image->options["ssh"] = std::move(agents);
  return absl::OkStatus();
}

bool IsRemoteContext(absl::string_view context) {
  for (const char* scheme : {"http://", "https://", "git://", "ssh://", "git@", "github.com/"}) {
    if (absl::StartsWith(context, scheme)) return true;
  }
  return false;
}

}  // namespace stevedore::graph
