// Users and groups of an image.

#ifndef STEVEDORE_WORKER_DRIVERS_NATIVE_USERS_H_
#define STEVEDORE_WORKER_DRIVERS_NATIVE_USERS_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/drivers/native_layer.h"
#include "worker/drivers/native_tree.h"

namespace stevedore::worker::native {

// "user[:group]" of --chown or USER, each a number or a name in the image's /etc/passwd and
// /etc/group. Without a group: the user's own in /etc/passwd for a name, the same number for a
// number. INVALID_ARGUMENT for names that are not there, naming the file. Thread-safe.
absl::StatusOr<Owner> FindOwner(const FileView& files, absl::string_view text);

}  // namespace stevedore::worker::native

#endif  // STEVEDORE_WORKER_DRIVERS_NATIVE_USERS_H_
