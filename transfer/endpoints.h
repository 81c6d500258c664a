// Opens places of images by their texts.

#ifndef STEVEDORE_TRANSFER_ENDPOINTS_H_
#define STEVEDORE_TRANSFER_ENDPOINTS_H_

#include <memory>
#include <stop_token>
#include <string>

#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "transfer/docker_engine.h"
#include "transfer/endpoint.h"
#include "transfer/image_sink.h"
#include "transfer/image_source.h"
#include "transfer/listed_images.h"
#include "transfer/registry_client.h"

namespace stevedore::transfer {

// Where archives and engines find what they need. A value.
struct EndpointsOptions {
  // Folder for what does not fit into memory, made if needed: archives from standard input or that
  // are compressed, blobs on their way into an archive. Empty: the system's folder.
  std::string scratch_directory = "";
  // "unix:///run/docker.sock", "tcp://host:2376". Empty: as the docker client finds its engine
  // (DOCKER_HOST, contexts, the usual socket).
  std::string docker_host = "";
};

// A place to read, and the image that is meant in it.
struct OpenedSource {
  std::unique_ptr<ImageSource> images;
  // What to pass to GetManifest: the tag, or the digest (positions are looked up). Empty if the
  // text names no image and the place has not exactly one: only to list it; GetManifest then says
  // what there is.
  std::string tag_or_digest;
};

// A place to write, and the name that is meant in it.
struct OpenedSink {
  std::unique_ptr<ImageSink> images;
  // What to pass to PutManifest; empty: nothing was named, put the image under its digest only.
  std::string tag_or_digest;
};

// Opens endpoints. Thread-safe. Must outlive what it opens.
class Endpoints {
 public:
  // `registries` must outlive this; null: there are none, as for tools that only look at files.
  explicit Endpoints(RegistryClient* registries, EndpointsOptions options = {});
  Endpoints(const Endpoints&) = delete;
  Endpoints& operator=(const Endpoints&) = delete;
  ~Endpoints();

  // Opens for reading. Registries are not contacted yet. NOT_FOUND if the folder, file or position
  // is not there; INVALID_ARGUMENT if it is not what its kind says; errors of the engine.
  absl::StatusOr<OpenedSource> OpenSource(const Endpoint& endpoint, std::stop_token stop = {})
      ABSL_LOCKS_EXCLUDED(mu_);

  // Opens for writing; folders are made, archives appear at ImageSink::Finish. FAILED_PRECONDITION
  // if there is something else at that path; INVALID_ARGUMENT if the endpoint cannot be written to
  // (a position).
  absl::StatusOr<OpenedSink> OpenSink(const Endpoint& endpoint, std::stop_token stop = {})
      ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // The engine, with its connections; made at first use.
  struct Engine;

  absl::StatusOr<RegistryClient*> Registries() const;
  absl::StatusOr<DockerEngine*> OpenEngine() ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<std::unique_ptr<ListedImages>> OpenListed(const Endpoint& endpoint,
                                                           const std::stop_token& stop);
  absl::StatusOr<std::unique_ptr<ListedImages>> OpenEngineImage(const Endpoint& endpoint,
                                                                const std::stop_token& stop);
  absl::StatusOr<OpenedSink> OpenEngineSink(const Endpoint& endpoint);

  RegistryClient* const registries_;
  const EndpointsOptions options_;
  base::Mutex mu_;
  std::unique_ptr<Engine> engine_ ABSL_GUARDED_BY(mu_);
};

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_ENDPOINTS_H_
