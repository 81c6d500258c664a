// Parents of builds without a registry: images of a layout, lent to an engine.

#ifndef STEVEDORE_WORKER_DRIVERS_DOCKER_PARENTS_H_
#define STEVEDORE_WORKER_DRIVERS_DOCKER_PARENTS_H_

#include <map>
#include <memory>
#include <stop_token>
#include <string>

#include "absl/status/statusor.h"
#include "base/byte_source.h"
#include "base/mutex.h"
#include "oci/image/reference.h"
#include "transfer/docker_engine.h"
#include "transfer/image_source.h"
#include "worker/drivers/driver.h"
#include "worker/drivers/driver_resources.h"

namespace stevedore::worker {

// The docker archive of one image under one name, as transfer::OpenDockerArchive makes it: for
// DockerEngine::LoadImages. Blobs come from `source`, which must outlive the archive.
absl::StatusOr<std::unique_ptr<base::ByteSource>> OpenDockerArchive(const oci::Image& image,
                                                                    transfer::ImageSource* source,
                                                                    const std::string& name,
                                                                    const std::string& scratch,
                                                                    std::stop_token stop);

// Lends parents to one engine: each is loaded under a tag that nobody else uses, for as long as a
// build wants it. Thread-safe.
class DockerParents {
 public:
  // A parent in the engine; it may leave when this goes. A handle, movable.
  class Loan {
   public:
    Loan() = default;
    Loan(Loan&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)), name_(other.name_) {}
    Loan& operator=(Loan&&) = delete;
    ~Loan();

    // "registry/ns/name:1.2-stevedore-…", to stand in a Dockerfile.
    const std::string& name() const { return name_; }
    // The part behind the colon.
    std::string tag() const { return name_.substr(name_.rfind(':') + 1); }

   private:
    friend class DockerParents;
    Loan(DockerParents* owner, std::string name) : owner_(owner), name_(std::move(name)) {}
    DockerParents* owner_ = nullptr;
    std::string name_;
  };

  // Nothing is owned; all must outlive this.
  DockerParents(transfer::DockerEngine* engine, const DriverResources& resources);
  DockerParents(const DockerParents&) = delete;
  DockerParents& operator=(const DockerParents&) = delete;

  // Makes `parent` known to the engine. A parent that is on loan already is not loaded again; an
  // image that the engine has is only named. Errors of the engine and of the parent's repository.
  absl::StatusOr<Loan> Lend(const ParentImage& parent, std::stop_token stop)
      ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Entry {
    int users = 0;
    bool ready = false;  // The engine has it.
    bool busy = false;   // Somebody loads or removes it; others wait.
  };

  absl::Status Load(const ParentImage& parent, const oci::Reference& reference,
                    const std::string& name, const std::stop_token& stop);
  void Return(const std::string& name) ABSL_LOCKS_EXCLUDED(mu_);

  transfer::DockerEngine& engine_;
  const DriverResources& resources_;
  const std::string own_mark_;  // Of this process, so that others keep theirs.
  base::Mutex mu_;
  base::CondVar changed_;
  std::map<std::string, Entry> entries_ ABSL_GUARDED_BY(mu_);  // By name.
};

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_DRIVERS_DOCKER_PARENTS_H_
