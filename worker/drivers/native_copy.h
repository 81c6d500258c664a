// What COPY does to a file system.

#ifndef STEVEDORE_WORKER_DRIVERS_NATIVE_COPY_H_
#define STEVEDORE_WORKER_DRIVERS_NATIVE_COPY_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/drivers/native_layer.h"
#include "worker/drivers/native_mode.h"
#include "worker/drivers/native_tree.h"

namespace stevedore::worker::native {

// How sources become destinations.
struct CopyOptions {
  // Not set: as the source has it, root for what the copy makes by itself.
  std::optional<Owner> owner;
  std::optional<ModeChange> mode;
  std::vector<std::string> excludes;
  // Sources keep their directories below the destination.
  bool parents = false;
};

// A file that is not in any file system: a heredoc or a download.
struct LooseFile {
  std::string name;  // Used when the destination is a directory.
  uint64_t size = 0;
  uint32_t mode = 0644;
  uint64_t content_id = 0;
  std::shared_ptr<const ContentSource> contents;
};

// The paths in `source` that `pattern` (as written; relative to the root) means, sorted: one that
// exists, or what its wildcards match, which may be nothing. A match that is a directory is not
// looked into. NOT_FOUND, naming what is there, if there is no wildcard and no such path;
// INVALID_ARGUMENT for damaged patterns and what climbs out with "..".
absl::StatusOr<std::vector<std::string>> ExpandSource(const FileView& source,
                                                      absl::string_view pattern);

// Copies files, or contents of directories, as BuildKit does it.
class Copier {
 public:
  // `target` must outlive the copier.
  Copier(LayerBuilder* target, CopyOptions options)
      : target_(target), options_(std::move(options)) {}

  // Copies `path` of `source` ("": all of it). `destination` is absolute; with a slash at its end
  // it is a directory. A directory's content is merged into the destination; a file replaces it, or
  // comes into it if it is a directory. `parents_from`: what of `path` is left out with
  // `parents`. Errors name both.
  absl::Status Copy(const FileView& source, absl::string_view path, absl::string_view destination,
                    absl::string_view parents_from = "");

  // The same for a loose file.
  absl::Status CopyFile(const LooseFile& file, absl::string_view destination);

  // Whether `destination` is a directory or ends in a slash.
  absl::StatusOr<bool> IsDirectory(absl::string_view destination) const;

 private:
  absl::StatusOr<std::string> PrepareDestination(absl::string_view destination,
                                                 absl::string_view name, bool into);
  absl::Status CopyTree(const FileView& source, absl::string_view path, absl::string_view relative,
                        const std::string& to);
  absl::Status CopyChild(const FileView& source, const Node& node, absl::string_view relative,
                         const std::string& to);
  absl::Status CopyParents(const FileView& source, absl::string_view path, const std::string& to);
  absl::Status PutNode(const Node& node, const std::string& to);
  Owner OwnerFor(const oci::LayerEntry& entry) const;
  Owner DefaultOwner() const { return options_.owner.value_or(Owner{}); }

  LayerBuilder* const target_;
  const CopyOptions options_;
};

}  // namespace stevedore::worker::native

#endif  // STEVEDORE_WORKER_DRIVERS_NATIVE_COPY_H_
