#include "graph/import/compose.h"

#include <filesystem>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "graph/import/compose_values.h"
#include "graph/import/import_options.h"
#include "graph/import/import_value.h"

namespace stevedore::graph {
namespace {

using Json = nlohmann::ordered_json;

// One that extends another, and so on: reading recurses.
constexpr size_t kMaxExtends = 50;

// `path` below the folder of `file`, without detours.
std::string Below(const std::string& file, const std::string& path) {
  std::filesystem::path whole = std::filesystem::path(file).parent_path() / path;
  whole = whole.lexically_normal();
  std::string text = whole.string();
  if (text.size() > 1 && text.back() == '/') text.pop_back();
  return text.empty() ? "." : text;
}

bool IsFolder(absl::string_view context) {
  return !IsRemoteContext(context) && !absl::StrContains(context, "://") &&
         !absl::StartsWith(context, "service:") && !absl::StartsWith(context, "target:");
}

// Lists of NAME=VALUE become maps, so that two spellings merge.
absl::Status MakeMap(ImportValue* value, absl::string_view what) {
  if (value == nullptr || !value->is_list()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const ImportPairs pairs, ImportPairsOf(*value, what));
  value->kind = ImportValue::Kind::kMap;
  value->items.clear();
  for (const auto& [name, text] : pairs) {
    ImportValue one;
    one.place = value->place;
    one.kind = text.has_value() ? ImportValue::Kind::kText : ImportValue::Kind::kNull;
    one.text = text.value_or("");
    value->members.push_back({name, std::move(one)});
  }
  return absl::OkStatus();
}

// What `over` says wins; maps and lists are joined.
void Merge(const ImportValue& over, ImportValue* base) {
  if (base->is_map() && over.is_map()) {
    for (const auto& [name, value] : over.members) {
      if (ImportValue* known = base->Find(name); known != nullptr) {
        Merge(value, known);
      } else {
        base->members.push_back({name, value});
      }
    }
    base->place = over.place;
    return;
  }
  if (base->is_list() && over.is_list()) {
    base->items.insert(base->items.end(), over.items.begin(), over.items.end());
    base->place = over.place;
    return;
  }
  if (!over.is_null()) *base = over;
}

// Reads one compose file and those that it extends.
class ComposeReader {
 public:
  ComposeReader(const std::string& file, const ComposeSources& sources)
      : file_(file), sources_(sources), variables_(sources.variables, &result_.notes) {}

  absl::StatusOr<ImportedFile> Read(absl::string_view text) {
    ASSIGN_OR_RETURN(const Document* document, Add(file_, text));
    const ImportValue& root = document->root;
    if (const ImportValue* name = root.Find("name"); name != nullptr) {
      ASSIGN_OR_RETURN(project_, ImportText(*name, "name"));
      ASSIGN_OR_RETURN(project_, variables_.Apply(project_, name->place));
    }
    if (const ImportValue* include = root.Find("include"); include != nullptr) {
      result_.notes.push_back(
          {include->place, "`include` is not followed: import the files that it names as well"});
    }
    RETURN_IF_ERROR(ReadTopSecrets(root));
    for (const auto& [name, service] : document->services->members) {
      RETURN_IF_ERROR(ReadService(name, service));
    }
    for (auto& [profile, names] : profiles_) {
      result_.groups.emplace_back(absl::StrCat("profile ", profile), std::move(names));
    }
    RETURN_IF_ERROR(AddUsedImages());
    if (result_.images.empty()) {
      return document->services->Error(
          "no service has `build`: there is nothing to import; services with `image` alone are "
          "built elsewhere");
    }
    return std::move(result_);
  }

 private:
  struct Document {
    ImportValue root;
    const ImportValue* services = nullptr;
    absl::flat_hash_map<std::string, const ImportValue*> by_name;
  };

  absl::StatusOr<const Document*> Add(const std::string& path, absl::string_view text) {
    auto document = std::make_unique<Document>();
    ASSIGN_OR_RETURN(document->root, ParseImportYaml(path, text));
    RETURN_IF_ERROR(CheckImportMap(document->root, "a compose file"));
    document->services = document->root.Find("services");
    if (document->services == nullptr) {
      return document->root.Error(
          "there is no `services` in it; import a compose file (compose.yaml)");
    }
    RETURN_IF_ERROR(CheckImportMap(*document->services, "services"));
    for (const auto& [name, service] : document->services->members) {
      document->by_name[name] = &service;
    }
    const Document* added = document.get();
    documents_[path] = std::move(document);
    return added;
  }

