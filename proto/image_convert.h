// Between the values that rooms use and the messages that travel.

#ifndef STEVEDORE_PROTO_IMAGE_CONVERT_H_
#define STEVEDORE_PROTO_IMAGE_CONVERT_H_

#include "absl/status/statusor.h"
#include "graph/resolved_image.h"

namespace stevedore::v1 {
class Image;
}  // namespace stevedore::v1

namespace stevedore::proto {

// The message for `image`. Contexts carry the path to open and no digest yet: whoever has read them
// sets those. What only matters while definitions are read (definition name and version, builder,
// places in files) does not travel. INVALID_ARGUMENT, naming image and place, for a git context:
// messages cannot carry one. Thread-safe.
absl::StatusOr<v1::Image> ToMessage(const graph::ResolvedImage& image);

// The inverse, without what does not travel. Not checked: a message may come from anyone.
// Thread-safe.
graph::ResolvedImage FromMessage(const v1::Image& message);

}  // namespace stevedore::proto

#endif  // STEVEDORE_PROTO_IMAGE_CONVERT_H_
