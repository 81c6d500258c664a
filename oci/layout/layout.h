// The OCI image layout: images in a folder.

#ifndef STEVEDORE_OCI_LAYOUT_LAYOUT_H_
#define STEVEDORE_OCI_LAYOUT_LAYOUT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/byte_sink.h"
#include "base/byte_source.h"
#include "base/file.h"
#include "base/hash.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"
#include "oci/image/index.h"

namespace stevedore::oci {

// One blob on its way into a layout: a temporary file until Commit. Destroying it before drops it.
// Not thread-safe.
class BlobWriter final : public base::ByteSink {
 public:
  BlobWriter(BlobWriter&&) = delete;
  ~BlobWriter() override;

  absl::Status Write(absl::string_view bytes) override;
  // Ends writing; Commit does so too if it was not called.
  absl::Status Close() override;

  // Makes the blob visible under its digest (fsync, rename) and returns it. DATA_LOSS, and nothing
  // visible, if `expected` is given and not what was written.
  absl::StatusOr<Digest> Commit(const std::optional<Digest>& expected = std::nullopt);

  // Bytes written so far.
  uint64_t size() const { return size_; }

 private:
  friend class Layout;
  BlobWriter(std::string directory, std::string temporary, base::FileDescriptor file,
             base::HashAlgorithm algorithm)
      : directory_(std::move(directory)),
        algorithm_(algorithm),
        temporary_(std::move(temporary)),
        file_(std::move(file)),
        hasher_(algorithm) {}

  const std::string directory_;  // The layout's.
  const base::HashAlgorithm algorithm_;
  std::string temporary_;  // Path; empty once renamed.
  base::FileDescriptor file_;
  base::Hasher hasher_;
  uint64_t size_ = 0;
};

// A folder with `oci-layout`, `index.json` and `blobs/`. Blobs are immutable files; index.json
// changes under a file lock, by atomic replacement, so any number of threads and processes may use
// one folder. Thread-safe.
class Layout {
 public:
  // NOT_FOUND if `directory` is not there or has no `oci-layout`; INVALID_ARGUMENT if that is of
  // another version.
  static absl::StatusOr<Layout> Open(const std::string& directory);
  // As Open, but makes what is missing. FAILED_PRECONDITION if `directory` holds something that is
  // not a layout.
  static absl::StatusOr<Layout> OpenOrCreate(const std::string& directory);

  const std::string& directory() const { return directory_; }

  // True if the blob is there (a regular file; links are refused everywhere).
  bool HasBlob(const Digest& digest) const;
  // Size in bytes. NOT_FOUND if it is not there.
  absl::StatusOr<uint64_t> BlobSize(const Digest& digest) const;
  // The file of a blob that is there, for sending without a copy.
  std::string BlobPath(const Digest& digest) const;
  // A stream of the bytes, not verified. NOT_FOUND if it is not there.
  absl::StatusOr<std::unique_ptr<base::ByteSource>> OpenBlob(const Digest& digest) const;
  // A small blob in memory, verified: DATA_LOSS if it is not what the digest names.
  // RESOURCE_EXHAUSTED above `limit_bytes`.
  absl::StatusOr<std::string> ReadBlob(const Digest& digest,
                                       uint64_t limit_bytes = kMaxDocumentBytes) const;

  // Starts a blob whose digest, made with `algorithm`, is known at its end.
  absl::StatusOr<std::unique_ptr<BlobWriter>> StartBlob(
      base::HashAlgorithm algorithm = base::HashAlgorithm::kSha256) const;
  // A small blob in one go.
  absl::StatusOr<Digest> PutBlob(absl::string_view bytes) const;
  // Takes over the file at `path`, whose content the caller knows to be `digest`: a rename, or a
  // verified copy between file systems (DATA_LOSS if it was not). The file is gone afterwards.
  absl::Status AdoptBlob(const Digest& digest, const std::string& path) const;

  // Stores a manifest or index and lists it in index.json: under `ref_name`, which it takes from
  // the manifest that had it, or without a name if it is not listed yet. An index takes over the
  // entries without names of the manifests that it names. `media_type` as the document says.
  // INVALID_ARGUMENT if `ref_name` is empty or has control characters; INVALID_ARGUMENT if
  // index.json is corrupt: it is never overwritten.
  absl::StatusOr<Descriptor> PutManifest(absl::string_view bytes, const std::string& media_type,
                                         const std::optional<std::string>& ref_name) const;

  // The entry of index.json with this ref name, or with this digest if `name` is one. NOT_FOUND,
  // listing some of what there is, if there is none.
  absl::StatusOr<Descriptor> Find(absl::string_view name) const;
  // All ref names, in the order of index.json.
  absl::StatusOr<std::vector<std::string>> References() const;
  // index.json, parsed. INVALID_ARGUMENT if it is corrupt.
  absl::StatusOr<Index> ReadIndex() const;
  // Removes the entry with this ref name; blobs stay. NOT_FOUND if there is none.
  absl::Status RemoveReference(absl::string_view ref_name) const;
  // Removes all entries of this manifest, with and without names; blobs stay. NOT_FOUND if there is
  // none.
  absl::Status RemoveManifest(const Digest& digest) const;

 private:
  explicit Layout(std::string directory) : directory_(std::move(directory)) {}

  absl::Status ReplaceIndex(const std::vector<Descriptor>& manifests) const;
  // Removes the entries of which `drop` is true; false if there were none.
  absl::StatusOr<bool> RemoveEntries(absl::FunctionRef<bool(const Descriptor&)> drop) const;

  std::string directory_;
};

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_LAYOUT_LAYOUT_H_
