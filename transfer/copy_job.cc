#include "transfer/copy_job.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/byte_source.h"
#include "base/status.h"
#include "oci/image/canonical_json.h"
#include "oci/image/image_config.h"
#include "oci/image/media_type.h"
#include "transfer/convert.h"

namespace stevedore::transfer {
namespace {

// Manifests of an index that are worked on at once; each may be 4 MiB of JSON.
constexpr size_t kParallelManifests = 4;

bool IsKnownDocument(const std::string& media_type) {
  return oci::IsManifestType(media_type) || oci::IsIndexType(media_type);
}

// What comes out of recompressing a layer of `media_type`; false for what is no layer of an image.
bool IsOwnLayer(const std::string& media_type) {
  return oci::IsLayerType(media_type) && !oci::IsNonDistributable(media_type);
}

}  // namespace

CopyJob::CopyJob(CopyTask task, BlobFlights* flights, base::MemoryBudget* budget,
                 std::stop_token stop)
    : task_(std::move(task)),
      from_(*task_.from),
      to_(*task_.to),
      mover_(task_.from, task_.to, &task_.options, flights, budget),
      tree_(
          task_.from, &task_.options,
          [this](const oci::Digest& digest) { return DestinationHas(digest); }, stop_.get_token()),
      forward_stop_(stop, [this] { stop_.request_stop(); }) {
  for (const std::string& tag : task_.options.extra_tags) {
    const bool twice = std::find(tags_.begin(), tags_.end(), tag) != tags_.end();
    if (!tag.empty() && !twice && tag != task_.tag) tags_.push_back(tag);
  }
  if (!task_.tag.empty()) tags_.push_back(task_.tag);
}

CopyJob::~CopyJob() = default;

absl::Status CopyJob::CheckOptions() const {
  const CopyOptions& options = task_.options;
  if (options.parallel_blobs < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("blobs on their way at once: ", options.parallel_blobs, "; use 1 or more"));
  }
  if (options.compression.has_value() && options.format == oci::ImageFormat::kDocker &&
      options.compression->layer_compression() == oci::LayerCompression::kZstd) {
    return absl::InvalidArgumentError(
        "zstd layers do not exist in Docker's format; use gzip, or the OCI format");
  }
  if (options.referrers && rewrites()) {
    return absl::InvalidArgumentError(
        "what is attached to an image names its digest, which a new format or compression changes: "
        "copy what is attached without changing the image, or change the image without it");
  }
  if (options.index_only && rewrites()) {
    return absl::InvalidArgumentError(
        "a new format or compression changes the manifests that an index names: copy them too, or "
        "leave format and compression as they are");
  }
  if (options.dry_run && options.compression.has_value()) {
    return absl::InvalidArgumentError(
        "what recompressed layers are called is known only once they are made; a dry run cannot "
        "tell");
  }
  return absl::OkStatus();
}

absl::StatusOr<CopyResult> CopyJob::Run() {
  RETURN_IF_ERROR(CheckOptions());
  RETURN_IF_ERROR(LookAtTags());
  if (trusts() && !tree_.filtering()) {
    ASSIGN_OR_RETURN(const std::optional<oci::Descriptor> source,
                     from_.HeadManifest(task_.tag_or_digest, stop_.get_token()));
    if (source.has_value()) {
      source_digest_ = source->digest;
      root_.source = root_.result = *source;
      ASSIGN_OR_RETURN(const bool there, IsThere(source->digest));
      if (there) return Conclude();
    }
  }
  // By digest if it is known: a tag may move meanwhile.
  const std::string name = source_digest_.empty() ? task_.tag_or_digest : source_digest_.ToString();
  ASSIGN_OR_RETURN(root_, tree_.FindRoot(name, &source_digest_));
  RETURN_IF_ERROR(tree_.Walk(root_, trusts()));
  if (trusts() && tree_.filtering()) {
    root_.result = root_.source;
    if (root_.index.has_value()) {
      ASSIGN_OR_RETURN(const oci::Index rebuilt, CopyTree::Rebuild(root_, std::nullopt));
      RETURN_IF_ERROR(CheckPreserved(root_.source, rebuilt.digest()));
      root_.result = rebuilt.ToDescriptor();
    }
    ASSIGN_OR_RETURN(const bool there, IsThere(root_.result.digest));
    if (there) return Conclude();
  }
  RETURN_IF_ERROR(CopyBelow(root_));
  if (task_.options.referrers) {
    tree_.StopFiltering();
    RETURN_IF_ERROR(CopyReferrers(root_));
  }
  RETURN_IF_ERROR(PutTags(*root_.document));
  return Conclude();
}

