// What a copy is about: the documents of the source, from the root to the manifests.

#ifndef STEVEDORE_TRANSFER_COPY_TREE_H_
#define STEVEDORE_TRANSFER_COPY_TREE_H_

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"
#include "oci/image/index.h"
#include "oci/image/platform.h"
#include "transfer/copy_options.h"
#include "transfer/image_source.h"

namespace stevedore::transfer {

// Indexes inside indexes, and artifacts of artifacts; people use one or two levels.
inline constexpr int kMaxCopyDepth = 8;
// Manifests and indexes of one copy: a guard against indexes that name each other's thousands.
inline constexpr size_t kMaxCopyDocuments = 100'000;

// A document of the source with what it names. Indexes are held whole; manifests are read when
// their turn comes, as an index may name thousands.
struct CopyNode {
  oci::Descriptor source;
  std::optional<oci::Index> index = std::nullopt;  // Unless it is a manifest.
  // As index->manifests(); null: left out.
  std::vector<std::unique_ptr<CopyNode>> children = {};
  // What stands for it at the destination; valid once `finished`.
  oci::Descriptor result = {};
  bool finished = false;
  // Of a root: first, if it was read already, as the source has it, then as it will be put under
  // the tags.
  std::optional<RawManifest> document = std::nullopt;
};

// Finds and reads documents of one source. Not thread-safe, except Fetch.
class CopyTree {
 public:
  // Whether the destination has a document and all below it.
  using IsThere = std::function<absl::StatusOr<bool>(const oci::Digest& digest)>;

  // The pointers must outlive the tree.
  CopyTree(ImageSource* from, const CopyOptions* options, IsThere is_there, std::stop_token stop);

  // Platforms are chosen. StopFiltering: not among what is attached to the image.
  bool filtering() const { return filtering_; }
  void StopFiltering() { filtering_ = false; }

  // The document to copy, after choosing a platform where one manifest is wanted. Sets
  // `source_digest` to that of what `tag_or_digest` names. NOT_FOUND: no image, or not for the
  // platform.
  absl::StatusOr<CopyNode> FindRoot(const std::string& tag_or_digest, oci::Digest* source_digest);

  // Reads the index of `root` (nothing to do if it is a manifest) and those below it; leaves out
  // what no platform wants, and with `skip_known` what is below nested indexes that the destination
  // has. INVALID_ARGUMENT above the limits; NOT_FOUND if nothing is left.
  absl::Status Walk(CopyNode& root, bool skip_known) { return WalkBelow(root, skip_known, 0); }

  // A document by digest. DATA_LOSS if size or type are not as `wanted` says. Thread-safe.
  absl::StatusOr<RawManifest> Fetch(const oci::Descriptor& wanted) const;

  // The index of `node` in `format`, over what its children are or, where they are not finished,
  // would be if no manifest changed.
  static absl::StatusOr<oci::Index> Rebuild(const CopyNode& node,
                                            std::optional<oci::ImageFormat> format);

  // The manifests and, each after all that it names, the indexes of `node` that are not finished.
  static void Collect(CopyNode& node, std::vector<CopyNode*>* leaves,
                      std::vector<CopyNode*>* indexes);

 private:
  absl::StatusOr<oci::Descriptor> SelectManifest(const oci::Index& index, int depth) const;
  absl::Status CheckPlatform(const RawManifest& raw) const;
  absl::Status WalkBelow(CopyNode& node, bool skip_known, int depth);
  absl::Status AddChildren(CopyNode& node, bool skip_known, int depth);
  // Those that were asked for, or this machine's.
  std::vector<oci::Platform> WantedPlatforms() const;

  ImageSource& from_;
  const CopyOptions& options_;
  const IsThere is_there_;
  const std::stop_token stop_;
  bool filtering_;
  size_t documents_ = 0;  // Walked so far.
};

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_COPY_TREE_H_
