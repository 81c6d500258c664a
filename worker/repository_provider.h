// Where a worker reads and writes images.

#ifndef STEVEDORE_WORKER_REPOSITORY_PROVIDER_H_
#define STEVEDORE_WORKER_REPOSITORY_PROVIDER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "oci/image/reference.h"

namespace stevedore::transfer {
class ImageSink;
class ImageSource;
}  // namespace stevedore::transfer

namespace stevedore::worker {

// One repository (or layout) open for both directions. The pointers share ownership with the
// provider, which may keep a repository open between runs; never null; thread-safe.
struct Repository {
  std::shared_ptr<transfer::ImageSource> source;
  std::shared_ptr<transfer::ImageSink> sink;
  // Blobs of repositories with equal mount domains can be mounted into each other: the registry.
  // Empty: one store for all repositories, so a blob that is anywhere is everywhere.
  std::string mount_domain;
};

// Where an image is named, and where its blobs can be had.
struct ImagePlace {
  oci::Reference reference;
  Repository repository;
};

// Finds the repository of a reference. Thread-safe.
class RepositoryProvider {
 public:
  virtual ~RepositoryProvider() = default;

  // `reference`'s tag and digest do not matter. Makes no request: a registry that is down shows at
  // first use.
  virtual absl::StatusOr<Repository> Open(const oci::Reference& reference) = 0;
};

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_REPOSITORY_PROVIDER_H_
