// Where every byte of a layer's tar comes from, decided before the first is read.

#ifndef STEVEDORE_OCI_LAYER_LAYER_PLAN_H_
#define STEVEDORE_OCI_LAYER_LAYER_PLAN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "oci/layer/chunk_pipeline.h"
#include "oci/layer/layer_entry.h"
#include "oci/layer/tar_header.h"

namespace stevedore::oci {

// Entries in order with the offset of each in the tar, so that any part of the tar can be made at
// any time. Fill is thread-safe.
class LayerPlan final : public ChunkSource {
 public:
  // Sorts and checks `entries`: see WriteLayer. `contents` must outlive it.
  static absl::StatusOr<LayerPlan> Create(std::vector<LayerEntry> entries,
                                          const LayerContents* contents, TarHeaderOptions options);

  std::optional<uint64_t> size() const override { return starts_.back() + kTarEndBytes; }
  absl::StatusOr<size_t> Fill(uint64_t offset, char* buffer, size_t size) override;

 private:
  LayerPlan(std::vector<LayerEntry> entries, const LayerContents* contents,
            TarHeaderOptions options)
      : entries_(std::move(entries)), contents_(contents), options_(options) {}

  // Writes the part [from, to) of the tar, which lies in entry `index`, to `out`. `scratch` is
  // reused for headers.
  absl::Status FillEntry(size_t index, uint64_t from, uint64_t to, char* out,
                         std::string& scratch) const;
  absl::Status ReadContent(const LayerEntry& entry, uint64_t offset, char* out, size_t size) const;

  std::vector<LayerEntry> entries_;
  // Of each entry's first header byte; one more at the end of the last entry.
  std::vector<uint64_t> starts_;
  const LayerContents* contents_;
  TarHeaderOptions options_;
};

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_LAYER_LAYER_PLAN_H_