absl::StatusOr<CopyResult> CopyJob::Conclude() {
  if (task_.options.finish && !task_.options.dry_run) {
    RETURN_IF_ERROR(to_.Finish(stop_.get_token()), to_.Describe());
  }
  CopyResult result = mover_.Counts();
  base::MutexLock lock(&mu_);
  result.manifests_copied = result_.manifests_copied;
  result.tags_written = result_.tags_written;
  result.tags_kept = result_.tags_kept;
  result.digests_changed = result_.digests_changed || root_.result.digest != root_.source.digest;
  result.digest = root_.result.digest;
  if (tags_.empty() && !result.tags_kept.empty()) result.digest = *named_[result.tags_kept.back()];
  result.media_type = root_.result.media_type;
  result.source_digest = source_digest_;
  result.unchanged = result.blobs_copied == 0 && result.blobs_mounted == 0 &&
                     result.manifests_copied == 0 && result.tags_written.empty();
  return result;
}

absl::Status CopyJob::LookAtTags() {
  ImageSource* const readable = to_.Readable();
  if (readable == nullptr) return absl::OkStatus();
  std::vector<std::string> kept;
  for (const std::string& tag : tags_) {
    ASSIGN_OR_RETURN(const std::optional<oci::Descriptor> found,
                     readable->HeadManifest(tag, stop_.get_token()));
    if (found.has_value()) named_[tag] = found->digest;
    if (found.has_value() && task_.options.no_clobber) kept.push_back(tag);
  }
  for (const std::string& tag : kept) {
    tags_.erase(std::find(tags_.begin(), tags_.end(), tag));
    mover_.Tell({.kind = CopyEvent::Kind::kTagKept, .tag = tag});
    base::MutexLock lock(&mu_);
    result_.tags_kept.push_back(tag);
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> CopyJob::IsThere(const oci::Digest& digest) {
  {
    // Nothing is to be written, so nothing is missing.
    base::MutexLock lock(&mu_);
    if (tags_.empty() && !result_.tags_kept.empty()) return true;
  }
  if (tags_.empty()) return DestinationHas(digest);
  for (const std::string& tag : tags_) {
    const auto named = named_.find(tag);
    if (named == named_.end() || named->second != digest) return false;
  }
  for (const std::string& tag : tags_) {
    mover_.Tell({.kind = CopyEvent::Kind::kTagThere, .content = root_.result, .tag = tag});
  }
  return true;
}

absl::StatusOr<bool> CopyJob::DestinationHas(const oci::Digest& digest) {
  for (const auto& [tag, named] : named_) {
    if (named == digest) return true;
  }
  ImageSource* const readable = to_.Readable();
  if (readable == nullptr) return false;
  ASSIGN_OR_RETURN(const std::optional<oci::Descriptor> found,
                   readable->HeadManifest(digest.ToString(), stop_.get_token()));
  return found.has_value();
}

// --- Content ---

absl::Status CopyJob::CopyBelow(CopyNode& root) {
  std::vector<CopyNode*> leaves, indexes;
  CopyTree::Collect(root, &leaves, &indexes);
  if (task_.options.index_only && root.index.has_value()) {
    leaves.clear();
    indexes = {&root};
  }
  if (!leaves.empty()) RETURN_IF_ERROR(CopyLeaves(leaves, &root));
  for (CopyNode* index : indexes) RETURN_IF_ERROR(FinishIndex(*index, index == &root));
  return absl::OkStatus();
}

absl::Status CopyJob::CopyLeaves(const std::vector<CopyNode*>& leaves, const CopyNode* root) {
  if (!blob_threads_.has_value()) blob_threads_.emplace("copy", task_.options.parallel_blobs);
  // An index may name one manifest twice.
  std::map<oci::Digest, CopyNode*> first;
  std::vector<CopyNode*> unique;
  for (CopyNode* leaf : leaves) {
    if (first.emplace(leaf->source.digest, leaf).second) unique.push_back(leaf);
  }
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < unique.size() && !stop_.stop_requested(); i = next++) {
      const absl::Status status = CopyLeaf(*unique[i], unique[i] == root);
      if (!status.ok()) Fail(status).IgnoreError();
    }
  };
  {
    std::vector<std::jthread> helpers;
    for (size_t i = 1; i < std::min(kParallelManifests, unique.size()); ++i) {
      helpers.emplace_back(work);
    }
    work();
  }
  if (stop_.stop_requested()) return Fail(absl::CancelledError("the copy was cancelled"));
  for (CopyNode* leaf : leaves) {
    const CopyNode& done = *first[leaf->source.digest];
    leaf->finished = true;
    if (leaf == &done) continue;
    // The same content may be named by descriptors that differ in the rest.
    leaf->result = leaf->source;
    leaf->result.media_type = done.result.media_type;
    leaf->result.digest = done.result.digest;
    leaf->result.size = done.result.size;
  }
  return absl::OkStatus();
}

