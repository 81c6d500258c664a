#include "cli/images/sync_file.h"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/status.h"
#include "cli/images/skopeo_sync_file.h"
#include "cli/images/sync_keys.h"
#include "cli/images/sync_values.h"
#include "graph/finding_codes.h"
#include "graph/findings.h"
#include "graph/schema.h"
#include "graph/spelling.h"
#include "graph/yaml_document.h"

namespace stevedore::cli {
namespace {

using graph::Findings;
using graph::YamlDocument;
using graph::YamlNode;
using transfer::Endpoint;
using transfer::EndpointKind;
using transfer::SyncJob;
using transfer::SyncSettings;

constexpr size_t kFileLimitBytes = 4 << 20;

// Reads jobs in our own shape.
class JobReader {
 public:
  explicit JobReader(Findings* findings) : values_(findings), findings_(*findings) {}

  SyncSettings Read(const YamlNode& root) {
    findings_.CheckKeys(root, "a sync file", SyncFileKeys());
    SyncSettings settings;
    if (const YamlNode* node = root.Find("parallel"); node != nullptr) {
      settings.parallel = values_.Count(*node, "`parallel`", 1000).value_or(settings.parallel);
    }
    if (const YamlNode* node = root.Find("rate_limit"); node != nullptr) {
      ReadRateLimit(*node, &settings);
    }
    SyncJob defaults;
    if (const YamlNode* node = root.Find("defaults");
        node != nullptr && findings_.IsMap(*node, "`defaults`")) {
      findings_.CheckKeys(*node, SyncDefaultsKeys().what, SyncDefaultsKeys());
      ReadShared(*node, &defaults);
    }
    const YamlNode* const jobs = root.Find("jobs");
    if (jobs == nullptr || !jobs->is_list() || jobs->items().empty()) {
      findings_.Error(
          jobs == nullptr ? root.where() : jobs->where(),
          absl::StrCat("`jobs` must be a list of jobs, found ",
                       jobs == nullptr ? "no such key" : jobs->Describe(),
                       "; write `jobs: [{source: ..., destination: ..., tags: [...]}]`"),
          graph::codes::kMissing);
      return settings;
    }
    for (const YamlNode* node : jobs->items()) {
      if (findings_.IsMap(*node, "a sync job")) settings.jobs.push_back(ReadJob(*node, defaults));
    }
    return settings;
  }

 private:
  void ReadRateLimit(const YamlNode& node, SyncSettings* settings) {
    if (!findings_.IsMap(node, "`rate_limit`")) return;
    findings_.CheckKeys(node, RateLimitKeys().what, RateLimitKeys());
    if (const YamlNode* bytes = node.Find("bytes_per_second"); bytes != nullptr) {
      settings->bytes_per_second = values_.Bytes(*bytes, "`bytes_per_second`").value_or(0);
    }
    if (const YamlNode* requests = node.Find("requests_per_second"); requests != nullptr) {
      settings->requests_per_second = values_.Rate(*requests, "`requests_per_second`").value_or(0);
    }
  }

  // The keys of SyncDefaultsKeys.
  void ReadShared(const YamlNode& map, SyncJob* job) {
    for (const auto& [key, value] : map.entries()) {
      const std::string& name = key->text();
      const std::string what = absl::StrCat("`", name, "`");
      if (name == "platforms") {
        job->platforms = values_.Platforms(*value, what);
      } else if (name == "referrers") {
        job->referrers = findings_.Bool(*value, what, job->referrers);
      } else if (name == "artifact_types") {
        job->artifact_types.clear();
        for (const YamlNode* type : findings_.Texts(*value, what)) {
          job->artifact_types.push_back(type->text());
        }
      } else if (name == "exclude_patterns") {
        job->tags.excluded = values_.Patterns(*value, what, /*whole=*/true);
      } else if (name == "tag_suffix") {
        job->tag_suffix = values_.TagSuffix(*value);
      } else if (name == "delete_extraneous") {
        job->delete_extraneous = findings_.Bool(*value, what, job->delete_extraneous);
      } else if (name == "delete_limit") {
        ReadDeleteLimit(*value, &job->delete_limit);
      } else if (name == "source_credentials") {
        job->source_access.credentials_id = findings_.Text(*value, what);
      } else if (name == "destination_credentials") {
        job->destination_access.credentials_id = findings_.Text(*value, what);
      }
    }
  }

  void ReadDeleteLimit(const YamlNode& node, transfer::DeleteLimit* limit) {
    if (!findings_.IsMap(node, "`delete_limit`")) return;
    findings_.CheckKeys(node, DeleteLimitKeys().what, DeleteLimitKeys());
    if (const YamlNode* tags = node.Find("tags"); tags != nullptr) {
      limit->tags = values_.Count(*tags, "`tags`", 1'000'000).value_or(limit->tags);
    }
    if (const YamlNode* percent = node.Find("percent"); percent != nullptr) {
      limit->percent = values_.Count(*percent, "`percent`", 100).value_or(limit->percent);
    }
  }

