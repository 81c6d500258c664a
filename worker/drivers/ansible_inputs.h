// What a playbook is started with, and what its end means.

#ifndef STEVEDORE_WORKER_DRIVERS_ANSIBLE_INPUTS_H_
#define STEVEDORE_WORKER_DRIVERS_ANSIBLE_INPUTS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "graph/ansible_options.h"
#include "worker/drivers/driver.h"

namespace stevedore::worker {

// All variables of the playbook as one JSON object with sorted keys. Where two of them have the
// same name the first one wins: the image's own, `vars` and `persistent_vars`, the list of extra
// tags, each persistent label, the map of all labels, those about the parent (`arguments` has them
// pinned), and `false` for "push" when nothing is to be pushed. INVALID_ARGUMENT for texts that are
// not UTF-8. Thread-safe, as all here.
absl::StatusOr<std::string> AnsibleVariables(const BuildRequest& request,
                                             const graph::AnsibleOptions& options,
                                             const std::map<std::string, std::string>& arguments);

// `ansible-playbook --extra-vars @FILE --inventory I [--limit L] [--connection local] PLAYBOOK`.
std::vector<std::string> AnsibleCommand(const std::string& program,
                                        const graph::AnsibleOptions& options,
                                        const std::string& variables_file);

// What exit code `code` of the playbook means and what to do, with the last lines it wrote. OK for
// 0. FAILED_PRECONDITION: the user's to settle; UNAVAILABLE: it was killed.
absl::Status AnsibleExit(int code, const std::vector<std::string>& last_lines);

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_DRIVERS_ANSIBLE_INPUTS_H_