  absl::StatusOr<const Document*> Open(const std::string& path, const ImportValue& where) {
    if (const auto known = documents_.find(path); known != documents_.end()) {
      return known->second.get();
    }
    const absl::StatusOr<std::string> text = sources_.read_file(path);
    if (!text.ok()) {
      return where.Error(absl::StrCat("cannot read what it extends: ", text.status().message()));
    }
    return Add(path, *text);
  }

  absl::Status ReadTopSecrets(const ImportValue& root) {
    const ImportValue* secrets = root.Find("secrets");
    if (secrets == nullptr || secrets->is_null()) return absl::OkStatus();
    RETURN_IF_ERROR(CheckImportMap(*secrets, "secrets"));
    for (const auto& [name, secret] : secrets->members) {
      secrets_[name] = secret;
      RETURN_IF_ERROR(variables_.Apply(&secrets_[name]));
    }
    return absl::OkStatus();
  }

  // What a service says, with everything that it extends below it, variables replaced and folders
  // relative to where the command runs. Only members that matter for images.
  absl::StatusOr<ImportValue> Resolve(const std::string& path, const std::string& name,
                                      const ImportValue& where, std::set<std::string>* open) {
    const std::string key = absl::StrCat(path, " ", name);
    if (!open->insert(key).second || open->size() > kMaxExtends) {
      return where.Error(absl::StrCat("service ", base::Quoted(name), " extends itself, or more ",
                                      "than ", kMaxExtends, " others in a row"));
    }
    ASSIGN_OR_RETURN(const Document* document, Open(path, where));
    const auto entry = document->by_name.find(name);
    if (entry == document->by_name.end()) {
      return where.Error(absl::StrCat("there is no service ", base::Quoted(name), " in ", path));
    }
    const ImportValue* found = entry->second;
    ImportValue service;
    service.kind = ImportValue::Kind::kMap;
    service.place = found->place;
    if (!found->is_null()) {
      RETURN_IF_ERROR(CheckImportMap(*found, absl::StrCat("service ", base::Quoted(name))));
    }
    for (const char* member : {"build", "image", "platform", "extends"}) {
      const ImportValue* value = found->Find(member);
      if (value == nullptr || value->is_null()) continue;
      service.members.push_back({member, *value});
      RETURN_IF_ERROR(variables_.Apply(&service.members.back().value));
    }
    RETURN_IF_ERROR(PrepareBuild(path, service.Find("build")));
    const ImportValue* extends = service.Find("extends");
    if (extends == nullptr) {
      open->erase(key);
      return service;
    }
    ASSIGN_OR_RETURN(ImportValue base, ResolveBase(path, *extends, open));
    open->erase(key);
    Merge(service, &base);
    return base;
  }

  absl::StatusOr<ImportValue> ResolveBase(const std::string& path, const ImportValue& extends,
                                          std::set<std::string>* open) {
    if (extends.is_text()) return Resolve(path, extends.text, extends, open);
    RETURN_IF_ERROR(CheckImportMap(extends, "extends"));
    const ImportValue* name = extends.Find("service");
    if (name == nullptr) return extends.Error("`extends` needs `service`");
    ASSIGN_OR_RETURN(const std::string service, ImportText(*name, "extends.service"));
    std::string other = path;
    if (const ImportValue* file = extends.Find("file"); file != nullptr) {
      ASSIGN_OR_RETURN(other, ImportText(*file, "extends.file"));
      other = Below(path, other);
    }
    return Resolve(other, service, *name, open);
  }

  // `build: FOLDER` becomes a map, lists of pairs become maps, folders are made relative to here.
  absl::Status PrepareBuild(const std::string& path, ImportValue* build) {
    if (build == nullptr) return absl::OkStatus();
    if (build->is_text()) {
      ImportValue context = *build;
      *build = ImportValue();
      build->kind = ImportValue::Kind::kMap;
      build->place = context.place;
      build->members.push_back({"context", std::move(context)});
    }
    RETURN_IF_ERROR(CheckImportMap(*build, "build"));
    for (const char* member : {"args", "labels", "additional_contexts"}) {
      RETURN_IF_ERROR(MakeMap(build->Find(member), member));
    }
    if (ImportValue* context = build->Find("context");
        context != nullptr && context->is_text() && IsFolder(context->text)) {
      context->text = Below(path, context->text);
    }
    ImportValue* contexts = build->Find("additional_contexts");
    if (contexts == nullptr) return absl::OkStatus();
    for (auto& [name, context] : contexts->members) {
      if (context.is_text() && IsFolder(context.text)) context.text = Below(path, context.text);
    }
    return absl::OkStatus();
  }