  SyncJob ReadJob(const YamlNode& map, const SyncJob& defaults) {
    SyncJob job = defaults;
    findings_.CheckKeys(map, SyncJobKeys().what, SyncJobKeys());
    ReadShared(map, &job);
    ReadPlaces(map, &job);
    ReadSelection(map, &job);
    if (!job.artifact_types.empty() && !job.referrers) {
      findings_.Error(map.where(),
                      "`artifact_types` says which referrers are copied; add `referrers: true`");
    }
    if (job.delete_extraneous && (job.destination.kind != EndpointKind::kRegistry &&
                                  job.destination.kind != EndpointKind::kLayout)) {
      findings_.Error(
          map.where(),
          "`delete_extraneous` needs a destination whose tags can be listed: a registry "
          "or oci:");
    }
    return job;
  }

  void ReadPlaces(const YamlNode& map, SyncJob* job) {
    const YamlNode* const source = map.Find("source");
    const YamlNode* const destination = map.Find("destination");
    for (const auto& [name, node] :
         {std::make_pair("source", source), std::make_pair("destination", destination)}) {
      if (node != nullptr && !node->is_null()) continue;
      findings_.Error(map.where(), absl::StrCat("a sync job needs `", name, "`: a repository"),
                      graph::codes::kMissing);
    }
    if (source != nullptr) {
      if (auto endpoint = values_.Repository(*source, "`source`"); endpoint.has_value()) {
        job->source = *std::move(endpoint);
      }
      job->name = findings_.Text(*source, "`source`");
    }
    if (destination != nullptr) {
      if (auto endpoint = values_.Repository(*destination, "`destination`"); endpoint.has_value()) {
        job->destination = *std::move(endpoint);
        values_.CheckWritable(*destination, job->destination);
      }
    }
    if (const YamlNode* name = map.Find("name"); name != nullptr && !name->is_null()) {
      job->name = findings_.Text(*name, "`name`");
    }
  }

  void ReadSelection(const YamlNode& map, SyncJob* job) {
    bool any = false;
    for (const auto& [key, value] : map.entries()) {
      const std::string& name = key->text();
      const std::string what = absl::StrCat("`", name, "`");
      if (name == "tags") {
        job->tags.tags = values_.Tags(*value, what);
        any = true;
      } else if (name == "tag_patterns") {
        job->tags.patterns = values_.Patterns(*value, what, /*whole=*/true);
        any = true;
      } else if (name == "versions") {
        job->tags.versions = values_.Versions(*value, what);
        any = true;
      } else if (name == "all_tags") {
        job->tags.all = findings_.Bool(*value, what, false);
        any = any || job->tags.all;
      } else if (name == "digests") {
        job->digests = values_.Digests(*value, what);
        any = true;
      } else if (name == "newest") {
        job->tags.newest = values_.Count(*value, what, 1'000'000).value_or(0);
      }
    }
    if (!any) {
      findings_.Error(
          map.where(),
          "this job selects nothing; say which with `tags`, `tag_patterns`, `versions`, "
          "`digests` or `all_tags: true`",
          graph::codes::kMissing);
    }
  }

  SyncValues values_;
  Findings& findings_;
};

std::string DestinationOf(const SyncJob& job) { return job.destination.ToString(); }

// What is wrong with jobs together.
absl::Status CheckJobs(const std::string& file, const std::vector<SyncJob>& jobs) {
  for (size_t i = 0; i < jobs.size(); ++i) {
    const SyncJob& job = jobs[i];
    if (job.source.ToString() == DestinationOf(job) && job.tag_suffix.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(file, ": job ", base::Quoted(job.name), " copies ", DestinationOf(job),
                       " onto itself; name another destination, or a tag_suffix"));
    }
    for (size_t j = 0; j < i; ++j) {
      if (jobs[j].name == job.name) {
        return absl::InvalidArgumentError(absl::StrCat(file, ": two jobs are called ",
                                                       base::Quoted(job.name),
                                                       "; give one of them another `name`"));
      }
      if ((job.delete_extraneous || jobs[j].delete_extraneous) &&
          DestinationOf(jobs[j]) == DestinationOf(job)) {
        return absl::InvalidArgumentError(
            absl::StrCat(file, ": jobs ", base::Quoted(jobs[j].name), " and ",
                         base::Quoted(job.name), " both write to ", DestinationOf(job),
                         ", and one of them would delete what the other one brings; remove its "
                         "delete_extraneous, or give them different destinations"));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SyncSettings> ParseSyncFile(const std::string& file, absl::string_view text,
                                           const SyncFileOptions& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<YamlDocument> document, YamlDocument::Parse(file, text));
  const YamlNode* const root = document->root();
  if (root == nullptr || !root->is_map()) {
    return absl::InvalidArgumentError(absl::StrCat(
        file, ": found ", root == nullptr ? "nothing" : root->Describe(),
        "; a sync file is a map with `jobs`, or with registries as skopeo reads them"));
  }
  Findings findings(/*lenient=*/false);
  SyncSettings settings;
  if (IsSkopeoSyncFile(*root)) {
    settings = ReadSkopeoSyncFile(*root, options, &findings);
  } else {
    settings = JobReader(&findings).Read(*root);
  }
  RETURN_IF_ERROR(findings.ToStatus());
  RETURN_IF_ERROR(CheckJobs(file, settings.jobs));
  return settings;
}

absl::StatusOr<SyncSettings> ReadSyncFile(const std::string& file, const SyncFileOptions& options) {
  ASSIGN_OR_RETURN(const std::string text, base::ReadFile(file, kFileLimitBytes));
  return ParseSyncFile(file, text, options);
}

nlohmann::ordered_json SyncFileSchema() { return graph::SchemaOfTable(SyncFileKeys()); }

}  // namespace stevedore::cli
