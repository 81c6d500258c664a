// Layers that were made before, by what they were made of.

#ifndef STEVEDORE_WORKER_DRIVERS_LAYER_CACHE_H_
#define STEVEDORE_WORKER_DRIVERS_LAYER_CACHE_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"

namespace stevedore::worker {

// What is known of a layer without making it again.
struct CachedLayer {
  oci::Digest diff_id;
  oci::Descriptor descriptor;
};

// Small files in one folder, each written atomically: the bytes of layers are in registries and
// layouts, here is only how they are called. Losing it costs time, never a wrong image.
// Thread-safe, also across processes.
class LayerCache {
 public:
  // `directory` is made when something is put; empty: nothing is ever found.
  explicit LayerCache(std::string directory) : directory_(std::move(directory)) {}

  // The key of what `input_digest` (raw SHA-256 of the entries) makes of it with one codec and one
  // time stamp.
  static std::string Key(absl::string_view input_digest, absl::string_view codec_identity,
                         int64_t source_date_epoch);

  // Nothing if it is not there, or not readable: a damaged entry is as good as none.
  std::optional<CachedLayer> Get(const std::string& key) const;

  // Failures are logged, not returned: the layer itself is fine.
  void Put(const std::string& key, const CachedLayer& layer) const;

 private:
  std::string Path(const std::string& key) const;

  const std::string directory_;
};

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_DRIVERS_LAYER_CACHE_H_
