#include "graph/import/definitions_writer.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "graph/catalog.h"
#include "graph/configuration.h"
#include "graph/import/import_options.h"
#include "oci/image/reference.h"

namespace stevedore::graph {
namespace {

using Json = nlohmann::ordered_json;

// A reference taken apart as its writer meant it: nothing is completed.
struct Parts {
  std::string registry, name_space, name, tag;
  std::string Repository() const { return absl::StrCat(registry, "/", name_space, "/", name); }
};

// Templates are rendered in images: braces of others must come out as they are.
std::string Escaped(const std::string& text) {
  return absl::StrReplaceAll(text, {{"{{", "{{ \"{{\" }}"}});
}

Json Escaped(const std::map<std::string, std::string>& texts) {
  Json json = Json::object();
  for (const auto& [name, text] : texts) json[Escaped(name)] = Escaped(text);
  return json;
}

absl::StatusOr<Parts> Split(const ImportedImage& image, const std::string& reference) {
  const absl::StatusOr<oci::Reference> parsed = oci::Reference::Parse(reference);
  if (!parsed.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        image.place, ": image name ", base::Quoted(reference), ": ", parsed.status().message()));
  }
  Parts parts;
  absl::string_view rest = reference;
  rest = rest.substr(0, rest.find('@'));
  const size_t slash = rest.find('/');
  const absl::string_view first = rest.substr(0, slash == absl::string_view::npos ? 0 : slash);
  if (absl::StrContains(first, '.') || absl::StrContains(first, ':') || first == "localhost") {
    parts.registry = std::string(first);
    rest.remove_prefix(slash + 1);
  }
  const size_t last = rest.rfind('/');
  if (last != absl::string_view::npos) {
    parts.name_space = std::string(rest.substr(0, last));
    rest.remove_prefix(last + 1);
  }
  const std::pair<std::string, std::string> name = absl::StrSplit(rest, absl::MaxSplits(':', 1));
  parts.name = name.first;
  parts.tag = name.second.empty() ? "latest" : name.second;
  return parts;
}

// What a definition is called: no `:`, and nothing that loading would skip.
std::string DefinitionName(const std::string& name) {
  const std::string safe = absl::StrReplaceAll(name, {{":", "-"}});
  return absl::StartsWith(safe, "x-") ? absl::StrCat("image-", safe) : safe;
}

// https://host/repo.git#reference:folder as a git context; null for other URLs.
Json GitContext(absl::string_view url) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(url, absl::MaxSplits('#', 1));
  const bool is_http = absl::StartsWith(url, "http://") || absl::StartsWith(url, "https://");
  if (is_http && !absl::EndsWith(parts.first, ".git")) return nullptr;
  const bool is_short = absl::StartsWith(url, "github.com/");
  Json git = {{"repository", absl::StrCat(is_short ? "https://" : "", parts.first)}};
  const std::pair<std::string, std::string> fragment =
      absl::StrSplit(parts.second, absl::MaxSplits(':', 1));
  if (!fragment.first.empty()) git["reference"] = fragment.first;
  if (!fragment.second.empty()) git["path"] = fragment.second;
  return {{"git", std::move(git)}};
}

// A named context that BuildKit fetches by itself, as the driver takes it; empty for others.
std::string FetchedContext(const std::string& value) {
  if (absl::StartsWith(value, "github.com/")) return absl::StrCat("https://", value);
  for (const char* scheme : {"docker-image://", "https://", "http://", "git@", "ssh://"}) {
    if (absl::StartsWith(value, scheme)) return value;
  }
  return "";
}

// Makes the definitions of one file.
class Writer {
 public:
  explicit Writer(ImportedFile file) : file_(std::move(file)) {}

