#include "cli/images/sync_places.h"

#include <filesystem>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"
#include "cli/credential_settings.h"
#include "cli/definitions.h"
#include "credentials/record_store.h"
#include "transfer/host_settings.h"
#include "transfer/limited_images.h"

namespace stevedore::cli {
namespace {

using credentials::Record;
using transfer::Endpoint;
using transfer::EndpointKind;
using transfer::SyncAccess;
using transfer::SyncJob;

// One record, whatever it is asked for: what a job says about a registry. Thread-safe.
class OneRecord final : public credentials::RecordStore {
 public:
  OneRecord(Record record, std::string origin)
      : record_(std::move(record)), origin_(std::move(origin)) {}

  absl::StatusOr<std::optional<Record>> Get(absl::string_view) const override { return record_; }
  absl::StatusOr<std::vector<credentials::RecordEntry>> List() const override {
    return std::vector<credentials::RecordEntry>{{record_.id, record_}};
  }
  std::string Describe() const override { return origin_; }

 private:
  const Record record_;
  const std::string origin_;
};

absl::StatusOr<std::unique_ptr<OneRecord>> RecordOf(const SyncAccess& wanted,
                                                    const graph::Configuration& configuration) {
  if (wanted.login.has_value()) {
    Record record;
    record.username = wanted.login->username;
    record.password = wanted.login->password;
    return std::make_unique<OneRecord>(std::move(record), wanted.login->origin);
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<credentials::RecordStore> store,
                   OpenRecordStore(configuration));
  ASSIGN_OR_RETURN(std::optional<Record> record, store->Get(wanted.credentials_id));
  if (!record.has_value()) {
    return absl::UnauthenticatedError(absl::StrCat(
        "there are no credentials ", base::Quoted(wanted.credentials_id), " in ", store->Describe(),
        ", which a job names; run `stevedore-cli create credentials ", wanted.credentials_id,
        " --username NAME`"));
  }
  return std::make_unique<OneRecord>(
      *std::move(record), absl::StrCat(store->Describe(), " (", wanted.credentials_id, ")"));
}

// What the folder `directory` holds for `registry`.
absl::StatusOr<http::TlsOptions> CertificatesIn(const std::string& directory) {
  const std::filesystem::path path = std::filesystem::path(directory) / "";
  const std::filesystem::path folder = path.parent_path();
  transfer::HostSettings settings;
  RETURN_IF_ERROR(transfer::AddCertificates({folder.parent_path().string()},
                                            folder.filename().string(), &settings));
  if (!settings.has_certificates) {
    return absl::InvalidArgumentError(absl::StrCat(
        "there are no certificates (*.crt, or *.cert with *.key) in ", base::Quoted(directory)));
  }
  return settings.tls;
}

}  // namespace

absl::StatusOr<std::unique_ptr<JobPlaces>> JobPlaces::Open(CommandContext& context,
                                                           const ImageFlags& flags,
                                                           ImageAccess* access,
                                                           const transfer::SyncSettings& settings) {
  ASSIGN_OR_RETURN(graph::Configuration configuration, LoadConfiguration(context));
  std::unique_ptr<JobPlaces> places(new JobPlaces(flags, access, std::move(configuration)));
  if (settings.requests_per_second > 0) places->requests_.emplace(settings.requests_per_second);
  if (settings.bytes_per_second > 0) places->bytes_.emplace(settings.bytes_per_second);
  return places;
}

transfer::SyncPlaces JobPlaces::places() {
  transfer::SyncPlaces places;
  places.source = [this](const SyncJob& job, std::stop_token stop) { return Source(job, stop); };
  places.sink = [this](const SyncJob& job, const std::string& name, std::stop_token stop) {
    return Sink(job, name, stop);
  };
  return places;
}

absl::StatusOr<transfer::SyncSource> JobPlaces::Source(const SyncJob& job, std::stop_token stop) {
  transfer::Endpoints* endpoints = nullptr;
  {
    base::MutexLock lock(&mu_);
    ASSIGN_OR_RETURN(endpoints, Enter(job.source_access, job.source));
  }
  ASSIGN_OR_RETURN(transfer::OpenedSource opened, endpoints->OpenSource(job.source, stop));
  transfer::SyncSource source;
  if (job.source.kind == EndpointKind::kDirectory) source.only = opened.tag_or_digest;
  source.images =
      bytes_.has_value()
          ? std::make_shared<transfer::LimitedImages>(std::move(opened.images), &*bytes_)
          : std::shared_ptr<transfer::ImageSource>(std::move(opened.images));
  return source;
}

absl::StatusOr<std::shared_ptr<transfer::ImageSink>> JobPlaces::Sink(const SyncJob& job,
                                                                     const std::string& name,
                                                                     std::stop_token stop) {
  Endpoint place = job.destination;
  base::MutexLock lock(&mu_);
  if (place.kind == EndpointKind::kDirectory) {
    // As skopeo names them: PATH:TAG, PATH@DIGEST. Nobody else writes there.
    absl::StrAppend(&place.path, name.find(':') == std::string::npos ? ":" : "@", name);
    RETURN_IF_ERROR(
        base::MakeDirectories(std::filesystem::path(place.path).parent_path().string()));
    ASSIGN_OR_RETURN(transfer::OpenedSink opened, access_.endpoints()->OpenSink(place, stop));
    return std::shared_ptr<transfer::ImageSink>(std::move(opened.images));
  }
  std::shared_ptr<transfer::ImageSink>& sink = sinks_[place.ToString()];
  if (sink != nullptr) return sink;
  ASSIGN_OR_RETURN(transfer::Endpoints* const endpoints, Enter(job.destination_access, place));
  ASSIGN_OR_RETURN(transfer::OpenedSink opened, endpoints->OpenSink(place, stop));
  sink = std::move(opened.images);
  return sink;
}

absl::StatusOr<transfer::Endpoints*> JobPlaces::Enter(const SyncAccess& wanted,
                                                      const Endpoint& place) {
  const bool registry = place.kind == EndpointKind::kRegistry;
  if (!registry || (wanted.usual() && !requests_.has_value())) return access_.endpoints();
  std::string key;
  if (!wanted.usual()) {
    // The registry is part of it: its login must not be shown to others.
    key = absl::StrCat(place.reference.registry(), "\n", wanted.credentials_id, "\n",
                       wanted.login.has_value() ? wanted.login->origin : "", "\n", wanted.insecure,
                       wanted.certificate_directory);
  }
  std::unique_ptr<Entrance>& entrance = entrances_[key];
  if (entrance == nullptr) {
    ASSIGN_OR_RETURN(entrance, Make(wanted, place.reference.registry()));
  }
  return &entrance->endpoints;
}

absl::StatusOr<std::unique_ptr<JobPlaces::Entrance>> JobPlaces::Make(const SyncAccess& wanted,
                                                                     const std::string& registry) {
  RegistryAccessOptions options;
  options.patience = RegistryAccess::Patience::kTransfer;
  options.insecure_registries = flags_.insecure_registries;
  options.authfile = flags_.authfile;
  if (wanted.insecure) options.insecure_registries.push_back(registry);
  if (!wanted.certificate_directory.empty()) {
    ASSIGN_OR_RETURN(options.tls_hosts[registry], CertificatesIn(wanted.certificate_directory));
  }
  if (requests_.has_value()) {
    options.before_request = [this](std::stop_token stop) { return requests_->Take(1, stop); };
  }
  auto entrance = std::make_unique<Entrance>(options);
  if (wanted.login.has_value() || !wanted.credentials_id.empty()) {
    ASSIGN_OR_RETURN(std::unique_ptr<OneRecord> record, RecordOf(wanted, configuration_));
    entrance->registries.UseRecords(std::move(record), configuration_);
  } else {
    RETURN_IF_ERROR(entrance->registries.UseStore(configuration_));
  }
  return entrance;
}

}  // namespace stevedore::cli