  absl::Status ReadService(const std::string& name, const ImportValue& where) {
    std::set<std::string> open;
    ASSIGN_OR_RETURN(const ImportValue service, Resolve(file_, name, where, &open));
    const ImportValue* build = service.Find("build");
    const ImportValue* image_name = service.Find("image");
    std::string reference;
    if (image_name != nullptr) {
      ASSIGN_OR_RETURN(reference, ImportText(*image_name, "image"));
    }
    if (build == nullptr) {
      if (!reference.empty()) elsewhere_[name] = {reference, where.place};
      return absl::OkStatus();
    }
    ImportedImage image;
    image.name = name;
    image.place = where.place;
    // As compose calls it.
    if (reference.empty() && !project_.empty()) reference = absl::StrCat(project_, "-", name);
    if (!reference.empty()) image.references.push_back(reference);
    image.context = Below(file_, ".");
    for (const auto& [key, value] : build->members) {
      if (!value.is_null()) RETURN_IF_ERROR(ReadMember(key, value, &image));
    }
    if (const ImportValue* profiles = where.Find("profiles"); profiles != nullptr) {
      ASSIGN_OR_RETURN(const std::vector<std::string> names, ImportTexts(*profiles, "profiles"));
      for (const std::string& profile : names) profiles_[profile].push_back(name);
    }
    const ImportValue* platform = service.Find("platform");
    if (platform != nullptr && image.platforms.empty()) {
      ASSIGN_OR_RETURN(image.platforms, ImportTexts(*platform, "platform"));
    }
    result_.images.push_back(std::move(image));
    return absl::OkStatus();
  }

  absl::Status ReadMember(const std::string& key, const ImportValue& value, ImportedImage* image) {
    std::vector<ImportNote>& notes = result_.notes;
    if (key == "args") return ReadImportArguments(value, image, &notes);
    if (key == "labels") return ReadImportLabels(value, image, &notes);
    if (key == "cache_from" || key == "cache_to") {
      return ReadImportCaches(value, key.c_str(), image, &notes);
    }
    if (key == "extra_hosts") return ReadImportHosts(value, image);
    if (key == "ulimits") return ReadImportUlimits(value, image);
    if (key == "ssh") return ReadImportSsh(value, image);
    if (key == "secrets") return ReadSecrets(value, image);
    if (key == "additional_contexts") return ReadContexts(value, image);
    if (key == "context") return ReadText(value, key, &image->context);
    if (key == "dockerfile") return ReadText(value, key, &image->dockerfile);
    if (key == "dockerfile_inline") return ReadText(value, key, &image->dockerfile_inline);
    if (key == "tags") {
      ASSIGN_OR_RETURN(const std::vector<std::string> tags, ImportTexts(value, key));
      image->references.insert(image->references.end(), tags.begin(), tags.end());
      return absl::OkStatus();
    }
    if (key == "platforms") {
      ASSIGN_OR_RETURN(image->platforms, ImportTexts(value, key));
      return absl::OkStatus();
    }
    return ReadOption(key, value, image);
  }

  absl::Status ReadOption(const std::string& key, const ImportValue& value, ImportedImage* image) {
    if (absl::StartsWith(key, "x-")) return absl::OkStatus();
    if (key == "no_cache" || key == "pull") {
      ASSIGN_OR_RETURN(const bool on, ImportBool(value, key));
      if (on) image->options[key] = true;
      return absl::OkStatus();
    }
    if (key == "target" || key == "network" || key == "shm_size") {
      ASSIGN_OR_RETURN(std::string text, ImportText(value, key));
      if (!text.empty()) image->options[key] = std::move(text);
      return absl::OkStatus();
    }
    absl::string_view why = "is not known and left out";
    if (key == "privileged" || key == "entitlements") {
      why = "is left out: workers grant nothing beyond an ordinary build";
    } else if (key == "isolation") {
      why = "is left out: it is about Windows";
    } else if (key == "provenance" || key == "sbom") {
      why = "is left out: no attestations are made";
    }
    result_.notes.push_back({value.place, absl::StrCat("`", key, "` ", why)});
    return absl::OkStatus();
  }

