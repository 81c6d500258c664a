#include "worker/drivers/docker_parents.h"

#include <fcntl.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/status.h"
#include "nlohmann/json.hpp"
#include "oci/image/media_type.h"
#include "oci/layer/decompress.h"
#include "oci/layer/tar_header.h"
#include "worker/repository_provider.h"

namespace stevedore::worker {
namespace {

using Json = nlohmann::json;

// So much of the version stays readable in a tag, which may have 128 characters.
constexpr size_t kMaxVersion = 80;

// "ns/name" or "registry/ns/name", as people write it.
std::string FamiliarName(const oci::Reference& reference) {
  return reference.WithDigest({}).Familiar();
}

// A tar that is made while it is read.
class ArchiveSource final : public base::ByteSource {
 public:
  using Opener = std::function<absl::StatusOr<std::unique_ptr<base::ByteSource>>()>;

  // `size` is exactly what `open` will give.
  void Add(std::string path, uint64_t size, Opener open) {
    parts_.push_back({std::move(path), size, std::move(open)});
  }
  void AddText(std::string path, std::string text) {
    const uint64_t size = text.size();
    Add(std::move(path), size, [text = std::move(text)] {
      return std::unique_ptr<base::ByteSource>(std::make_unique<base::StringSource>(text));
    });
  }
  // Lives as long as the archive.
  void Keep(base::TemporaryDirectory directory) { directories_.push_back(std::move(directory)); }

  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    while (pending_.size() == taken_) {
      if (content_ != nullptr) {
        ASSIGN_OR_RETURN(const size_t count,
                         content_->Read(buffer, std::min<uint64_t>(size, left_ + 1)));
        if (count > left_ || (count == 0 && left_ > 0)) {
          return absl::DataLossError(
              absl::StrCat(parts_.front().path, " has not the size it said"));
        }
        left_ -= count;
        if (count > 0) return count;
        content_.reset();
        const uint64_t written = parts_.front().size;
        Pend(std::string(oci::TarPadded(written) - written, '\0'));
        parts_.pop_front();
      } else if (!parts_.empty()) {
        RETURN_IF_ERROR(Begin());
      } else if (!ended_) {
        ended_ = true;
        Pend(std::string(oci::kTarEndBytes, '\0'));
      } else {
        return 0;
      }
    }
    const size_t count = pending_.copy(buffer, size, taken_);
    taken_ += count;
    return count;
  }

 private:
  struct Part {
    std::string path;
    uint64_t size;
    Opener open;
  };

  void Pend(std::string bytes) {
    pending_ = std::move(bytes);
    taken_ = 0;
  }

  absl::Status Begin() {
    const Part& part = parts_.front();
    oci::LayerEntry entry;
    entry.path = part.path;
    entry.size = part.size;
    std::string header;
    RETURN_IF_ERROR(oci::AppendTarHeader(entry, {}, &header));
    Pend(std::move(header));
    ASSIGN_OR_RETURN(content_, part.open());
    left_ = part.size;
    return absl::OkStatus();
  }

  std::vector<base::TemporaryDirectory> directories_;
  std::deque<Part> parts_;
  std::unique_ptr<base::ByteSource> content_;
  uint64_t left_ = 0;
  std::string pending_;
  size_t taken_ = 0;
  bool ended_ = false;
};

// Unpacks a blob into `path`; the size that it has there.
absl::StatusOr<uint64_t> Unpack(std::unique_ptr<base::ByteSource> blob, const std::string& path) {
  ASSIGN_OR_RETURN(oci::Decompressed plain, oci::OpenDecompressed(std::move(blob)));
  ASSIGN_OR_RETURN(base::FileDescriptor file, base::OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC));
  base::FileSink sink(std::move(file), path);
  ASSIGN_OR_RETURN(const uint64_t size, base::CopyAll(*plain.source, sink));
  RETURN_IF_ERROR(sink.Close());
  return size;
}