absl::Status CopyJob::CopyLeaf(CopyNode& leaf, bool is_root) {
  leaf.result = leaf.source;
  bool there = false;
  if (trusts()) {
    ASSIGN_OR_RETURN(there, DestinationHas(leaf.source.digest));
    if (there && !is_root) return absl::OkStatus();
  }
  RawManifest raw;
  if (leaf.document.has_value()) {
    raw = *std::exchange(leaf.document, std::nullopt);
  } else {
    ASSIGN_OR_RETURN(raw, tree_.Fetch(leaf.source));
  }
  if (!there && oci::DetectMediaType(raw.bytes, raw.media_type).value_or("") == raw.media_type &&
      oci::IsManifestType(raw.media_type)) {
    ASSIGN_OR_RETURN(const oci::Manifest manifest, oci::Manifest::Parse(raw.bytes, raw.media_type),
                     from_.Describe());
    ASSIGN_OR_RETURN(const oci::Manifest moved, MoveContent(manifest, &there), "manifest ",
                     leaf.source.digest.ToString());
    if (moved.digest() != manifest.digest()) {
      raw = {.bytes = moved.bytes(), .media_type = moved.media_type(), .digest = moved.digest()};
      leaf.result = moved.ToDescriptor();
    }
  } else if (!there && IsKnownDocument(raw.media_type)) {
    // Says what is wrong with it.
    RETURN_IF_ERROR(oci::Manifest::Parse(raw.bytes, raw.media_type).status(), from_.Describe());
  }
  if (!is_root) return there ? absl::OkStatus() : PutByDigest(raw);
  leaf.document = std::move(raw);
  return absl::OkStatus();
}

absl::StatusOr<oci::Manifest> CopyJob::MoveContent(const oci::Manifest& manifest, bool* there) {
  ASSIGN_OR_RETURN(oci::Manifest converted, ConvertManifest(manifest, task_.options.format));
  if (converted.digest() != manifest.digest()) {
    RETURN_IF_ERROR(CheckPreserved(manifest.ToDescriptor(), converted.digest()));
    if (!task_.options.compression.has_value() && !task_.options.recheck) {
      ASSIGN_OR_RETURN(*there, DestinationHas(converted.digest()));
      if (*there) return converted;
    }
  }
  if (task_.options.compression.has_value()) {
    ASSIGN_OR_RETURN(converted, RecompressLayers(converted));
    RETURN_IF_ERROR(CheckPreserved(manifest.ToDescriptor(), converted.digest()));
  }
  // Layers that were recompressed are there already and are not in the source.
  std::set<oci::Digest> sources;
  for (const oci::Descriptor& layer : manifest.layers()) sources.insert(layer.digest);
  std::vector<oci::Descriptor> blobs = {manifest.config()};
  for (const oci::Descriptor& layer : converted.layers()) {
    if (sources.contains(layer.digest)) blobs.push_back(layer);
  }
  RETURN_IF_ERROR(ForEachBlob(blobs.size(), [&](size_t i) {
    return i == 0 ? mover_.MoveConfig(blobs[i], stop_.get_token())
                  : mover_.Move(blobs[i], stop_.get_token());
  }));
  return converted;
}

