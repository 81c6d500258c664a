#include "transfer/docker_archive_sink.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "oci/image/canonical_json.h"
#include "oci/image/media_type.h"
#include "oci/image/reference.h"
#include "transfer/archive_output.h"
#include "transfer/put_checks.h"
#include "transfer/ref_name.h"

namespace stevedore::transfer {

absl::StatusOr<std::unique_ptr<DockerArchiveSink>> DockerArchiveSink::ForFile(
    const std::string& path, const std::string& repository, const std::string& scratch) {
  RETURN_IF_ERROR(CheckArchivePath(path));
  Deliver deliver = [path](base::ByteSource& archive, std::stop_token stop) {
    return WriteArchive(
        path, [&archive](base::ByteSink& out) { return base::CopyAll(archive, out).status(); },
        stop);
  };
  return ForEngine(std::move(deliver), absl::StrCat("docker-archive:", path), repository, scratch);
}

absl::StatusOr<std::unique_ptr<DockerArchiveSink>> DockerArchiveSink::ForEngine(
    Deliver deliver, std::string place, const std::string& repository, const std::string& scratch) {
  ASSIGN_OR_RETURN(Staging staging, Staging::Create(scratch));
  return std::unique_ptr<DockerArchiveSink>(new DockerArchiveSink(
      std::move(staging), std::move(place), std::move(deliver), repository, scratch));
}

absl::StatusOr<std::string> DockerArchiveSink::NameFor(const std::string& tag) const {
  const bool bare = !absl::StrContains(tag, ':') && !absl::StrContains(tag, '/');
  const std::string full = bare && !repository_.empty() ? absl::StrCat(repository_, ":", tag) : tag;
  ASSIGN_OR_RETURN(const oci::Reference name, oci::Reference::Parse(full), Describe());
  return name.Familiar();
}

absl::StatusOr<oci::Digest> DockerArchiveSink::PutManifest(const std::string& tag_or_digest,
                                                           absl::string_view bytes,
                                                           const std::string& media_type,
                                                           std::stop_token stop) {
  if (stop.stop_requested()) return absl::CancelledError(absl::StrCat(Describe(), ": cancelled"));
  if (oci::IsIndexType(media_type)) {
    return absl::InvalidArgumentError(
        absl::StrCat(Describe(), " holds images of one platform each, and ", tag_or_digest,
                     " is an index of several; choose one with --platform"));
  }
  std::string name;
  if (LooksLikeDigest(tag_or_digest)) {
    RETURN_IF_ERROR(CheckManifestDigest(tag_or_digest, bytes), Describe());
  } else {
    ASSIGN_OR_RETURN(name, NameFor(tag_or_digest));
  }
  DockerArchiveImage image;
  ASSIGN_OR_RETURN(image.manifest, oci::Manifest::Parse(std::string(bytes), media_type),
                   Describe());
  const oci::Digest digest = image.manifest.digest();
  if (!oci::IsConfigType(image.manifest.config().media_type)) {
    return absl::InvalidArgumentError(absl::StrCat(Describe(), " holds only images, and ",
                                                   digest.ToString(), " is an artifact (",
                                                   image.manifest.config().media_type, ")"));
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<base::ByteSource> config,
                   staged().OpenBlob(image.manifest.config(), stop));
  ASSIGN_OR_RETURN(std::string config_bytes, base::ReadAll(*config, oci::kMaxDocumentBytes));
  ASSIGN_OR_RETURN(image.config, oci::ImageConfig::Parse(std::move(config_bytes)), Describe());

  base::MutexLock lock(&mu_);
  for (DockerArchiveImage& old : images_) {
    if (name.empty()) continue;  // A name moves.
    old.names.erase(std::remove(old.names.begin(), old.names.end(), name), old.names.end());
  }
  auto found = std::find_if(images_.begin(), images_.end(), [&](const DockerArchiveImage& old) {
    return old.manifest.digest() == digest;
  });
  if (found == images_.end()) found = images_.insert(images_.end(), std::move(image));
  if (!name.empty()) found->names.push_back(name);
  return digest;
}

absl::Status DockerArchiveSink::Finish(std::stop_token stop) {
  if (stop.stop_requested()) return absl::CancelledError(absl::StrCat(Describe(), ": cancelled"));
  std::vector<DockerArchiveImage> images;
  {
    base::MutexLock lock(&mu_);
    images = images_;
  }
  if (images.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(Describe(), ": no image was put into the archive"));
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<base::ByteSource> archive,
                   OpenDockerArchive(images, &staged(), scratch_, stop), Describe());
  return base::Annotate(deliver_(*archive, stop), Describe());
}

}  // namespace stevedore::transfer