absl::Status AddLayer(const oci::Descriptor& layer, const std::string& path,
                      transfer::ImageSource* source, const std::string& scratch,
                      const std::stop_token& stop, ArchiveSource* archive) {
  if (oci::CompressionOf(layer.media_type) != oci::LayerCompression::kZstd) {
    archive->Add(path, layer.size, [source, layer, stop] { return source->OpenBlob(layer, stop); });
    return absl::OkStatus();
  }
  if (!scratch.empty()) RETURN_IF_ERROR(base::MakeDirectories(scratch));
  ASSIGN_OR_RETURN(
      base::TemporaryDirectory directory,
      base::TemporaryDirectory::Create(scratch.empty() ? "" : base::JoinPath(scratch, "parent.")));
  const std::string file = base::JoinPath(directory.path(), "layer.tar");
  ASSIGN_OR_RETURN(std::unique_ptr<base::ByteSource> blob, source->OpenBlob(layer, stop));
  ASSIGN_OR_RETURN(const uint64_t size, Unpack(std::move(blob), file));
  archive->Keep(std::move(directory));
  archive->Add(path, size, [file]() -> absl::StatusOr<std::unique_ptr<base::ByteSource>> {
    return base::FileSource::Open(file);
  });
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<base::ByteSource>> OpenDockerArchive(const oci::Image& image,
                                                                    transfer::ImageSource* source,
                                                                    const std::string& name,
                                                                    const std::string& scratch,
                                                                    std::stop_token stop) {
  auto archive = std::make_unique<ArchiveSource>();
  const std::string config = absl::StrCat(image.config.digest().hex(), ".json");
  archive->AddText(config, image.config.bytes());
  Json layers = Json::array();
  for (size_t i = 0; i < image.manifest.layers().size(); ++i) {
    // By position: two layers may be equal.
    const std::string path = absl::StrCat(i, "/layer.tar");
    RETURN_IF_ERROR(
        AddLayer(image.manifest.layers()[i], path, source, scratch, stop, archive.get()));
    layers.push_back(path);
  }
  const Json manifest = {{{"Config", config}, {"RepoTags", {name}}, {"Layers", layers}}};
  archive->AddText("manifest.json", manifest.dump());
  return archive;
}

DockerParents::DockerParents(transfer::DockerEngine* engine, const DriverResources& resources)
    : engine_(*engine), resources_(resources), own_mark_(base::RandomHex(4)) {}

DockerParents::Loan::~Loan() {
  if (owner_ != nullptr) owner_->Return(name_);
}

absl::Status DockerParents::Load(const ParentImage& parent, const oci::Reference& reference,
                                 const std::string& name, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const std::optional<transfer::EngineImage> there,
                   engine_.InspectImage(parent.image.config.digest().ToString(), stop));
  if (there.has_value()) {
    const size_t colon = name.rfind(':');
    return engine_.TagImage(there->id, name.substr(0, colon), name.substr(colon + 1), stop);
  }
  if (resources_.repositories == nullptr) {
    return absl::InternalError("driver docker was made without repositories");
  }
  ASSIGN_OR_RETURN(const Repository repository, resources_.repositories->Open(reference));
  ASSIGN_OR_RETURN(const std::unique_ptr<base::ByteSource> archive,
                   OpenDockerArchive(parent.image, repository.source.get(), name,
                                     resources_.scratch_directory, stop));
  return engine_.LoadImages(*archive, stop);
}

absl::StatusOr<DockerParents::Loan> DockerParents::Lend(const ParentImage& parent,
                                                        std::stop_token stop) {
  const std::string what = absl::StrCat("load parent ", parent.id, " into the engine");
  ASSIGN_OR_RETURN(const oci::Reference reference, oci::Reference::Parse(parent.reference), what);
  const std::string name =
      absl::StrCat(FamiliarName(reference), ":", reference.tag().substr(0, kMaxVersion),
                   reference.tag().empty() ? "" : "-", "stevedore-",
                   parent.image.manifest.digest().hex().substr(0, 12), "-", own_mark_);
  {
    base::MutexLock lock(&mu_);
    Entry& entry = entries_[name];
    ++entry.users;
    while (entry.busy) changed_.Wait(&mu_);
    if (entry.ready) return Loan(this, name);
    entry.busy = true;
  }
  const absl::Status loaded = Load(parent, reference, name, stop);
  Loan loan(this, name);
  base::MutexLock lock(&mu_);
  Entry& entry = entries_[name];
  entry.busy = false;
  entry.ready = loaded.ok();
  changed_.SignalAll();
  // On failure the loan goes behind the lock.
  if (!loaded.ok()) return base::Annotate(loaded, what);
  return loan;
}

void DockerParents::Return(const std::string& name) {
  {
    base::MutexLock lock(&mu_);
    Entry& entry = entries_[name];
    if (--entry.users > 0) return;
    if (!entry.ready) {
      entries_.erase(name);
      return;
    }
    entry.busy = true;  // Whoever wants it now waits, and loads it again.
  }
  // The images that were built on it keep its layers.
  const absl::Status removed = engine_.RemoveImage(name, {.force = false, .with_parents = false});
  if (!removed.ok()) {
    base::Log(base::LogLevel::kWarning, "parent stays in the engine",
              {{"image", name}, {"error", removed.message()}});
  }
  base::MutexLock lock(&mu_);
  Entry& entry = entries_[name];
  entry.busy = entry.ready = false;
  if (entry.users == 0) entries_.erase(name);
  changed_.SignalAll();
}

}  // namespace stevedore::worker