absl::StatusOr<oci::Manifest> CopyJob::RecompressLayers(const oci::Manifest& manifest) {
  const CopyOptions& options = task_.options;
  // Layers of artifacts are whatever they are.
  if (!oci::IsConfigType(manifest.config().media_type)) return manifest;
  const oci::LayerCompression wanted = options.compression->layer_compression();
  std::vector<size_t> positions;
  for (size_t i = 0; i < manifest.layers().size(); ++i) {
    const std::string& type = manifest.layers()[i].media_type;
    if (!IsOwnLayer(type)) continue;
    if (options.recompress_all || oci::CompressionOf(type) != wanted) positions.push_back(i);
  }
  if (positions.empty()) return manifest;
  const oci::ImageFormat format = manifest.media_type() == oci::kDockerManifest
                                      ? oci::ImageFormat::kDocker
                                      : oci::ImageFormat::kOci;
  ASSIGN_OR_RETURN(const std::string type, oci::LayerMediaType(format, wanted));
  ASSIGN_OR_RETURN(const std::unique_ptr<base::ByteSource> source,
                   from_.OpenBlob(manifest.config(), stop_.get_token()));
  ASSIGN_OR_RETURN(std::string bytes, base::ReadAll(*source, oci::kMaxDocumentBytes));
  ASSIGN_OR_RETURN(const oci::ImageConfig config, oci::ImageConfig::Parse(std::move(bytes)),
                   from_.Describe());
  if (config.diff_ids().size() != manifest.layers().size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        from_.Describe(), ": the manifest has ", manifest.layers().size(), " layers, its config ",
        config.diff_ids().size(), ": such an image cannot be recompressed"));
  }
  std::vector<std::optional<oci::Descriptor>> layers(manifest.layers().size());
  RETURN_IF_ERROR(ForEachBlob(positions.size(), [&](size_t i) -> absl::Status {
    const size_t at = positions[i];
    ASSIGN_OR_RETURN(layers[at], mover_.Recompress(manifest.layers()[at], config.diff_ids()[at],
                                                   *options.compression, stop_.get_token()));
    layers[at]->media_type = type;
    return absl::OkStatus();
  }));
  return ConvertManifest(manifest, std::nullopt, layers);
}

absl::Status CopyJob::FinishIndex(CopyNode& node, bool is_root) {
  ASSIGN_OR_RETURN(const oci::Index index, CopyTree::Rebuild(node, task_.options.format));
  node.result = node.source;
  if (index.digest() != node.index->digest()) {
    RETURN_IF_ERROR(CheckPreserved(node.source, index.digest()));
    node.result = index.ToDescriptor();
  }
  RawManifest document{
      .bytes = index.bytes(), .media_type = index.media_type(), .digest = index.digest()};
  node.finished = true;
  if (!is_root) return PutByDigest(document);
  node.document = std::move(document);
  return absl::OkStatus();
}

absl::Status CopyJob::CheckPreserved(const oci::Descriptor& source, const oci::Digest& now) {
  if (source.digest == now) return absl::OkStatus();
  if (!task_.options.preserve_digests) {
    base::MutexLock lock(&mu_);
    result_.digests_changed = true;
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      from_.Describe(), " ", source.digest.ToString(), " would become ", now.ToString(),
      ", but digests are to be preserved: copy all platforms without "
      "changing format or compression, or allow new digests"));
}

// --- Attached documents ---

