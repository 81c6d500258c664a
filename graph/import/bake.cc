#include "graph/import/bake.h"

#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "graph/import/import_options.h"
#include "graph/import/import_value.h"

namespace stevedore::graph {
namespace {

using Json = nlohmann::ordered_json;

// Reads the targets of one file.
class BakeReader {
 public:
  absl::StatusOr<ImportedFile> Read(const ImportValue& root) {
    RETURN_IF_ERROR(CheckImportMap(root, "what bake prints"));
    const ImportValue* targets = root.Find("target");
    if (targets == nullptr) {
      return root.Error(
          "there is no `target` in it; import what `docker buildx bake --print` prints");
    }
    RETURN_IF_ERROR(CheckImportMap(*targets, "target"));
    for (const auto& [name, target] : targets->members) {
      RETURN_IF_ERROR(CheckImportMap(target, absl::StrCat("target ", base::Quoted(name))));
      ImportedImage image;
      image.name = name;
      image.place = target.place;
      for (const auto& [key, value] : target.members) {
        if (value.is_null()) continue;
        RETURN_IF_ERROR(ReadMember(key, value, &image));
      }
      file_.images.push_back(std::move(image));
    }
    for (const auto& [key, value] : root.members) {
      if (key != "target" && key != "group") Note(value, key, "is not imported");
    }
    if (const ImportValue* groups = root.Find("group"); groups != nullptr) {
      RETURN_IF_ERROR(ReadGroups(*groups, *targets));
    }
    return std::move(file_);
  }

 private:
  void Note(const ImportValue& value, absl::string_view key, absl::string_view what) {
    file_.notes.push_back({value.place, absl::StrCat("`", key, "` ", what)});
  }

  absl::Status ReadMember(const std::string& key, const ImportValue& value, ImportedImage* image) {
    if (key == "args") return ReadImportArguments(value, image, &file_.notes);
    if (key == "labels") return ReadImportLabels(value, image, &file_.notes);
    if (key == "cache-from") return ReadImportCaches(value, "cache_from", image, &file_.notes);
    if (key == "cache-to") return ReadImportCaches(value, "cache_to", image, &file_.notes);
    if (key == "extra-hosts") return ReadImportHosts(value, image);
    if (key == "ulimits") return ReadImportUlimits(value, image);
    if (key == "ssh") return ReadImportSsh(value, image);
    if (key == "secret") return ReadSecrets(value, image);
    if (key == "output") return ReadOutputs(value, image);
    if (key == "contexts") return ReadContexts(value, image);
    if (key == "context") return ReadText(value, key, &image->context);
    if (key == "dockerfile") return ReadText(value, key, &image->dockerfile);
    if (key == "dockerfile-inline") return ReadText(value, key, &image->dockerfile_inline);
    if (key == "tags") {
      ASSIGN_OR_RETURN(image->references, ImportTexts(value, key));
      return absl::OkStatus();
    }
    if (key == "platforms") {
      ASSIGN_OR_RETURN(image->platforms, ImportTexts(value, key));
      return absl::OkStatus();
    }
    return ReadOption(key, value, image);
  }

  absl::Status ReadOption(const std::string& key, const ImportValue& value, ImportedImage* image) {
    if (key == "no-cache" || key == "pull") {
      ASSIGN_OR_RETURN(const bool on, ImportBool(value, key));
      if (on) image->options[key == "pull" ? "pull" : "no_cache"] = true;
      return absl::OkStatus();
    }
    if (key == "target" || key == "network" || key == "shm-size") {
      ASSIGN_OR_RETURN(std::string text, ImportText(value, key));
      const bool is_default = text.empty() || (key == "shm-size" && text == "0");
      if (!is_default) image->options[key == "shm-size" ? "shm_size" : key] = std::move(text);
      return absl::OkStatus();
    }
    // Resolved by bake, or for people to read.
    if (key == "inherits" || key == "description" || key == "name" || key == "matrix") {
      return absl::OkStatus();
    }
    if (key == "annotations") {
      Note(value, key, "is left out: images get labels, and no annotations");
    } else if (key == "attest") {
      Note(value, key, "is left out: no attestations are made");
    } else if (key == "no-cache-filter") {
      Note(value, key, "is left out: `no_cache` counts for all stages");
    } else if (key == "entitlements") {
      Note(value, key, "is left out: workers grant nothing beyond an ordinary build");
    } else {
      Note(value, key, "is not known and left out");
    }
    return absl::OkStatus();
  }

