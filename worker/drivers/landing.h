// Where a layer's files come to stand in the image below it.

#ifndef STEVEDORE_WORKER_DRIVERS_LANDING_H_
#define STEVEDORE_WORKER_DRIVERS_LANDING_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "oci/layer/layer_entry.h"
#include "worker/drivers/native_tree.h"

namespace stevedore::worker {

// A place in an image. A value.
struct Landing {
  // Absolute, without links of the image on the way; ends in a slash if that was asked for.
  std::string to;
  // The folders above it, as the image has them: engines that unpack a layer without them make
  // their own, of mode 0755 and root's, over those below.
  std::vector<oci::LayerEntry> folders;
};

// Whether the image below has to be looked at for files at `to`: there are folders above it, or it
// is called as links are in usual images (/bin, /sbin, /lib...). Others would cost a look at all of
// the base for nothing. Thread-safe, as the next.
bool NeedsLook(absl::string_view to);

// Where `to` is in the image `below`. `folder`: what is put there is a folder or goes into one, so
// that a link to a folder at `to` itself is followed, too. INVALID_ARGUMENT for links in a circle.
absl::StatusOr<Landing> FindLanding(absl::string_view to, bool folder,
                                    const native::FileView& below);

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_DRIVERS_LANDING_H_