absl::Status CopyJob::CopyReferrers(const CopyNode& node) {
  RETURN_IF_ERROR(CopyReferrersOf(node.source.digest, 0));
  for (const auto& child : node.children) {
    if (child != nullptr && !task_.options.index_only) RETURN_IF_ERROR(CopyReferrers(*child));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<oci::Descriptor>> CopyJob::ListReferrers(const oci::Digest& subject) {
  const std::vector<std::string>& types = task_.options.artifact_types;
  const std::string filter = types.size() == 1 ? types[0] : "";
  ASSIGN_OR_RETURN(std::vector<oci::Descriptor> found,
                   from_.Referrers(subject, filter, stop_.get_token()));
  if (types.empty()) return found;
  // Registries may ignore the filter.
  std::erase_if(found, [&types](const oci::Descriptor& artifact) {
    return std::find(types.begin(), types.end(), artifact.artifact_type) == types.end();
  });
  return found;
}

absl::Status CopyJob::CopyReferrersOf(const oci::Digest& subject, int depth) {
  if (depth > kMaxCopyDepth) {
    return absl::InvalidArgumentError(absl::StrCat("artifact ", subject.ToString(), " of ",
                                                   from_.Describe(), " is attached to ",
                                                   kMaxCopyDepth, " others; no more are followed"));
  }
  ASSIGN_OR_RETURN(const std::vector<oci::Descriptor> found, ListReferrers(subject), "attached to ",
                   subject.ToString());
  for (const oci::Descriptor& artifact : found) {
    if (!attached_.insert(artifact.digest).second) continue;
    if (attached_.size() > kMaxCopyDocuments) {
      return absl::InvalidArgumentError(absl::StrCat(from_.Describe(), " has more than ",
                                                     kMaxCopyDocuments, " artifacts attached"));
    }
    ASSIGN_OR_RETURN(const bool there,
                     task_.options.recheck ? false : DestinationHas(artifact.digest));
    if (!there) {
      CopyNode node;
      node.source = artifact;
      RETURN_IF_ERROR(tree_.Walk(node, trusts()));
      RETURN_IF_ERROR(CopyBelow(node), "artifact ", artifact.digest.ToString());
      RETURN_IF_ERROR(PutByDigest(*node.document), "artifact ", artifact.digest.ToString());
    }
    RETURN_IF_ERROR(CopyReferrersOf(artifact.digest, depth + 1));
  }
  return absl::OkStatus();
}

// --- Writing documents ---

absl::Status CopyJob::PutByDigest(const RawManifest& document) {
  if (!task_.options.dry_run) {
    RETURN_IF_ERROR(to_.PutManifest(document.digest.ToString(), document.bytes, document.media_type,
                                    stop_.get_token())
                        .status());
  }
  mover_.Tell({.kind = CopyEvent::Kind::kManifest,
               .content = {.media_type = document.media_type,
                           .digest = document.digest,
                           .size = document.bytes.size()}});
  base::MutexLock lock(&mu_);
  ++result_.manifests_copied;
  return absl::OkStatus();
}

absl::Status CopyJob::PutTags(const RawManifest& document) {
  const oci::Descriptor content = {
      .media_type = document.media_type, .digest = document.digest, .size = document.bytes.size()};
  root_.result = content;
  if (tags_.empty()) {
    base::MutexLock lock(&mu_);
    if (!result_.tags_kept.empty()) return absl::OkStatus();
  }
  if (tags_.empty()) {
    ASSIGN_OR_RETURN(const bool there, DestinationHas(document.digest));
    return there ? absl::OkStatus() : PutByDigest(document);
  }
  bool first = true;
  for (const std::string& tag : tags_) {
    const auto named = named_.find(tag);
    if (named != named_.end() && named->second == document.digest) {
      mover_.Tell({.kind = CopyEvent::Kind::kTagThere, .content = content, .tag = tag});
      continue;
    }
    if (!task_.options.dry_run) {
      ASSIGN_OR_RETURN(
          const oci::Digest stored,
          to_.PutManifest(tag, document.bytes, document.media_type, stop_.get_token()));
      if (stored != document.digest && task_.options.preserve_digests) {
        return absl::DataLossError(absl::StrCat(to_.Describe(), " stored ",
                                                document.digest.ToString(), " as ",
                                                stored.ToString(), " under tag ", tag));
      }
      root_.result.digest = stored;
    }
    mover_.Tell({.kind = CopyEvent::Kind::kTag, .content = root_.result, .tag = tag});
    base::MutexLock lock(&mu_);
    if (std::exchange(first, false)) ++result_.manifests_copied;
    result_.tags_written.push_back(tag);
  }
  return absl::OkStatus();
}

// --- Threads ---

absl::Status CopyJob::ForEachBlob(size_t count, absl::FunctionRef<absl::Status(size_t)> work) {
  size_t left = count;  // Guarded by mu_, as far as the analysis goes.
  absl::Status first;
  for (size_t i = 0; i < count; ++i) {
    blob_threads_->Schedule([this, i, work, &left, &first] {
      absl::Status status =
          stop_.stop_requested() ? absl::CancelledError("the copy was cancelled") : work(i);
      if (!status.ok()) status = Fail(status);
      base::MutexLock lock(&mu_);
      if (first.ok()) first = status;
      if (--left == 0) blob_ended_.SignalAll();
    });
  }
  base::MutexLock lock(&mu_);
  while (left > 0) blob_ended_.Wait(&mu_);
  return first;
}

absl::Status CopyJob::Fail(const absl::Status& status) {
  absl::Status first;
  {
    base::MutexLock lock(&mu_);
    if (error_.ok()) error_ = status;
    first = error_;
  }
  stop_.request_stop();
  return first;
}

}  // namespace stevedore::transfer
