// The options of driver ansible-playbook.

#ifndef STEVEDORE_GRAPH_ANSIBLE_OPTIONS_H_
#define STEVEDORE_GRAPH_ANSIBLE_OPTIONS_H_

#include <map>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "graph/key_table.h"

namespace stevedore::graph {

// What a definition says to its playbook without being asked; made by the resolver, never written
// by users. A value.
struct AutomaticVariables {
  // The image's own reference, name, namespace, version, registry and the label of its builder, by
  // the variables' names.
  std::map<std::string, std::string> own;
  // Names of the variables with the list of extra tags, the map of labels, and `false` when nothing
  // is to be pushed. Empty: not passed.
  std::string tags_name;
  std::string labels_name;
  std::string push_name;
  // Labels that are variables of their own, too.
  std::set<std::string> persistent_labels;
};

// How an image is made by a playbook. A value.
struct AnsibleOptions {
  // In the merged context if there is one, else in the working directory.
  std::string playbook;
  // A file, a folder, or hosts with a comma: "localhost,". Empty: none was given.
  std::string inventory;
  std::string limit;
  bool connection_local = false;
  // The playbook fails if it takes longer.
  absl::Duration timeout = absl::InfiniteDuration();
  // JSON by name: variables that are more than a text.
  std::map<std::string, std::string> typed_variables;
  AutomaticVariables automatic;

  // From ResolvedImage::options_json: INVALID_ARGUMENT, naming the member, what was found and what
  // is allowed, for everything that is not as above. Thread-safe.
  static absl::StatusOr<AnsibleOptions> Parse(absl::string_view options_json);
};

// The members that users write.
const KeyTable& AnsibleOptionKeys();

// `options_json` with `automatic` in it, for Parse. Text that is no object is returned as it is:
// Parse says what is wrong. Thread-safe.
std::string WithAutomaticVariables(const std::string& options_json,
                                   const AutomaticVariables& automatic);

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_ANSIBLE_OPTIONS_H_
