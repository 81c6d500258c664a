#include "cli/submission.h"

#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/status.h"
#include "coordinator/submission.h"
#include "oci/image/reference.h"
#include "proto/image_convert.h"
#include "stevedore/v1/build_service.pb.h"

namespace stevedore::cli {
namespace {

absl::StatusOr<std::string> FullReference(const graph::ResolvedImage& image,
                                          const std::string& reference) {
  ASSIGN_OR_RETURN(const oci::Reference parsed, oci::Reference::Parse(reference),
                   image.where.ToString(), ": reference of image ", image.id);
  return parsed.Canonical();
}

absl::StatusOr<v1::Image> MakeImage(
    const graph::ResolvedImage& image, const ContextTrees& trees,
    const std::map<std::string, std::vector<std::string>>& changed) {
  ASSIGN_OR_RETURN(v1::Image message, proto::ToMessage(image));
  ASSIGN_OR_RETURN(*message.mutable_reference(), FullReference(image, image.reference));
  for (std::string& tag : *message.mutable_tags()) {
    ASSIGN_OR_RETURN(tag, FullReference(image, tag));
  }
  for (v1::BuildContext& context : *message.mutable_contexts()) {
    const ContextTree& tree = FindContext(trees, image.id, context.path());
    context.set_tree_digest(tree.tree->digest().ToString());
    if (tree.git.has_value()) {
      context.mutable_git()->set_url(tree.git->url);
      context.mutable_git()->set_commit(tree.git->commit);
    }
    const std::vector<std::string>& files = changed.at(tree.memory_key);
    context.mutable_changed_files()->Assign(files.begin(), files.end());
  }
  return message;
}

std::string Environment(const char* name) {
  const char* value = ::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

absl::StatusOr<coordinator::Submission> MakeSubmission(const SelectionWithParents& selected,
                                                       const ContextTrees& trees,
                                                       const ContextMemory& memory,
                                                       const SubmissionOptions& options) {
  coordinator::Submission submission;
  v1::SubmitBuildRequest::Header& header = submission.header;
  header.set_request_id(base::RandomHex(16));
  header.set_submitter(SubmitterName());
  header.set_priority(options.priority);
  header.set_detach(options.detach);
  header.set_push_tags(options.push_tags);
  header.set_no_cache(options.no_cache);
  header.set_retry_failed(options.retry_failed);
  header.mutable_targets()->Assign(options.targets.begin(), options.targets.end());
  for (const FoundParent& parent : selected.parents) {
    v1::ExternalImage* external = header.add_external_images();
    external->set_id(parent.id);
    external->set_reference(parent.reference);
    external->mutable_manifests()->insert(parent.manifests.begin(), parent.manifests.end());
  }
  std::map<std::string, std::vector<std::string>> changed;
  for (const auto& [name, context] : trees) {
    const auto [files, is_new] = changed.try_emplace(context.memory_key);
    if (is_new) files->second = memory.ChangedFiles(context.memory_key, *context.tree);
  }
  for (const graph::ResolvedImage& image : selected.selection.images) {
    ASSIGN_OR_RETURN(v1::Image message, MakeImage(image, trees, changed));
    submission.images.push_back(std::move(message));
  }
  return submission;
}

std::string SubmitterName() {
  for (const char* job : {"STEVEDORE_SUBMITTER", "CI_JOB_URL", "BUILD_URL"}) {
    const std::string value = Environment(job);
    if (!value.empty()) return value;
  }
  std::string user = Environment("USER");
  if (user.empty()) {
    const passwd* entry = ::getpwuid(::getuid());
    user = entry != nullptr ? entry->pw_name : absl::StrCat("uid ", ::getuid());
  }
  char host[HOST_NAME_MAX + 1] = "";
  ::gethostname(host, sizeof(host) - 1);
  return absl::StrCat(user, "@", host);
}

}  // namespace stevedore::cli
