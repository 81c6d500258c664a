#include "cli/images/sync_arguments.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "cli/images/sync_file.h"
#include "cli/images/sync_values.h"
#include "oci/image/digest.h"
#include "oci/image/reference.h"

namespace stevedore::cli {
namespace {

using transfer::Endpoint;
using transfer::EndpointKind;
using transfer::SyncJob;
using transfer::SyncSettings;

absl::StatusOr<SyncJob> RepositoryJob(const std::string& source, const std::string& destination,
                                      bool scoped) {
  absl::string_view name = source;
  absl::ConsumePrefix(&name, "docker://");
  ASSIGN_OR_RETURN(const oci::Reference image, oci::Reference::Parse(name, {.tag = ""}));
  SyncJob job;
  job.name = image.Familiar();
  ASSIGN_OR_RETURN(job.source, ParseRepository(absl::StrCat("docker://", image.Name())));
  ASSIGN_OR_RETURN(job.destination, MirrorOf(destination, image, scoped));
  if (!image.digest().empty()) {
    job.digests = {image.digest()};
  } else if (!image.tag().empty()) {
    job.tags.tags = {image.tag()};
  } else {
    job.tags.all = true;
  }
  return job;
}

absl::StatusOr<SyncJob> LayoutJob(const Endpoint& source, const std::string& destination) {
  SyncJob job;
  job.name = source.ToString();
  job.source = source;
  job.tags.tags = source.tag.empty() ? std::vector<std::string>{} : std::vector{source.tag};
  job.tags.all = source.tag.empty() && !source.digest.has_value();
  if (source.digest.has_value()) job.digests = {*source.digest};
  job.source.tag.clear();
  job.source.digest.reset();
  // The layout's images have no repository whose name could be put behind the destination's.
  ASSIGN_OR_RETURN(job.destination, ParseRepository(destination));
  RETURN_IF_ERROR(CheckMirrorDestination(job.destination));
  return job;
}

// The image in `folder`, whose path below the mirror is `name`: "shop/web:1.0", "web@sha256:…".
absl::StatusOr<SyncJob> FolderJob(const std::string& folder, const std::string& name,
                                  const std::string& destination) {
  // Only the last colon may begin a tag: scoped names have a registry's port before.
  const size_t slash = name.rfind('/');
  const size_t from = slash == std::string::npos ? 0 : slash + 1;
  const size_t mark = std::min(name.find('@', from), name.find(':', from));
  SyncJob job;
  job.name = name;
  ASSIGN_OR_RETURN(job.source, transfer::ParseEndpoint(absl::StrCat("dir:", folder)));
  std::string repository = name.substr(0, mark);
  std::replace(repository.begin(), repository.end(), ':', '-');
  ASSIGN_OR_RETURN(
      job.destination,
      ParseRepository(absl::StrCat(absl::StripSuffix(destination, "/"), "/", repository)),
      "the mirror of ", folder);
  RETURN_IF_ERROR(CheckMirrorDestination(job.destination));
  if (mark == std::string::npos) {
    job.tags.tags = {"latest"};
  } else if (name[mark] == '@') {
    ASSIGN_OR_RETURN(oci::Digest digest, oci::Digest::Parse(name.substr(mark + 1)), folder);
    job.digests = {std::move(digest)};
  } else {
    RETURN_IF_ERROR(oci::CheckTag(name.substr(mark + 1)), folder);
    job.tags.tags = {name.substr(mark + 1)};
  }
  return job;
}

absl::StatusOr<std::vector<SyncJob>> FolderJobs(const std::string& root,
                                                const std::string& destination) {
  namespace fs = std::filesystem;
  std::vector<std::string> folders;
  std::error_code error;
  fs::recursive_directory_iterator entry(root, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    if (entry->path().filename() == "manifest.json") {
      folders.push_back(entry->path().parent_path().string());
    }
  }
  if (error) {
    return absl::NotFoundError(
        absl::StrCat("cannot list folder ", base::Quoted(root), ": ", error.message()));
  }
  if (folders.empty()) {
    return absl::NotFoundError(
        absl::StrCat("there is no image (a folder with a manifest.json) in ", base::Quoted(root)));
  }
  std::sort(folders.begin(), folders.end());
  std::vector<SyncJob> jobs;
  for (const std::string& folder : folders) {
    const fs::path name = fs::path(folder).lexically_relative(root);
    ASSIGN_OR_RETURN(
        SyncJob job,
        FolderJob(folder, name == "." ? fs::path(folder).filename().string() : name.string(),
                  destination));
    jobs.push_back(std::move(job));
  }
  return jobs;
}

}  // namespace

absl::StatusOr<SyncSettings> JobsOf(const std::string& source, const std::string& destination,
                                    bool scoped) {
  SyncSettings settings;
  ASSIGN_OR_RETURN(const Endpoint endpoint, transfer::ParseEndpoint(source));
  switch (endpoint.kind) {
    case EndpointKind::kRegistry: {
      ASSIGN_OR_RETURN(SyncJob job, RepositoryJob(source, destination, scoped));
      settings.jobs.push_back(std::move(job));
      break;
    }
    case EndpointKind::kLayout: {
      ASSIGN_OR_RETURN(SyncJob job, LayoutJob(endpoint, destination));
      settings.jobs.push_back(std::move(job));
      break;
    }
    case EndpointKind::kDirectory: {
      ASSIGN_OR_RETURN(settings.jobs, FolderJobs(endpoint.path, destination));
      break;
    }
    default:
      return absl::InvalidArgumentError(
          absl::StrCat(base::Quoted(source),
                       " cannot be mirrored; there are repositories "
                       "(docker://...), image layouts (oci:folder) and "
                       "folders of images (dir:folder); or copy one image"));
  }
  return settings;
}

}  // namespace stevedore::cli
