// Deleting tags without harm to others. Private to sync.

#ifndef STEVEDORE_TRANSFER_SYNC_DELETION_H_
#define STEVEDORE_TRANSFER_SYNC_DELETION_H_

#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "oci/image/digest.h"
#include "transfer/image_sink.h"
#include "transfer/image_source.h"

namespace stevedore::transfer {

// Deletes tags of one repository. Some registries delete manifests only, with all their tags, even
// if an index that stays names them: such deletions are made only if nothing that stays needs the
// manifest. Not thread-safe.
class TagDeletion {
 public:
  // `staying`: all tags that must still work. Both must outlive this.
  TagDeletion(ImageSink* sink, ImageSource* images, std::vector<std::string> staying)
      : sink_(sink), images_(images), staying_(std::move(staying)) {}

  // Deletes `tag`; that it is gone already is a success. FAILED_PRECONDITION, with the reason, if
  // that would take something away that stays.
  absl::Status Delete(const std::string& tag, std::stop_token stop = {});

 private:
  // The digests that the staying tags lead to, children of indexes included.
  absl::StatusOr<const absl::flat_hash_set<std::string>*> Needed(std::stop_token stop);

  ImageSink* const sink_;
  ImageSource* const images_;
  const std::vector<std::string> staying_;
  std::optional<absl::flat_hash_set<std::string>> needed_;  // Asked for when it matters first.
};

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_SYNC_DELETION_H_
