// Archives for `docker load`, and engines, as places to write images to.

#ifndef STEVEDORE_TRANSFER_DOCKER_ARCHIVE_SINK_H_
#define STEVEDORE_TRANSFER_DOCKER_ARCHIVE_SINK_H_

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/byte_source.h"
#include "base/mutex.h"
#include "transfer/docker_archive_writer.h"
#include "transfer/staged_sink.h"

namespace stevedore::transfer {

// Collects images and gives them away as one docker archive at Finish. Tags are names of images
// ("shop/web:1.4"); one without a slash or colon is a tag of `repository`, if that is given.
// Indexes are refused: such archives hold images of one platform each. Thread-safe.
class DockerArchiveSink final : public StagedSink {
 public:
  // Takes the whole archive.
  using Deliver = std::function<absl::Status(base::ByteSource& archive, std::stop_token stop)>;

  // Writes the file `path`, as WriteArchive takes it. `repository` ("shop/web") may be empty;
  // `scratch` as Staging::Create.
  static absl::StatusOr<std::unique_ptr<DockerArchiveSink>> ForFile(const std::string& path,
                                                                    const std::string& repository,
                                                                    const std::string& scratch);
  // Hands the archive to `deliver`; `place` is what Describe says.
  static absl::StatusOr<std::unique_ptr<DockerArchiveSink>> ForEngine(Deliver deliver,
                                                                      std::string place,
                                                                      const std::string& repository,
                                                                      const std::string& scratch);

  absl::StatusOr<oci::Digest> PutManifest(const std::string& tag_or_digest, absl::string_view bytes,
                                          const std::string& media_type,
                                          std::stop_token stop = {}) override
      ABSL_LOCKS_EXCLUDED(mu_);
  // FAILED_PRECONDITION if no image was put.
  absl::Status Finish(std::stop_token stop = {}) override ABSL_LOCKS_EXCLUDED(mu_);

 private:
  DockerArchiveSink(Staging staging, std::string place, Deliver deliver, std::string repository,
                    std::string scratch)
      : StagedSink(std::move(staging), std::move(place)),
        deliver_(std::move(deliver)),
        repository_(std::move(repository)),
        scratch_(std::move(scratch)) {}

  absl::StatusOr<std::string> NameFor(const std::string& tag) const;

  const Deliver deliver_;
  const std::string repository_;
  const std::string scratch_;
  base::Mutex mu_;
  std::vector<DockerArchiveImage> images_ ABSL_GUARDED_BY(mu_);
};

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_DOCKER_ARCHIVE_SINK_H_
