#include "cli/images/sync_printer.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/text.h"

namespace stevedore::cli {
namespace {

using transfer::SyncAction;
using transfer::SyncJobResult;
using transfer::SyncReport;
using transfer::SyncTagResult;
using Json = nlohmann::ordered_json;

constexpr SyncAction kActions[] = {SyncAction::kCopied, SyncAction::kUnchanged,
                                   SyncAction::kDeleted, SyncAction::kKept, SyncAction::kFailed};

// What a person calls the image of `tag` in its job.
std::string NameOf(const SyncTagResult& tag) {
  return tag.tag.empty() ? ShortDigest(tag.source) : tag.tag;
}

size_t CountIn(const SyncJobResult& job, SyncAction action) {
  size_t count = 0;
  for (const SyncTagResult& tag : job.tags) count += tag.action == action;
  return count;
}

Json TagJson(const SyncTagResult& tag) {
  Json json = Json::object();
  if (!tag.tag.empty()) json["tag"] = tag.tag;
  if (!tag.source.empty() && tag.source != tag.tag) json["source"] = tag.source;
  json["action"] = std::string(SyncActionName(tag.action));
  if (!tag.digest.empty()) json["digest"] = tag.digest.ToString();
  if (tag.bytes_copied > 0) json["bytes"] = tag.bytes_copied;
  if (!tag.status.ok()) json["error"] = std::string(tag.status.message());
  return json;
}

}  // namespace

std::string DescribeTag(const SyncJobResult& job, const SyncTagResult& tag, bool dry_run) {
  const std::string name = absl::StrCat(job.name, " ", NameOf(tag), ": ");
  const absl::string_view would = dry_run ? "would be " : "";
  switch (tag.action) {
    case SyncAction::kUnchanged:
      return "";
    case SyncAction::kCopied:
      return absl::StrCat(name, would, "copied, ", ShortDigest(tag.digest.ToString()), ", ",
                          FormatBytes(static_cast<int64_t>(tag.bytes_copied)), "\n");
    case SyncAction::kDeleted:
      return absl::StrCat(name, would, "deleted\n");
    case SyncAction::kKept:
      // A reason of its own; that of the whole job is said once.
      return tag.status.ok() ? "" : absl::StrCat(name, tag.status.message(), "\n");
    case SyncAction::kFailed:
      return absl::StrCat(name, "failed: ", tag.status.message(), "\n");
  }
  return "";
}

std::string SyncTable(const SyncReport& report, bool dry_run) {
  std::vector<std::vector<std::string>> rows;
  for (const SyncJobResult& job : report.jobs) {
    std::vector<std::string> row = {job.name};
    for (const SyncAction action : kActions) row.push_back(absl::StrCat(CountIn(job, action)));
    int64_t bytes = 0;
    for (const SyncTagResult& tag : job.tags) bytes += static_cast<int64_t>(tag.bytes_copied);
    row.push_back(FormatBytes(bytes));
    row.push_back(job.destination);
    rows.push_back(std::move(row));
  }
  return FormatTable({"JOB", dry_run ? "TO COPY" : "COPIED", "UNCHANGED",
                      dry_run ? "TO DELETE" : "DELETED", "KEPT", "FAILED", "BYTES", "DESTINATION"},
                     rows);
}

Json SyncJson(const SyncReport& report, bool dry_run) {
  Json json{{"dry_run", dry_run}};
  for (const SyncAction action : kActions) {
    json[std::string(SyncActionName(action))] = report.Count(action);
  }
  Json jobs = Json::array();
  for (const SyncJobResult& job : report.jobs) {
    Json one{{"name", job.name}, {"source", job.source}, {"destination", job.destination}};
    if (!job.status.ok()) one["error"] = std::string(job.status.message());
    Json tags = Json::array();
    for (const SyncTagResult& tag : job.tags) tags.push_back(TagJson(tag));
    one["tags"] = std::move(tags);
    jobs.push_back(std::move(one));
  }
  json["jobs"] = std::move(jobs);
  return json;
}

}  // namespace stevedore::cli