  static absl::Status ReadText(const ImportValue& value, const std::string& key, std::string* out) {
    ASSIGN_OR_RETURN(*out, ImportText(value, key));
    return absl::OkStatus();
  }

  static absl::Status ReadContexts(const ImportValue& value, ImportedImage* image) {
    RETURN_IF_ERROR(CheckImportMap(value, "contexts"));
    for (const auto& [name, context] : value.members) {
      ASSIGN_OR_RETURN(const std::string text,
                       ImportText(context, absl::StrCat("contexts.", name)));
      absl::string_view target = text;
      const bool is_link = absl::ConsumePrefix(&target, "target:");
      image->contexts.push_back(
          {name, is_link ? std::string(target) : "", is_link ? "" : text, context.place});
    }
    return absl::OkStatus();
  }

  absl::Status ReadSecrets(const ImportValue& value, ImportedImage* image) {
    std::vector<ImportValue> entries = {value};
    if (value.is_list()) entries = value.items;
    for (const ImportValue& entry : entries) {
      ASSIGN_OR_RETURN(const ImportValue fields, SplitImportFields(entry, "secret"));
      auto field = [&](absl::string_view name) {
        const ImportValue* found = fields.Find(name);
        return found == nullptr ? std::string() : found->text;
      };
      const std::string id = field("id");
      std::string file = field("src").empty() ? field("source") : field("src");
      std::string env = field("env");
      if (id.empty()) return entry.Error("a secret needs `id`");
      if (field("type") == "env" && env.empty()) env = std::exchange(file, "");
      Json secret = {{"id", id}};
      if (!file.empty()) {
        secret["file"] = file;
      } else {
        // Without anything else docker looks for a variable of that name.
        secret["env"] = env.empty() ? id : env;
      }
      image->options["secrets"].push_back(std::move(secret));
    }
    return absl::OkStatus();
  }

  absl::Status ReadOutputs(const ImportValue& value, ImportedImage* image) {
    std::vector<ImportValue> entries = {value};
    if (value.is_list()) entries = value.items;
    for (const ImportValue& entry : entries) {
      ASSIGN_OR_RETURN(const ImportValue fields, SplitImportFields(entry, "output"));
      const ImportValue* type = fields.Find("type");
      const std::string kind = type == nullptr ? "local" : type->text;
      if (const ImportValue* compression = fields.Find("compression"); compression != nullptr) {
        const std::string& text = compression->text;
        if (text == "gzip" || text == "zstd") image->options["compression"] = text;
        if (text == "uncompressed") image->options["compression"] = "none";
      }
      // Where images go is decided when they are built.
      if (kind == "image" || kind == "registry" || kind == "cacheonly") continue;
      if (kind == "docker") {
        image->options["keep_image"] = true;
        continue;
      }
      Note(entry, "output",
           absl::StrCat("of type ", kind,
                        " is left out: images go to their registry, or to the folder that "
                        "build --output names"));
    }
    return absl::OkStatus();
  }

  absl::Status ReadGroups(const ImportValue& groups, const ImportValue& targets) {
    RETURN_IF_ERROR(CheckImportMap(groups, "group"));
    absl::flat_hash_set<std::string> known;
    for (const auto& [name, target] : targets.members) known.insert(name);
    for (const auto& [name, group] : groups.members) known.insert(name);
    for (const auto& [name, group] : groups.members) {
      RETURN_IF_ERROR(CheckImportMap(group, absl::StrCat("group ", base::Quoted(name))));
      const ImportValue* list = group.Find("targets");
      if (list == nullptr) continue;
      ASSIGN_OR_RETURN(std::vector<std::string> names, ImportTexts(*list, "targets"));
      for (const std::string& target : names) {
        if (known.contains(target)) continue;
        return list->Error(absl::StrCat("group ", base::Quoted(name), " names ",
                                        base::Quoted(target), ", which is no target and no group"));
      }
      file_.groups.emplace_back(name, std::move(names));
    }
    return absl::OkStatus();
  }

  ImportedFile file_;
};

}  // namespace

absl::StatusOr<ImportedFile> ReadBake(const std::string& file, absl::string_view text) {
  absl::StatusOr<ImportValue> root = ParseImportJson(file, text);
  if (!root.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(root.status().message(), "; import what `docker buildx bake --print` prints"));
  }
  return BakeReader().Read(*root);
}

}  // namespace stevedore::graph
