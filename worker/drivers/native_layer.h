// One layer in the making.

#ifndef STEVEDORE_WORKER_DRIVERS_NATIVE_LAYER_H_
#define STEVEDORE_WORKER_DRIVERS_NATIVE_LAYER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "oci/layer/layer_entry.h"
#include "worker/drivers/native_content.h"
#include "worker/drivers/native_tree.h"

namespace stevedore::worker::native {

// Who owns a file.
struct Owner {
  uint32_t uid = 0;
  uint32_t gid = 0;
};

// What a step puts on top of a file system. Not thread-safe.
class LayerBuilder {
 public:
  // `below` must outlive the builder.
  explicit LayerBuilder(const FileView* below) : below_(below) {}

  // What is at `path` ("a/b"; not the root) now, links not followed.
  std::optional<oci::LayerEntry> Find(absl::string_view path) const;
  // As FileView::Resolve, with what was put.
  absl::StatusOr<std::string> Resolve(absl::string_view path) const;

  // Makes directory `path` and those above it, `owner`'s and 0755, as far as they are not there.
  // INVALID_ARGUMENT if something else is in the way.
  absl::Status MakeDirectories(absl::string_view path, const Owner& owner);
  // Puts `entry` in the place of whatever is there; its directory must exist. `contents` is null
  // unless it is a file.
  void Put(oci::LayerEntry entry, std::shared_ptr<const ContentSource> contents);

  bool empty() const { return entries_.empty(); }

  // The layer, with the directories above its entries as they are below it: engines unpack each
  // layer by itself, and what it does not describe they would make anew. The builder is empty after
  // that.
  std::shared_ptr<const LayerTree> Finish();

 private:
  struct Less {
    using is_transparent = void;
    bool operator()(absl::string_view a, absl::string_view b) const;
  };

  absl::Status MakeResolved(absl::string_view path, const Owner& owner);
  void DescribeAncestors();

  const FileView* const below_;
  std::map<std::string, oci::LayerEntry, Less> entries_;
  std::shared_ptr<MixedContent> contents_ = std::make_shared<MixedContent>();
  // The directory that was made last from nothing: nothing of `below_` is in it.
  std::string fresh_;
};

// Raw SHA-256 over everything of `entries` that reaches a blob, contents by their identity.
std::string DigestOfEntries(const std::vector<oci::LayerEntry>& entries,
                            const ContentSource& contents);

}  // namespace stevedore::worker::native

#endif  // STEVEDORE_WORKER_DRIVERS_NATIVE_LAYER_H_
