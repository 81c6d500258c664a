#include "transfer/endpoints.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/byte_source.h"
#include "base/status.h"
#include "http/client.h"
#include "oci/image/reference.h"
#include "oci/layout/layout.h"
#include "transfer/archive_file.h"
#include "transfer/directory_images.h"
#include "transfer/docker_archive_images.h"
#include "transfer/docker_archive_sink.h"
#include "transfer/docker_engine_address.h"
#include "transfer/layout_archive_images.h"
#include "transfer/layout_archive_sink.h"
#include "transfer/layout_images.h"
#include "transfer/registry_repository.h"
#include "transfer/static_images.h"

namespace stevedore::transfer {
namespace {

// The image of a folder without names goes by this one.
constexpr char kAnyTag[] = "latest";

// The image that `endpoint` means among `images`.
absl::StatusOr<OpenedSource> Select(const Endpoint& endpoint,
                                    std::unique_ptr<ListedImages> images) {
  std::string name = endpoint.TagOrDigest();
  // An engine's archive holds the one image that was asked for, by a digest that is the config's.
  if (endpoint.kind == EndpointKind::kDockerDaemon) name.clear();
  if (endpoint.position.has_value()) {
    ASSIGN_OR_RETURN(const oci::Descriptor entry, images->At(*endpoint.position));
    name = entry.digest.ToString();
  } else if (name.empty()) {
    const absl::StatusOr<oci::Descriptor> only = images->Only();
    if (only.ok()) name = only->digest.ToString();
  }
  return OpenedSource{std::move(images), std::move(name)};
}

// "shop/web" of the name "shop/web:1.4"; empty of an empty name.
absl::StatusOr<std::string> RepositoryOf(const std::string& name) {
  if (name.empty()) return "";
  ASSIGN_OR_RETURN(const oci::Reference reference, oci::Reference::Parse(name));
  return reference.WithDigest({}).Familiar();
}

}  // namespace

struct Endpoints::Engine {
  explicit Engine(DockerEngineAddress address) : engine(&http, std::move(address)) {}
  http::Client http;
  DockerEngine engine;
};

Endpoints::Endpoints(RegistryClient* registries, EndpointsOptions options)
    : registries_(registries), options_(std::move(options)) {}

Endpoints::~Endpoints() = default;

absl::StatusOr<RegistryClient*> Endpoints::Registries() const {
  if (registries_ != nullptr) return registries_;
  return absl::InvalidArgumentError("images of registries cannot be opened here");
}

absl::StatusOr<DockerEngine*> Endpoints::OpenEngine() {
  base::MutexLock lock(&mu_);
  if (engine_ == nullptr) {
    absl::StatusOr<DockerEngineAddress> address =
        options_.docker_host.empty() ? DockerEngineAddress::FromEnvironment(DockerEnvironment())
                                     : DockerEngineAddress::Parse(options_.docker_host);
    RETURN_IF_ERROR(address.status());
    engine_ = std::make_unique<Engine>(*std::move(address));
  }
  return &engine_->engine;
}

absl::StatusOr<std::unique_ptr<ListedImages>> Endpoints::OpenEngineImage(
    const Endpoint& endpoint, const std::stop_token& stop) {
  const std::string name =
      endpoint.digest.has_value() ? endpoint.digest->ToString() : endpoint.reference.Familiar();
  const std::string place = absl::StrCat("docker-daemon:", name);
  ASSIGN_OR_RETURN(DockerEngine* const engine, OpenEngine(), place);
  ASSIGN_OR_RETURN(const std::optional<EngineImage> image, engine->InspectImage(name, stop), place);
  if (!image.has_value()) {
    return absl::NotFoundError(
        absl::StrCat("the engine at ", engine->address().ToString(), " has no image ", name));
  }
  ASSIGN_OR_RETURN(std::unique_ptr<base::ByteSource> stream, engine->ExportImage(name, stop),
                   place);
  ASSIGN_OR_RETURN(
      std::unique_ptr<ArchiveFile> archive,
      ArchiveFile::FromStream(std::move(stream), place, options_.scratch_directory, stop));
  ASSIGN_OR_RETURN(std::unique_ptr<ListedImages> images,
                   DockerArchiveImages::Open(std::move(archive), place, stop));
  return images;
}

absl::StatusOr<std::unique_ptr<ListedImages>> Endpoints::OpenListed(const Endpoint& endpoint,
                                                                    const std::stop_token& stop) {
  std::unique_ptr<ListedImages> images;
  switch (endpoint.kind) {
    case EndpointKind::kLayout: {
      ASSIGN_OR_RETURN(oci::Layout layout, oci::Layout::Open(endpoint.path));
      return std::make_unique<LayoutImages>(std::move(layout));
    }
    case EndpointKind::kDirectory: {
      ASSIGN_OR_RETURN(images, DirectoryImages::Open(endpoint.path));
      return images;
    }
    case EndpointKind::kStatic: {
      ASSIGN_OR_RETURN(images, StaticImages::Open(endpoint.path, endpoint.repository));
      return images;
    }
    case EndpointKind::kDockerDaemon:
      return OpenEngineImage(endpoint, stop);
    default:
      break;
  }
  ASSIGN_OR_RETURN(std::unique_ptr<ArchiveFile> archive,
                   ArchiveFile::Open(endpoint.path, options_.scratch_directory, stop));
  if (endpoint.kind == EndpointKind::kLayoutArchive) {
    ASSIGN_OR_RETURN(images, LayoutArchiveImages::Open(std::move(archive)));
    return images;
  }
  const std::string place = absl::StrCat("docker-archive:", archive->name());
  ASSIGN_OR_RETURN(images, DockerArchiveImages::Open(std::move(archive), place, stop));
  return images;
}

absl::StatusOr<OpenedSource> Endpoints::OpenSource(const Endpoint& endpoint, std::stop_token stop) {
  if (stop.stop_requested()) return absl::CancelledError("opening was cancelled");
  if (endpoint.kind == EndpointKind::kRegistry) {
    ASSIGN_OR_RETURN(RegistryClient* const client, Registries(), endpoint.ToString());
    return OpenedSource{std::make_unique<RegistryRepository>(client, endpoint.reference),
                        endpoint.TagOrDigest()};
  }
  ASSIGN_OR_RETURN(std::unique_ptr<ListedImages> images, OpenListed(endpoint, stop));
  return Select(endpoint, std::move(images));
}

absl::StatusOr<OpenedSink> Endpoints::OpenEngineSink(const Endpoint& endpoint) {
  if (endpoint.digest.has_value() || !endpoint.reference.digest().empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(endpoint.ToString(), " names an image by a digest; an engine takes NAME:TAG"));
  }
  ASSIGN_OR_RETURN(DockerEngine* const engine, OpenEngine());
  ASSIGN_OR_RETURN(std::unique_ptr<DockerArchiveSink> sink,
                   DockerArchiveSink::ForEngine(
                       [engine](base::ByteSource& archive, std::stop_token stop) {
                         return engine->LoadImages(archive, std::move(stop));
                       },
                       absl::StrCat("docker-daemon:", endpoint.reference.WithDigest({}).Familiar()),
                       endpoint.reference.WithDigest({}).Familiar(), options_.scratch_directory));
  return OpenedSink{std::move(sink), endpoint.reference.tag()};
}

