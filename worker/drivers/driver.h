// What turns a resolved image and its inputs into layers and documents.

#ifndef STEVEDORE_WORKER_DRIVERS_DRIVER_H_
#define STEVEDORE_WORKER_DRIVERS_DRIVER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "oci/image/descriptor.h"
#include "oci/image/image_editor.h"
#include "oci/image/platform.h"
#include "worker/repository_provider.h"

namespace stevedore::context {
class Tree;
}  // namespace stevedore::context
namespace stevedore::transfer {
class ImageSink;
}  // namespace stevedore::transfer

namespace stevedore::worker {

// An image that the one being built stands on, on the platform of the build.
struct ParentImage {
  std::string id;         // As in the plan: "base:2.4".
  std::string reference;  // For messages.
  oci::Image image;
};

// What the definition calls the image: for drivers that hand it to something else. A value.
struct ImageFacts {
  std::string name;        // Last part of the repository: "web".
  std::string version;     // Main tag.
  std::string registry;    // "localhost:5000"; "docker.io" if the definition has none.
  std::string name_space;  // "shop/team"; may be empty.
  // Extra tags as full references, in the order of the definition.
  std::vector<std::string> tags;
  // Label of the builder: "docker", or "web:1.0" for one that stands in the image's definition.
  std::string builder;
  // Whether the result goes to a registry (not into a layout folder).
  bool to_registry = false;
};

// What one build may use. A value; a driver that runs nothing has no use for it.
struct BuildLimits {
  absl::Duration time = absl::InfiniteDuration();
};

// How far a build is, for people. Counts start anew with each phase.
struct BuildProgress {
  std::string phase;         // "layer 2/3", "config", ...
  uint64_t bytes_done = 0;   // Uncompressed bytes.
  uint64_t bytes_total = 0;  // 0: not known.
};

// Everything one build of one image on one platform needs; what a driver asks for later it cannot
// have.
struct BuildRequest {
  std::string id;         // "web:1.0".
  std::string reference;  // Full reference, for messages.
  std::string source;     // "images/web.yaml:12" where the definition is; may be empty.
  ImageFacts facts;
  BuildLimits limits;
  oci::Platform platform;
  std::string options_json;  // An object; each driver knows its own.
  std::map<std::string, std::string> arguments;
  // Which of them are automatic ones about the base, by argument name: "reference", "tag", "name",
  // "registry" or "namespace". They name the parent as the definition does; a driver that hands
  // names to somebody else pins them, as the parent's tag has not moved yet.
  std::map<std::string, std::string> parent_arguments;
  std::map<std::string, std::string> labels;  // Become labels of the image.
  std::optional<int64_t> source_date_epoch;   // Seconds since 1970.

  // In the order of the definition: the first is the base, others contribute layers where the
  // options say so.
  std::vector<ParentImage> parents;
  // All contexts merged; null if the image has none.
  std::shared_ptr<const context::Tree> context;

  // Where finished blobs go; must be able to take several at once. Not owned.
  transfer::ImageSink* output = nullptr;
  // Called from any thread, one line without its end. May be empty.
  std::function<void(absl::string_view line)> log;
  // Called from any thread, not more often than a few times per second and MiB. May be empty.
  std::function<void(const BuildProgress& progress)> progress;
};

// A layer of the result that some other image has already: whoever publishes the image mounts or
// copies it.
struct InheritedLayer {
  oci::Descriptor descriptor;
  // Index into BuildRequest::parents; numbers from their count on are BuiltImage::other_places.
  int parent = 0;
};

// What came out. The layers that are new are in BuildRequest::output; the config, the inherited
// layers and the manifest are published by the caller, in that order.
struct BuiltImage {
  oci::Image image;
  std::vector<InheritedLayer> inherited;
  // Images beside the parents that layers come from: `FROM` of something made elsewhere.
  std::vector<ImagePlace> other_places;
  uint64_t new_layer_bytes = 0;  // Compressed bytes of layers that were written by this build.
};

// One way to build images. Thread-safe: one driver builds several images at once.
class Driver {
 public:
  virtual ~Driver() = default;

  // The driver's name in definitions.
  virtual absl::string_view name() const = 0;

  // Builds. INVALID_ARGUMENT and NOT_FOUND for what the definition or its contexts got wrong (a
  // retry will not help), FAILED_PRECONDITION for a command of the user's that failed; CANCELLED
  // once `stop` is requested; UNAVAILABLE, ABORTED and RESOURCE_EXHAUSTED where another attempt may
  // succeed.
  virtual absl::StatusOr<BuiltImage> Build(const BuildRequest& request, std::stop_token stop) = 0;
};

// The drivers of a worker by name; see drivers.h for the ones that ship.
using DriverSet = std::map<std::string, std::unique_ptr<Driver>>;

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_DRIVERS_DRIVER_H_
