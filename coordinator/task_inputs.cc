#include "coordinator/task_inputs.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"

namespace stevedore::coordinator {
namespace {

constexpr absl::string_view kAssembleDriver = "assemble";
// Goes up when a driver gives other bytes for the same inputs.
constexpr absl::string_view kDriverIdentity = "1";
// Folders above `to` are in its layers since 2.
constexpr absl::string_view kAssembleIdentity = "2";

constexpr absl::string_view kPlaybookDriver = "ansible-playbook";

// "registry/path" of "registry/path:tag" or "registry/path@digest".
absl::string_view RepositoryOf(absl::string_view reference) {
  reference = reference.substr(0, reference.find('@'));
  const size_t colon = reference.rfind(':');
  const size_t slash = reference.rfind('/');
  if (colon == absl::string_view::npos || (slash != absl::string_view::npos && colon < slash)) {
    return reference;
  }
  return reference.substr(0, colon);
}

}  // namespace

absl::StatusOr<graph::BuildKeyInputs> InputsOf(const Build& build, const Task& task) {
  const v1::Image& image = build.images[task.image];
  graph::BuildKeyInputs inputs;
  inputs.SetRepository(RepositoryOf(image.reference()));
  inputs.SetDriver(image.driver(),
                   image.driver() == kAssembleDriver ? kAssembleIdentity : kDriverIdentity);
  inputs.SetPlatform(task.platform);
  RETURN_IF_ERROR(inputs.SetOptions(image.options_json().empty() ? "{}" : image.options_json()),
                  "image ", image.id(), ": options");
  const std::vector<std::string> left_out(image.volatile_names().begin(),
                                          image.volatile_names().end());
  for (const auto& [name, value] : image.arguments()) {
    if (!graph::IsVolatile(left_out, "arg", name)) inputs.AddArgument(name, value);
  }
  for (const auto& [name, value] : image.labels()) {
    if (!graph::IsVolatile(left_out, "label", name)) inputs.AddLabel(name, value);
  }
  for (int i = 0; i < image.parents_size(); ++i) {
    inputs.AddParent(image.parents(i), build.ParentDigest(task, i));
  }
  for (const v1::BuildContext& context : image.contexts()) {
    inputs.AddContext(context.path(), context.tree_digest());
  }
  if (image.has_source_date_epoch()) inputs.SetSourceDateEpoch(image.source_date_epoch());
  return inputs;
}

bool AlwaysRuns(const Build& build, const Task& task) {
  return build.header.no_cache() || build.images[task.image].driver() == kPlaybookDriver;
}

std::string CauseOfRunning(const Build& build, const Task& task) {
  if (build.images[task.image].driver() == kPlaybookDriver) {
    return "a playbook always runs, and publishes by itself";
  }
  return "no-cache";
}

std::vector<std::string> CausesOf(absl::string_view before, const graph::BuildKeyInputs& now,
                                  const v1::Image& image) {
  const absl::StatusOr<graph::BuildKeyInputs> parsed = graph::BuildKeyInputs::Parse(before);
  const bool known = !before.empty() && parsed.ok();
  std::vector<std::string> causes = graph::DescribeChanges(known ? &*parsed : nullptr, now);
  for (std::string& cause : causes) {
    for (const v1::BuildContext& context : image.contexts()) {
      if (!context.changed_files().empty() && cause == absl::StrCat("context ", context.path())) {
        absl::StrAppend(&cause, ": ", absl::StrJoin(context.changed_files(), ", "));
        break;
      }
    }
  }
  return causes;
}

}  // namespace stevedore::coordinator