  absl::StatusOr<ImportedDefinitions> Write() {
    for (size_t i = 0; i < file_.images.size(); ++i) RETURN_IF_ERROR(Name(i));
    RETURN_IF_ERROR(Link());
    for (size_t i = 0; i < file_.images.size(); ++i) {
      WriteImage(i);
    }
    result_.document = Json::object();
    if (!builders_.empty()) result_.document["builders"] = std::move(builders_);
    result_.document["images"] = std::move(images_);
    // What several images inherit is said once.
    absl::flat_hash_set<std::string> said;
    for (ImportNote& note : file_.notes) {
      const bool is_new = said.insert(absl::StrCat(note.place, " ", note.text)).second;
      if (is_new) result_.notes.push_back(std::move(note));
    }
    WriteGroups();
    return std::move(result_);
  }

 private:
  void Note(const std::string& place, std::string text, std::string attachment = "") {
    file_.notes.push_back({place, std::move(text), std::move(attachment)});
  }

  absl::Status Name(size_t index) {
    ImportedImage& image = file_.images[index];
    const std::string name = DefinitionName(image.name);
    if (name.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(image.place, ": a target needs a name"));
    }
    if (name != image.name) {
      Note(image.place, absl::StrCat("is called ", name, " here: ", base::Quoted(image.name),
                                     " is no name of a definition"));
    }
    if (!by_name_.emplace(image.name, index).second || !used_.insert(name).second) {
      return absl::InvalidArgumentError(
          absl::StrCat(image.place, ": ", base::Quoted(name), " is there twice; rename one"));
    }
    parts_.emplace_back();
    tags_.emplace_back();
    if (image.references.empty()) image.references = {absl::AsciiStrToLower(name)};
    std::vector<Parts> all;
    for (const std::string& reference : image.references) {
      ASSIGN_OR_RETURN(Parts parts, Split(image, reference));
      all.push_back(std::move(parts));
    }
    ChooseVersion(image, all, index);
    return absl::OkStatus();
  }

  // The version is the first tag that does not move by its nature; the rest are further tags.
  void ChooseVersion(const ImportedImage& image, const std::vector<Parts>& all, size_t index) {
    const std::string repository = all[0].Repository();
    const auto chosen = std::find_if(all.begin(), all.end(), [&](const Parts& parts) {
      return parts.Repository() == repository && parts.tag != "latest";
    });
    parts_[index] = chosen == all.end() ? all[0] : *chosen;
    for (size_t i = 0; i < all.size(); ++i) {
      if (all[i].Repository() != repository) {
        Note(image.place, absl::StrCat("tag ", image.references[i],
                                       " is left out: an image goes to one repository; copy it "
                                       "there with `promote`"));
        continue;
      }
      std::vector<std::string>& tags = tags_[index];
      const bool known = std::find(tags.begin(), tags.end(), all[i].tag) != tags.end();
      if (all[i].tag != parts_[index].tag && !known) tags.push_back(all[i].tag);
    }
    const std::string reference = absl::StrCat(repository, ":", parts_[index].tag);
    const auto [first, is_new] = by_reference_.emplace(reference, index);
    if (!is_new && image.is_built) {
      Note(image.place, absl::StrCat("has the same name and tag as ",
                                     base::Quoted(file_.images[first->second].name),
                                     ": the two cannot be built at once"));
    }
  }

  std::string IdOf(size_t index) const {
    return absl::StrCat(DefinitionName(file_.images[index].name), ":", parts_[index].tag);
  }

  // Checks what uses what, and finds everything that each image builds on.
  absl::Status Link() {
    const size_t count = file_.images.size();
    links_.resize(count);
    for (size_t i = 0; i < count; ++i) {
      for (const ImportedContext& context : file_.images[i].contexts) {
        if (context.image.empty()) continue;
        const auto found = by_name_.find(context.image);
        if (found == by_name_.end()) {
          return absl::InvalidArgumentError(
              absl::StrCat(context.place, ": ", base::Quoted(context.image),
                           " is not in this file; correct the name or add it"));
        }
        links_[i].push_back(found->second);
      }
    }
    return CheckCircles();
  }

  // Kahn's algorithm: what is left when nothing is free any more goes in a circle.
  absl::Status CheckCircles() {
    const size_t count = links_.size();
    std::vector<std::vector<size_t>> users(count);
    std::vector<size_t> open(count);
    std::vector<size_t> ready;
    for (size_t i = 0; i < count; ++i) {
      open[i] = links_[i].size();
      for (size_t parent : links_[i]) users[parent].push_back(i);
      if (open[i] == 0) ready.push_back(i);
    }
    size_t done = 0;
    for (; done < ready.size(); ++done) {
      for (size_t user : users[ready[done]]) {
        if (--open[user] == 0) ready.push_back(user);
      }
    }
    if (done == count) {
      depth_.resize(count);
      for (size_t i : ready) {
        for (size_t parent : links_[i]) depth_[i] = std::max(depth_[i], depth_[parent] + 1);
      }
      return absl::OkStatus();
    }
    std::vector<std::string> names;
    size_t at = 0;
    while (open[at] == 0) ++at;
    absl::flat_hash_set<size_t> seen;
    while (seen.insert(at).second) {
      names.push_back(file_.images[at].name);
      for (size_t parent : links_[at]) {
        if (open[parent] > 0) at = parent;
      }
    }
    return absl::InvalidArgumentError(
        absl::StrCat(file_.images[at].place, ": images use each other in a circle: ",
                     absl::StrJoin(names, " uses "), " uses ", file_.images[at].name));
  }

  // The base is what stands on most others: it is what FROM names last of all.
  void WriteParents(size_t index, Json& definition) {
    if (links_[index].empty()) return;
    const size_t base =
        *std::max_element(links_[index].begin(), links_[index].end(),
                          [this](size_t a, size_t b) { return depth_[a] < depth_[b]; });
    const std::string name = DefinitionName(file_.images[base].name);
    definition["parents"] = Json{{name, Json::array({parts_[base].tag})}};
  }

  void WriteContexts(size_t index, Json& options) {
    const ImportedImage& image = file_.images[index];
    Json contexts = Json::object();
    for (const ImportedContext& context : image.contexts) {
      if (context.image.empty()) {
        const std::string value = FetchedContext(context.value);
        if (!value.empty()) {
          contexts[context.name] = value;
          continue;
        }
        Note(
            context.place,
            absl::StrCat("context ", context.name, " (", context.value,
                         ") is left out: add the folder to `context` of the builder, whose folders "
                         "are merged, and copy from there"));
        continue;
      }
      const size_t target = by_name_.at(context.image);
      contexts[context.name] = absl::StrCat("target:", IdOf(target));
    }
    if (!contexts.empty()) options["build_contexts"] = std::move(contexts);
  }

  Json ContextOf(const ImportedImage& image) {
    std::string context = image.context.empty() ? "." : image.context;
    if (!IsRemoteContext(context)) {
      if (context == "-") {
        Note(image.place, "the context comes from standard input; `.` stands for it here");
        context = ".";
      }
      return Json::array({{{"path", context}}});
    }
    Json git = GitContext(context);
    if (!git.is_null()) return Json::array({std::move(git)});
    Note(image.place, absl::StrCat("context ", context,
                                   " is an archive or page on the web: unpack it into a folder "
                                   "and name that; `.` stands for it here"));
    return Json::array({{{"path", "."}}});
  }

  std::string DockerfileOf(const ImportedImage& image) {
    if (!image.dockerfile_inline.empty()) {
      const std::string name = absl::StrCat("Dockerfile.", DefinitionName(image.name));
      Note(image.place,
           absl::StrCat("the Dockerfile is written inside: save it as ", name, " in the context"),
           image.dockerfile_inline);
      return name;
    }
    if (image.dockerfile.empty()) return "";
    const std::filesystem::path path = std::filesystem::path(image.dockerfile).lexically_normal();
    const std::string text = path.string();
    if (!path.is_absolute() && *path.begin() != ".." && text != ".") return text;
    const std::string name = path.filename().string();
    Note(image.place,
         absl::StrCat("Dockerfile ", image.dockerfile,
                      " is outside of its context; copy it into the context as ", name));
    return name;
  }

  void WriteBuilder(size_t index, const std::string& name) {
    const ImportedImage& image = file_.images[index];
    Json options = {{"context", ContextOf(image)}};
    const std::string dockerfile = DockerfileOf(image);
    if (!dockerfile.empty() && dockerfile != "Dockerfile") options["dockerfile"] = dockerfile;
    WriteContexts(index, options);
    for (const auto& [key, value] : image.options.items()) {
      const bool is_network = key == "network" && value != "none" && value != "host";
      if (is_network && value != "default") {
        Note(image.place, absl::StrCat("network ", value.dump(),
                                       " is left out: builds know none, host and default"));
        continue;
      }
      options[key] = value;
    }
    builders_[name] = {{"driver", "buildkit"}, {"options", std::move(options)}};
  }

  void WriteImage(size_t index) {
    const ImportedImage& image = file_.images[index];
    const Parts& parts = parts_[index];
    const std::string name = DefinitionName(image.name);
    Json definition = Json::object();
    if (parts.name != name) definition["name"] = parts.name;
    if (!parts.registry.empty()) definition["registry"] = parts.registry;
    if (!parts.name_space.empty()) definition["namespace"] = parts.name_space;
    if (image.is_built) {
      WriteBuilder(index, name);
      definition["builder"] = name;
      WriteParents(index, definition);
      if (!tags_[index].empty()) definition["tags"] = tags_[index];
      if (!image.platforms.empty()) definition["platforms"] = image.platforms;
      if (!image.arguments.empty()) definition["vars"] = Escaped(image.arguments);
      if (!image.labels.empty()) definition["labels"] = Escaped(image.labels);
    }
    images_[name][parts.tag] = std::move(definition);
  }

  // Groups may name groups; definitions know images only.
  void WriteGroups() {
    absl::flat_hash_map<std::string, const std::vector<std::string>*> groups;
    for (const auto& [name, targets] : file_.groups) groups[name] = &targets;
    for (const auto& [name, targets] : file_.groups) {
      std::vector<std::string> images;
      std::vector<std::string> open(targets.rbegin(), targets.rend());
      absl::flat_hash_set<std::string> seen = {name};
      while (!open.empty()) {
        const std::string target = std::move(open.back());
        open.pop_back();
        const auto group = groups.find(target);
        const bool is_image = by_name_.contains(target);
        if (!is_image && group == groups.end()) continue;
        if (!is_image && !seen.insert(target).second) continue;
        if (!is_image) {
          open.insert(open.end(), group->second->rbegin(), group->second->rend());
        } else if (std::find(images.begin(), images.end(), DefinitionName(target)) ==
                   images.end()) {
          images.push_back(DefinitionName(target));
        }
      }
      result_.groups.emplace_back(name, std::move(images));
    }
  }

  ImportedFile file_;
  ImportedDefinitions result_;
  Json builders_ = Json::object();
  Json images_ = Json::object();
  // By index of the image.
  std::vector<Parts> parts_;
  std::vector<std::vector<std::string>> tags_;
  std::vector<std::vector<size_t>> links_;
  std::vector<size_t> depth_;  // Of the longest chain below.
  absl::flat_hash_map<std::string, size_t> by_name_;
  absl::flat_hash_map<std::string, size_t> by_reference_;
  absl::flat_hash_set<std::string> used_;
};

}  // namespace

absl::StatusOr<ImportedDefinitions> ToDefinitions(ImportedFile file) {
  return Writer(std::move(file)).Write();
}

absl::Status CheckImportedText(const std::string& name, const std::string& yaml) {
  CatalogOptions options;
  options.default_platform = "linux/amd64";
  const DefinitionFile file{name, yaml};
  return Catalog::Parse({file}, {file}, Configuration(), options).status();
}

}  // namespace stevedore::graph