absl::StatusOr<OpenedSink> Endpoints::OpenSink(const Endpoint& endpoint, std::stop_token stop) {
  if (stop.stop_requested()) return absl::CancelledError("opening was cancelled");
  if (endpoint.position.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat(endpoint.ToString(), " names a position, and one can only write to a name"));
  }
  std::unique_ptr<ImageSink> sink;
  std::string tag = endpoint.TagOrDigest();
  switch (endpoint.kind) {
    case EndpointKind::kRegistry: {
      ASSIGN_OR_RETURN(RegistryClient* const client, Registries(), endpoint.ToString());
      sink = std::make_unique<RegistryRepository>(client, endpoint.reference);
      break;
    }
    case EndpointKind::kLayout: {
      ASSIGN_OR_RETURN(oci::Layout layout, oci::Layout::OpenOrCreate(endpoint.path));
      sink = std::make_unique<LayoutImages>(std::move(layout));
      break;
    }
    case EndpointKind::kLayoutArchive: {
      ASSIGN_OR_RETURN(sink, LayoutArchiveSink::Create(endpoint.path, options_.scratch_directory));
      break;
    }
    case EndpointKind::kDockerArchive: {
      ASSIGN_OR_RETURN(const std::string repository, RepositoryOf(endpoint.tag));
      ASSIGN_OR_RETURN(
          sink, DockerArchiveSink::ForFile(endpoint.path, repository, options_.scratch_directory));
      break;
    }
    case EndpointKind::kDirectory: {
      ASSIGN_OR_RETURN(sink, DirectoryImages::OpenOrCreate(endpoint.path));
      tag = kAnyTag;
      break;
    }
    case EndpointKind::kStatic: {
      ASSIGN_OR_RETURN(sink, StaticImages::OpenOrCreate(endpoint.path, endpoint.repository));
      break;
    }
    case EndpointKind::kDockerDaemon:
      return OpenEngineSink(endpoint);
  }
  return OpenedSink{std::move(sink), std::move(tag)};
}

}  // namespace stevedore::transfer
