#include "worker/drivers/docker_parents.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/status.h"
#include "transfer/docker_archive_writer.h"
#include "worker/repository_provider.h"

namespace stevedore::worker {
namespace {

// So much of the version stays readable in a tag, which may have 128 characters.
constexpr size_t kMaxVersion = 80;

// "ns/name" or "registry/ns/name", as people write it.
std::string FamiliarName(const oci::Reference& reference) {
  return reference.WithDigest({}).Familiar();
}

// Ends with CANCELLED as soon as `stop` is requested.
class StoppableSource final : public base::ByteSource {
 public:
  StoppableSource(base::ByteSource* source, std::stop_token stop)
      : source_(source), stop_(std::move(stop)) {}
  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    if (stop_.stop_requested()) return absl::CancelledError("cancelled");
    return source_->Read(buffer, size);
  }

 private:
  base::ByteSource* const source_;
  const std::stop_token stop_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<base::ByteSource>> OpenDockerArchive(const oci::Image& image,
                                                                    transfer::ImageSource* source,
                                                                    const std::string& name,
                                                                    const std::string& scratch,
                                                                    std::stop_token stop) {
  return transfer::OpenDockerArchive(
      {{.manifest = image.manifest, .config = image.config, .names = {name}}}, source, scratch,
      std::move(stop));
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
    return engine_.TagImage(there->id, name.substr(0, colon), name.substr(colon + 1));
  }
  if (resources_.repositories == nullptr) {
    return absl::InternalError("driver docker was made without repositories");
  }
  ASSIGN_OR_RETURN(const Repository repository, resources_.repositories->Open(reference));
  ASSIGN_OR_RETURN(const std::unique_ptr<base::ByteSource> archive,
                   OpenDockerArchive(parent.image, repository.source.get(), name,
                                     resources_.scratch_directory, stop));
  // An engine that has the whole archive loads it even if nobody waits: then the image would stay.
  // So only what is sent stops, never the answer.
  StoppableSource stoppable(archive.get(), stop);
  return engine_.LoadImages(stoppable);
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
