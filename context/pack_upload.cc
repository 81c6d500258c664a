#include "context/pack_upload.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mutex.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "context/pack.h"
#include "oci/image/media_type.h"

namespace stevedore::context {
namespace {

// One upload on its way; the threads of a pool call Send.
class Upload {
 public:
  Upload(const Tree& tree, PackTable* table, PackSink& sink, const PackUploadOptions& options)
      : tree_(tree), table_(table), sink_(sink), options_(options) {}

  // Makes one pack be there, unless another failed before. `blob` gets its descriptor.
  void Send(const Pack& pack, oci::Descriptor* blob) ABSL_LOCKS_EXCLUDED(mu_) {
    {
      base::MutexLock lock(&mu_);
      if (!status_.ok()) return;
    }
    uint64_t sent_bytes = 0;
    absl::Status status = options_.stop.stop_requested()
                              ? absl::CancelledError("sending the context was cancelled")
                              : SendPack(pack, blob, &sent_bytes);
    base::MutexLock lock(&mu_);
    if (!status.ok()) {
      if (status_.ok()) status_ = std::move(status);
      return;
    }
    if (sent_bytes > 0) ++result_.sent_count;
    result_.sent_bytes += sent_bytes;
    ++result_.pack_count;
    if (options_.progress) options_.progress(pack.content_bytes, sent_bytes);
  }

  absl::StatusOr<PackUploadResult> Finish() ABSL_LOCKS_EXCLUDED(mu_) {
    base::MutexLock lock(&mu_);
    if (!status_.ok()) return status_;
    return result_;
  }

 private:
  absl::Status SendPack(const Pack& pack, oci::Descriptor* blob, uint64_t* sent_bytes) {
    if (table_ != nullptr) {
      const std::optional<oci::Descriptor> known = table_->Find(pack.key);
      if (known.has_value()) {
        ASSIGN_OR_RETURN(const bool there, sink_.HasBlob(*known));
        if (there) {
          *blob = *known;
          return absl::OkStatus();
        }
      }
    }
    const std::string path =
        absl::StrCat(options_.temporary_directory, "/pack-", base::RandomHex(8));
    const absl::Status status = WriteAndPut(pack, path, blob, sent_bytes);
    unlink(path.c_str());  // The sink may have taken it.
    return status;
  }

  absl::Status WriteAndPut(const Pack& pack, const std::string& path, oci::Descriptor* blob,
                           uint64_t* sent_bytes) {
    ASSIGN_OR_RETURN(base::FileDescriptor file,
                     base::OpenFile(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
    base::FileSink out(std::move(file), path);
    PackWriteOptions write;
    write.stop = options_.stop;
    ASSIGN_OR_RETURN(*blob, WritePack(tree_, pack, &out, write));
    ASSIGN_OR_RETURN(const bool there, sink_.HasBlob(*blob));
    if (!there) {
      RETURN_IF_ERROR(sink_.PutBlob(*blob, path), "send pack ", blob->digest.Short());
      *sent_bytes = blob->size;
    }
    if (table_ != nullptr) table_->Store(pack.key, *blob);
    return absl::OkStatus();
  }

  const Tree& tree_;
  PackTable* const table_;
  PackSink& sink_;
  const PackUploadOptions& options_;
  base::Mutex mu_;
  absl::Status status_ ABSL_GUARDED_BY(mu_);  // The first failure.
  PackUploadResult result_ ABSL_GUARDED_BY(mu_);
};

// The artifact's config: two bytes that every artifact shares.
absl::Status PutEmptyConfig(PackSink& sink, const std::string& temporary_directory) {
  const oci::Descriptor config = EmptyConfigDescriptor();
  ASSIGN_OR_RETURN(const bool there, sink.HasBlob(config));
  if (there) return absl::OkStatus();
  const std::string path = absl::StrCat(temporary_directory, "/config-", base::RandomHex(8));
  RETURN_IF_ERROR(base::WriteFileAtomically(path, kEmptyConfig, 0600));
  const absl::Status status = sink.PutBlob(config, path);
  unlink(path.c_str());
  return status;
}

}  // namespace

absl::StatusOr<PackUploadResult> UploadTree(const Tree& tree, PackTable* table, PackSink& sink,
                                            const PackUploadOptions& options) {
  const std::string tag = ContextTag(tree.digest());
  ASSIGN_OR_RETURN(const bool there, sink.HasTag(tag));
  if (there) return PackUploadResult();
  RETURN_IF_ERROR(base::MakeDirectories(options.temporary_directory));
  const std::vector<Pack> packs = CutPacks(tree.entries());
  std::vector<oci::Descriptor> blobs(packs.size());
  Upload upload(tree, table, sink, options);
  {
    base::ThreadPool pool("packs", std::max(1, options.threads));
    for (size_t i = 0; i < packs.size(); ++i) {
      pool.Schedule([&upload, &packs, &blobs, i] { upload.Send(packs[i], &blobs[i]); });
    }
  }
  ASSIGN_OR_RETURN(const PackUploadResult result, upload.Finish());
  ASSIGN_OR_RETURN(const std::string manifest, ContextManifest(tree.digest(), blobs));
  RETURN_IF_ERROR(PutEmptyConfig(sink, options.temporary_directory));
  RETURN_IF_ERROR(sink.PutManifest(tag, manifest, oci::kOciManifest), "context ", tag);
  return result;
}

}  // namespace stevedore::context