  static absl::Status ReadText(const ImportValue& value, const std::string& key, std::string* out) {
    ASSIGN_OR_RETURN(*out, ImportText(value, key));
    return absl::OkStatus();
  }

  absl::Status ReadContexts(const ImportValue& value, ImportedImage* image) {
    ASSIGN_OR_RETURN(const ImportPairs pairs, ImportPairsOf(value, "additional_contexts"));
    for (const auto& [name, text] : pairs) {
      const ImportValue* place = value.Find(name);
      absl::string_view target = text.has_value() ? absl::string_view(*text) : "";
      if (target.empty()) {
        return (place == nullptr ? value : *place)
            .Error(absl::StrCat("context ", name, " needs a folder, a URL or service:NAME"));
      }
      const bool is_link = absl::ConsumePrefix(&target, "service:");
      image->contexts.push_back({name, is_link ? std::string(target) : "", is_link ? "" : *text,
                                 place == nullptr ? value.place : place->place});
    }
    return absl::OkStatus();
  }

  absl::Status ReadSecrets(const ImportValue& value, ImportedImage* image) {
    std::vector<ImportValue> entries = {value};
    if (value.is_list()) entries = value.items;
    for (const ImportValue& entry : entries) {
      std::string source = entry.text;
      std::string id = entry.text;
      if (entry.is_map()) {
        for (const auto& [key, out] : {std::pair{"source", &source}, std::pair{"target", &id}}) {
          const ImportValue* field = entry.Find(key);
          if (field == nullptr || field->is_null()) continue;
          ASSIGN_OR_RETURN(*out, ImportText(*field, absl::StrCat("secrets.", key)));
        }
        if (id.empty()) id = source;
      }
      const auto found = secrets_.find(source);
      if (found == secrets_.end()) {
        return entry.Error(
            absl::StrCat("secret ", base::Quoted(source), " is not among the file's `secrets`"));
      }
      RETURN_IF_ERROR(AddSecret(id, found->second, image));
    }
    return absl::OkStatus();
  }

  absl::Status AddSecret(const std::string& id, const ImportValue& secret, ImportedImage* image) {
    if (const ImportValue* file = secret.Find("file"); file != nullptr) {
      ASSIGN_OR_RETURN(const std::string path, ImportText(*file, "file"));
      image->options["secrets"].push_back({{"id", id}, {"file", Below(file_, path)}});
    } else if (const ImportValue* env = secret.Find("environment"); env != nullptr) {
      ASSIGN_OR_RETURN(const std::string name, ImportText(*env, "environment"));
      image->options["secrets"].push_back({{"id", id}, {"env", name}});
    } else {
      image->options["secrets"].push_back({{"id", id}, {"credentials_id", id}});
      result_.notes.push_back(
          {secret.place, absl::StrCat("secret ", id,
                                      " has no `file` and no `environment`: store it with `create "
                                      "credentials ",
                                      id, "`")});
    }
    return absl::OkStatus();
  }

  // Services without `build` that others use as a context are images made elsewhere.
  absl::Status AddUsedImages() {
    std::set<std::string> known;
    for (const ImportedImage& image : result_.images) known.insert(image.name);
    const size_t count = result_.images.size();
    for (size_t i = 0; i < count; ++i) {
      for (const ImportedContext& context : result_.images[i].contexts) {
        const auto found = elsewhere_.find(context.image);
        if (found == elsewhere_.end() || !known.insert(context.image).second) continue;
        added_.push_back({.name = context.image,
                          .place = found->second.second,
                          .references = {found->second.first},
                          .is_built = false});
      }
    }
    for (ImportedImage& image : added_) result_.images.push_back(std::move(image));
    return absl::OkStatus();
  }

  const std::string& file_;
  const ComposeSources& sources_;
  ImportedFile result_;
  Interpolation variables_;
  std::string project_;
  std::map<std::string, std::vector<std::string>> profiles_;  // Services by profile.
  absl::flat_hash_map<std::string, std::unique_ptr<Document>> documents_;
  std::map<std::string, ImportValue> secrets_;
  // Services without `build`: image and place.
  std::map<std::string, std::pair<std::string, std::string>> elsewhere_;
  std::vector<ImportedImage> added_;
};

}  // namespace

absl::StatusOr<ImportedFile> ReadCompose(const std::string& file, absl::string_view text,
                                         const ComposeSources& sources) {
  return ComposeReader(file, sources).Read(text);
}

}  // namespace stevedore::graph
