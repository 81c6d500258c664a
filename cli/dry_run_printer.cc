#include "cli/dry_run_printer.h"

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/structured_output.h"
#include "credentials/credential_store.h"
#include "graph/resolved_image.h"
#include "oci/image/reference.h"
#include "stevedore/v1/build_service.pb.h"

namespace stevedore::cli {
namespace {

using Json = nlohmann::ordered_json;

// Everything but secrets: a git context may hold a password.
Json ContextAsJson(const graph::ContextSpec& context) {
  if (!context.git.has_value()) return {{"path", context.path}};
  const graph::GitContext& git = *context.git;
  Json json = {{"repository", graph::ShownRepository(git.repository)}};
  if (!git.reference.empty()) json["reference"] = git.reference;
  if (!git.path.empty()) json["path"] = git.path;
  if (!git.credentials_id.empty()) json["credentials_id"] = git.credentials_id;
  if (!git.username.empty()) json["username"] = git.username;
  if (!git.private_key_file.empty()) json["private_key_file"] = git.private_key_file;
  return {{"git", json}};
}

Json TextOrNull(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

// Makes the document.
class DryRun {
 public:
  DryRun(const SelectionWithParents& selected, const v1::PlanBuildResponse& plan,
         const PlanSurroundings& surroundings, bool pushes, const CredentialIdOf& credential_id)
      : selected_(selected),
        surroundings_(surroundings),
        pushes_(pushes),
        credential_id_(credential_id) {
    for (const graph::ResolvedImage& image : selected.selection.images) {
      references_[image.id] = image.reference;
      built_.insert(image.id);
    }
    for (const FoundParent& parent : selected.parents) references_[parent.id] = parent.reference;
    for (const auto& task : plan.tasks()) tasks_[task.image_id()].push_back(&task);
  }

  absl::StatusOr<Json> Make() {
    Json images = Json::array();
    for (const graph::ResolvedImage& image : selected_.selection.images) {
      ASSIGN_OR_RETURN(Json json, Image(image));
      images.push_back(std::move(json));
    }
    return images;
  }

 private:
  absl::StatusOr<Json> Image(const graph::ResolvedImage& image) {
    Json json = {{"image", image.id}};
    json["definition"] = {{"name", image.definition_name},
                          {"version", image.definition_version},
                          {"where", image.where.ToString()}};
    json["reference"] = image.reference;
    json["tags"] = image.tags;
    json["platforms"] = image.platforms;
    json["builder"] = image.builder;
    json["driver"] = image.driver;
    json["options"] = Json::parse(image.options_json, nullptr, /*allow_exceptions=*/false);
    json["contexts"] = Json::array();
    for (const graph::ContextSpec& context : image.contexts) {
      json["contexts"].push_back(ContextAsJson(context));
    }
    json["arguments"] = Json(image.arguments);
    json["labels"] = Json(image.labels);
    if (!image.volatile_names.empty()) json["not_in_build_key"] = image.volatile_names;
    json["parents"] = Json::array();
    for (const std::string& id : image.parents) {
      json["parents"].push_back(
          {{"image", id}, {"reference", references_[id]}, {"built_along", built_.count(id) > 0}});
    }
    json["push"] = pushes_;
    RETURN_IF_ERROR(AddCredentials(image, json));
    AddPlan(image, json);
    return json;
  }

  absl::Status AddCredentials(const graph::ResolvedImage& image, Json& json) {
    if (pushes_) {
      ASSIGN_OR_RETURN(const std::string id, IdOf(image.reference));
      json["push_credentials"] = TextOrNull(id);
    }
    if (image.parents.empty()) return absl::OkStatus();
    Json pull = Json::object();
    for (const std::string& parent : image.parents) {
      if (built_.count(parent) > 0 && !pushes_) continue;  // Comes out of the output folder.
      ASSIGN_OR_RETURN(const std::string id, IdOf(references_[parent]));
      pull[parent] = TextOrNull(id);
    }
    if (!pull.empty()) json["pull_credentials"] = std::move(pull);
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> IdOf(const std::string& reference) {
    // Thousands of images share a few repositories' ids.
    const std::string name = reference.substr(0, reference.rfind(':'));
    const auto [known, is_new] = ids_.try_emplace(name);
    if (is_new) {
      ASSIGN_OR_RETURN(known->second, credential_id_(reference));
    }
    return known->second;
  }

  void AddPlan(const graph::ResolvedImage& image, Json& json) {
    const auto because = surroundings_.selected_because.find(image.id);
    if (because != surroundings_.selected_because.end()) {
      json["selected_because"] = because->second;
    }
    json["plan"] = Json::array();
    for (const v1::PlanBuildResponse::Task* task : tasks_[image.id]) {
      Json entry = {{"platform", task->platform()}, {"action", std::string(ActionName(*task))}};
      entry["causes"] = std::vector<std::string>(task->causes().begin(), task->causes().end());
      json["plan"].push_back(std::move(entry));
    }
  }

  const SelectionWithParents& selected_;
  const PlanSurroundings& surroundings_;
  const bool pushes_;
  const CredentialIdOf& credential_id_;
  std::map<std::string, std::string> references_;  // By id.
  std::set<std::string> built_;
  std::map<std::string, std::vector<const v1::PlanBuildResponse::Task*>> tasks_;
  std::map<std::string, std::string> ids_;  // By repository.
};

}  // namespace

CredentialIdOf CredentialIdsOf(const credentials::LoginChain* logins) {
  return [logins](const std::string& text) -> absl::StatusOr<std::string> {
    ASSIGN_OR_RETURN(const oci::Reference reference, oci::Reference::Parse(text));
    if (logins->records() != nullptr) {
      for (const std::string& id :
           credentials::LookupKeys(reference.registry(), reference.repository())) {
        ASSIGN_OR_RETURN(const auto record, logins->records()->Get(id));
        if (record.has_value()) return id;
      }
    }
    ASSIGN_OR_RETURN(const std::optional<credentials::Credential> credential,
                     logins->Find(reference.registry(), reference.repository()));
    return credential.has_value() ? credential->origin : "";
  };
}

absl::StatusOr<Json> DryRunJson(const SelectionWithParents& selected,
                                const v1::PlanBuildResponse& plan,
                                const PlanSurroundings& surroundings, bool pushes,
                                const CredentialIdOf& credential_id) {
  ASSIGN_OR_RETURN(Json images, DryRun(selected, plan, surroundings, pushes, credential_id).Make());
  Json json = {{"images", std::move(images)}};
  Json times = PlanAsJson(plan, surroundings);
  times.erase("tasks");  // Said for each image.
  json.update(times);
  return json;
}

std::string DryRunText(const Json& dry_run, const v1::PlanBuildResponse& plan,
                       const PlanSurroundings& surroundings) {
  std::string text;
  for (const Json& image : dry_run["images"]) {
    absl::StrAppend(&text, ToYamlText(image), "\n");
  }
  return absl::StrCat(text, PlanTable(plan, surroundings));
}

}  // namespace stevedore::cli
