#include "proto/image_convert.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "stevedore/v1/image.pb.h"

namespace stevedore::proto {

absl::StatusOr<v1::Image> ToMessage(const graph::ResolvedImage& image) {
  v1::Image message;
  message.set_id(image.id);
  message.set_reference(image.reference);
  message.mutable_tags()->Assign(image.tags.begin(), image.tags.end());
  message.mutable_platforms()->Assign(image.platforms.begin(), image.platforms.end());
  message.mutable_parents()->Assign(image.parents.begin(), image.parents.end());
  message.set_driver(image.driver);
  message.set_options_json(image.options_json);
  message.set_source(image.where.ToString());
  message.set_builder(image.builder);
  message.mutable_arguments()->insert(image.arguments.begin(), image.arguments.end());
  message.mutable_parent_arguments()->insert(image.parent_arguments.begin(),
                                             image.parent_arguments.end());
  message.mutable_labels()->insert(image.labels.begin(), image.labels.end());
  message.mutable_volatile_names()->Assign(image.volatile_names.begin(),
                                           image.volatile_names.end());
  if (image.source_date_epoch.has_value()) {
    message.set_source_date_epoch(*image.source_date_epoch);
  }
  for (const graph::ContextSpec& context : image.contexts) {
    v1::BuildContext* const out = message.add_contexts();
    out->set_path(graph::ContextName(context));
    if (!context.git.has_value()) continue;
    const graph::GitContext& git = *context.git;
    out->mutable_git()->set_subdirectory(git.path);
    out->mutable_git()->set_reference(git.reference);
    out->mutable_git()->set_credentials_id(git.credentials_id);
    out->mutable_git()->set_ssh_user(git.ssh_user);
  }
  return message;
}

graph::ResolvedImage FromMessage(const v1::Image& message) {
  graph::ResolvedImage image;
  image.id = message.id();
  image.reference = message.reference();
  image.tags.assign(message.tags().begin(), message.tags().end());
  image.platforms.assign(message.platforms().begin(), message.platforms().end());
  image.parents.assign(message.parents().begin(), message.parents().end());
  image.driver = message.driver();
  image.options_json = message.options_json();
  image.arguments.insert(message.arguments().begin(), message.arguments().end());
  image.parent_arguments.insert(message.parent_arguments().begin(),
                                message.parent_arguments().end());
  image.labels.insert(message.labels().begin(), message.labels().end());
  image.volatile_names.assign(message.volatile_names().begin(), message.volatile_names().end());
  image.builder = message.builder();
  if (message.has_source_date_epoch()) image.source_date_epoch = message.source_date_epoch();
  for (const v1::BuildContext& context : message.contexts()) {
    graph::ContextSpec spec;
    if (context.has_git()) {
      graph::GitContext& git = spec.git.emplace();
      git.repository = context.git().url();
      git.reference = context.git().reference();
      git.path = context.git().subdirectory();
      git.credentials_id = context.git().credentials_id();
      git.ssh_user = context.git().ssh_user();
    } else {
      spec.path = context.path();
      spec.resolved_path = context.path();
    }
    image.contexts.push_back(std::move(spec));
  }
  return image;
}

}  // namespace stevedore::proto
