#include "cli/build_json.h"

#include <nlohmann/json.hpp>

namespace stevedore::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string Dump(const Json& json, int indent = -1) {
  // Logs and messages of recipes may hold any bytes.
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

void AddTime(Json& json, const char* key, absl::Time time) {
  if (time == absl::InfinitePast()) return;
  json[key] = absl::FormatTime(absl::RFC3339_full, time, absl::UTCTimeZone());
}

void AddText(Json& json, const char* key, const std::string& text) {
  if (!text.empty()) json[key] = text;
}

Json Task(const TaskView& task) {
  Json json = {{"image", task.image}, {"platform", task.platform}};
  json["state"] = std::string(StateName(task.state));
  AddText(json, "reference", task.reference);
  if (!task.ended()) AddText(json, "phase", task.phase);
  if (task.total_bytes > 0 || task.done_bytes > 0) json["done_bytes"] = task.done_bytes;
  if (task.total_bytes > 0) json["total_bytes"] = task.total_bytes;
  AddTime(json, "start_time", task.start);
  AddTime(json, "end_time", task.end);
  AddText(json, "worker", task.worker);
  if (task.attempts > 0) json["attempts"] = task.attempts;
  AddText(json, "digest", task.digest);
  if (task.image_bytes > 0) json["image_bytes"] = task.image_bytes;
  if (!task.causes.empty()) json["causes"] = task.causes;
  AddText(json, "error", task.error);
  if (!task.error.empty()) json["failure"] = task.infrastructure ? "infrastructure" : "user";
  AddText(json, "skipped_by", task.skipped_by);
  AddText(json, "log_tail", task.log_tail);
  return json;
}

Json Build(const BuildView& build) {
  Json json = {{"id", build.id}};
  json["state"] = std::string(StateName(build.state));
  json["targets"] = build.targets;
  AddText(json, "submitter", build.submitter);
  AddTime(json, "start_time", build.start);
  AddTime(json, "end_time", build.end);
  json["tasks"] = build.task_count;
  json["built"] = build.succeeded;
  json["reused"] = build.reused;
  json["failed"] = build.failed;
  json["skipped"] = build.skipped;
  json["cancelled"] = build.cancelled;
  AddText(json, "error", build.error);
  for (const TagView& tag : build.tags) {
    Json entry = {{"reference", tag.reference}, {"digest", tag.digest}, {"moved", tag.moved}};
    if (tag.unchanged) entry["unchanged"] = true;
    if (tag.superseded) entry["superseded"] = true;
    AddText(entry, "error", tag.error);
    json["tags"].push_back(std::move(entry));
  }
  return json;
}

Json Typed(const char* type, const Json& content) {
  Json json = {{"type", type}};
  json.update(content);
  return json;
}

}  // namespace

std::string TaskJson(const BuildView& build, const TaskView& task) {
  Json json = Typed("task", Task(task));
  json["build"] = build.id;
  return Dump(json);
}

std::string BuildJson(const BuildView& build) { return Dump(Typed("build", Build(build))); }

std::string NoteJson(absl::string_view text) {
  return Dump(Json{{"type", "note"}, {"text", std::string(text)}});
}

std::string MetadataJson(const BuildView& build) {
  Json json = Build(build);
  json["task_count"] = build.task_count;
  json["tasks"] = Json::array();
  for (const TaskView& task : build.tasks) json["tasks"].push_back(Task(task));
  return Dump(json, 2) + "\n";
}

}  // namespace stevedore::cli
