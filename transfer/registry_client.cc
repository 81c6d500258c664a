#include "transfer/registry_client.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "http/url.h"
#include "nlohmann/json.hpp"
#include "oci/image/canonical_json.h"
#include "oci/image/media_type.h"
#include "transfer/blob_download.h"
#include "transfer/blob_upload.h"
#include "transfer/referrers.h"
#include "transfer/referrers_client.h"
#include "transfer/registry_pages.h"
#include "transfer/registry_session.h"

namespace stevedore::transfer {
namespace {

// What docker-registry gives at once when asked for more.
constexpr int kCatalogPageSize = 100;

std::string ManifestUrl(const oci::Reference& image) {
  return absl::StrCat("/v2/", image.repository(), "/manifests/",
                      image.digest().empty() ? image.tag() : image.digest().ToString());
}

std::string BlobUrl(const oci::Reference& repository, const oci::Digest& digest) {
  return absl::StrCat("/v2/", repository.repository(), "/blobs/", digest.ToString());
}

std::optional<uint64_t> ContentLength(const http::Headers& headers) {
  uint64_t length = 0;
  const auto text = headers.Find("Content-Length");
  if (!text.has_value() || !absl::SimpleAtoi(*text, &length)) return std::nullopt;
  return length;
}

// The registry's word on a manifest's digest; nullopt if it says nothing, DATA_LOSS if nonsense.
absl::StatusOr<std::optional<oci::Digest>> DigestHeader(const http::Headers& headers) {
  const auto text = headers.Find("Docker-Content-Digest");
  if (!text.has_value()) return std::nullopt;
  absl::StatusOr<oci::Digest> digest = oci::Digest::Parse(*text);
  if (!digest.ok()) return absl::DataLossError(digest.status().message());
  return *std::move(digest);
}

// Content-Type, else the document's own word, else what its members make it.
std::string MediaTypeOf(const http::Headers& headers, const std::string& bytes) {
  std::string type = oci::StripParameters(headers.Find("Content-Type").value_or(""));
  if (oci::IsManifestType(type) || oci::IsIndexType(type)) return type;
  const auto parsed = oci::ParseJson(bytes);
  if (!parsed.ok() || !parsed->is_object()) return type;
  const nlohmann::json& json = *parsed;
  if (json.contains("mediaType") && json["mediaType"].is_string()) {
    return json["mediaType"].get<std::string>();
  }
  if (!type.empty() && type != "application/json" && type != "application/octet-stream" &&
      type != "text/plain") {
    return type;
  }
  return json.contains("manifests") ? oci::kOciIndex : oci::kOciManifest;
}

absl::StatusOr<RawManifest> ReadManifest(const oci::Reference& image, Answer& answer) {
  const http::Headers headers = answer.exchange->headers();
  ASSIGN_OR_RETURN(std::string bytes, base::ReadAll(*answer.exchange, kManifestLimitBytes));
  oci::Digest digest = oci::Digest::Of(bytes);
  if (!image.digest().empty()) {
    RETURN_IF_ERROR(image.digest().Verify(bytes), "the registry sent another manifest");
    digest = image.digest();
  }
  ASSIGN_OR_RETURN(const std::optional<oci::Digest> announced, DigestHeader(headers));
  if (announced.has_value()) {
    RETURN_IF_ERROR(announced->Verify(bytes), "the registry sent another manifest than it says");
  }
  std::string media_type = MediaTypeOf(headers, bytes);
  return RawManifest{std::move(bytes), std::move(media_type), std::move(digest)};
}

// Adds the texts of the list `member` of a page.
absl::Status AddNames(const std::string& body, const char* member,
                      std::vector<std::string>& names) {
  const auto json = oci::ParseJson(body, 8 << 20);
  if (!json.ok()) {
    return absl::InternalError(absl::StrCat("the list is not JSON: ", json.status().message()));
  }
  if (!json->is_object()) return absl::InternalError("the list is not a JSON object");
  const auto list = json->find(member);
  if (list == json->end() || list->is_null()) return absl::OkStatus();
  if (!list->is_array()) {
    return absl::InternalError(absl::StrCat("`", member, "` is not a list"));
  }
  for (const nlohmann::json& name : *list) {
    if (!name.is_string()) {
      return absl::InternalError(absl::StrCat("an item of `", member, "` is not a text"));
    }
    names.push_back(name.get<std::string>());
  }
  return absl::OkStatus();
}

// What to do when a registry does not delete.
absl::Status CannotDelete(const oci::Reference& image, const absl::Status& refusal) {
  return absl::UnimplementedError(
      absl::StrCat(refusal.message(), "; ", image.registry(), " does not delete manifests. Its ",
                   "owner can allow it (docker-registry: `storage.delete.enabled: true`)"));
}

}  // namespace

RegistryClient::RegistryClient(http::Client* http, const credentials::CredentialStore* credentials,
                               RegistryClientOptions options)
    : session_(std::make_unique<RegistrySession>(http, credentials, std::move(options))),
      referrers_(std::make_unique<ReferrersClient>(session_.get())) {}
RegistryClient::~RegistryClient() = default;

absl::Status RegistryClient::Ping(const std::string& registry, std::stop_token stop) {
  ASSIGN_OR_RETURN(const oci::Reference any, oci::Reference::Parse(registry + "/any"));
  const Call call{.repository = any, .url = "/v2/", .whole_registry = true, .stop = stop};
  ASSIGN_OR_RETURN(Answer answer, session_->Perform(call));
  return answer.status() == 200 ? absl::OkStatus() : session_->Refusal(call, answer);
}

absl::StatusOr<std::optional<oci::Descriptor>> RegistryClient::HeadManifest(
    const oci::Reference& image, std::stop_token stop) {
  auto found = HeadManifestHere(image, /*patient=*/true, stop);
  if (!absl::IsUnavailable(found.status())) return found;
  ASSIGN_OR_RETURN(const std::vector<oci::Reference> places, session_->Places(image));
  for (size_t i = 0; i + 1 < places.size(); ++i) {
    auto there = HeadManifestHere(places[i], /*patient=*/false, stop);
    if (there.ok() && there->has_value()) return there;
  }
  return found;
}

absl::StatusOr<std::optional<oci::Descriptor>> RegistryClient::HeadManifestHere(
    const oci::Reference& image, bool patient, std::stop_token stop) {
  const Call call{.repository = image,
                  .method = "HEAD",
                  .url = ManifestUrl(image),
                  .headers = {{"Accept", oci::kAcceptManifests}},
                  .total_timeout = session_->options().document_timeout,
                  .patient = patient,
                  .stop = stop};
  ASSIGN_OR_RETURN(Answer answer, session_->Perform(call), "manifest ", image.Canonical());
  if (answer.status() == 404) return std::nullopt;
  if (answer.status() != 200) {
    return base::Annotate(session_->Refusal(call, answer),
                          absl::StrCat("manifest ", image.Canonical()));
  }
  const http::Headers& headers = answer.exchange->headers();
  ASSIGN_OR_RETURN(const std::optional<oci::Digest> digest, DigestHeader(headers), "manifest ",
                   image.Canonical());
  const std::optional<uint64_t> size = ContentLength(headers);
  if (digest.has_value() && size.has_value()) {
    return oci::Descriptor{
        .media_type = MediaTypeOf(headers, ""), .digest = *digest, .size = *size};
  }
  // A registry of few words: only the document itself tells.
  ASSIGN_OR_RETURN(const RawManifest manifest, GetManifestHere(image, patient, stop));
  return oci::Descriptor{
      .media_type = manifest.media_type, .digest = manifest.digest, .size = manifest.bytes.size()};
}

absl::StatusOr<RawManifest> RegistryClient::GetManifest(const oci::Reference& image,
                                                        std::stop_token stop) {
  ASSIGN_OR_RETURN(const std::vector<oci::Reference> places, session_->Places(image));
  for (size_t i = 0; i + 1 < places.size(); ++i) {
    auto manifest = GetManifestHere(places[i], /*patient=*/false, stop);
    if (manifest.ok() || absl::IsCancelled(manifest.status())) return manifest;
    session_->MirrorFailed(places[i], manifest.status());
  }
  return GetManifestHere(image, /*patient=*/true, stop);
}

absl::StatusOr<RawManifest> RegistryClient::GetManifestHere(const oci::Reference& image,
                                                            bool patient, std::stop_token stop) {
  const Call call{.repository = image,
                  .url = ManifestUrl(image),
                  .headers = {{"Accept", oci::kAcceptManifests}},
                  .total_timeout = session_->options().document_timeout,
                  .patient = patient,
                  .stop = stop};
  Retries retries(&session_->options(), patient ? session_->options().retries : 0);
  while (true) {
    ASSIGN_OR_RETURN(Answer answer, session_->Perform(call), "manifest ", image.Canonical());
    if (answer.status() != 200) {
      return base::Annotate(session_->Refusal(call, answer),
                            absl::StrCat("manifest ", image.Canonical()));
    }
    absl::StatusOr<RawManifest> manifest = ReadManifest(image, answer);
    // The connection may break inside the document.
    if (manifest.ok() || !absl::IsUnavailable(manifest.status()) ||
        !retries.Again(std::nullopt, stop)) {
      RETURN_IF_ERROR(manifest.status(), "manifest ", image.Canonical());
      return manifest;
    }
  }
}

absl::StatusOr<oci::Digest> RegistryClient::PutManifest(const oci::Reference& image,
                                                        absl::string_view bytes,
                                                        const std::string& media_type,
                                                        std::stop_token stop) {
  const std::string doing = absl::StrCat("push manifest ", image.Canonical());
  if (bytes.size() > kManifestLimitBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        doing, ": it has ", bytes.size(), " bytes; registries take at most ", kManifestLimitBytes));
  }
  oci::Digest digest = oci::Digest::Of(bytes);
  if (!image.digest().empty()) {
    if (!image.digest().Verify(bytes).ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(doing, ": the document is ", digest.ToString()));
    }
    digest = image.digest();
  }
  Call call{.repository = image,
            .method = "PUT",
            .url = absl::StrCat("/v2/", image.repository(), "/manifests/",
                                image.tag().empty() ? digest.ToString() : image.tag()),
            .headers = {{"Content-Type", media_type}},
            .push = true,
            .stop = stop};
  call.body = std::string(bytes);
  ASSIGN_OR_RETURN(Answer answer, session_->Perform(call), doing);
  if (answer.status() < 200 || answer.status() > 299) {
    return base::Annotate(session_->Refusal(call, answer), doing);
  }
  ASSIGN_OR_RETURN(const std::optional<oci::Digest> stored,
                   DigestHeader(answer.exchange->headers()), doing);
  if (stored.has_value() && stored->algorithm() == digest.algorithm() && *stored != digest) {
    return absl::DataLossError(absl::StrCat(doing, ": sent ", digest.ToString(),
                                            ", the registry stored ", stored->ToString()));
  }
  RETURN_IF_ERROR(EnterReferrer(image, bytes, media_type, answer.exchange->headers(), stop), doing);
  return digest;
}

absl::Status RegistryClient::EnterReferrer(const oci::Reference& image, absl::string_view bytes,
                                           const std::string& media_type,
                                           const http::Headers& answer, std::stop_token stop) {
  // A registry with the referrers API says that it understood.
  if (answer.Find("OCI-Subject").has_value()) return absl::OkStatus();
  const std::optional<Referrer> referrer = ReferrerOf(std::string(bytes), media_type);
  if (!referrer.has_value()) return absl::OkStatus();
  return referrers_->Enter(image, *referrer, stop);
}

absl::Status RegistryClient::DeleteManifest(const oci::Reference& image, std::stop_token stop) {
  const std::string doing = absl::StrCat("delete ", image.Canonical());
  std::optional<Referrer> referrer;
  if (!image.digest().empty()) {
    // What it is attached to is not known any more once it is gone.
    ASSIGN_OR_RETURN(const RawManifest manifest, GetManifestHere(image, /*patient=*/true, stop),
                     doing);
    referrer = ReferrerOf(manifest.bytes, manifest.media_type);
  }
  const Call call{.repository = image,
                  .method = "DELETE",
                  .url = ManifestUrl(image),
                  .push = true,
                  .total_timeout = session_->options().document_timeout,
                  .stop = stop};
  ASSIGN_OR_RETURN(Answer answer, session_->Perform(call), doing);
  const int status = answer.status();
  if (status < 200 || status > 299) {
    const absl::Status refusal = base::Annotate(session_->Refusal(call, answer), doing);
    const bool unsupported = status == 405 || status == 501 ||
                             absl::StrContains(refusal.message(), "UNSUPPORTED") ||
                             // By its digest, a tag is what docker-registry expects.
                             (image.digest().empty() && status == 400);
    if (unsupported && image.digest().empty()) return CannotDeleteTag(image, status, stop);
    return unsupported ? CannotDelete(image, refusal) : refusal;
  }
  if (!referrer.has_value()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const bool has_api, referrers_->HasApi(image, referrer->subject, stop), doing);
  return has_api ? absl::OkStatus()
                 : base::Annotate(referrers_->Remove(image, *referrer, stop), doing);
}

absl::Status RegistryClient::CannotDeleteTag(const oci::Reference& image, int http_status,
                                             std::stop_token stop) {
  const std::string doing = absl::StrCat("delete ", image.Canonical());
  ASSIGN_OR_RETURN(const auto found, HeadManifestHere(image, /*patient=*/true, stop), doing);
  if (!found.has_value()) return absl::NotFoundError(absl::StrCat(doing, ": there is no such tag"));
  return absl::UnimplementedError(absl::StrCat(
      doing, ": ", image.registry(), " does not delete tags (HTTP ", http_status,
      "). Delete the manifest by its digest instead, which removes all tags that lead to it: ",
      image.Name(), "@", found->digest.ToString()));
}

absl::StatusOr<std::vector<oci::Descriptor>> RegistryClient::ListReferrers(
    const oci::Reference& repository, const oci::Digest& subject, const std::string& artifact_type,
    std::stop_token stop) {
  return referrers_->List(repository, subject, artifact_type, stop);
}

absl::StatusOr<std::optional<uint64_t>> RegistryClient::HeadBlob(const oci::Reference& repository,
                                                                 const oci::Digest& digest,
                                                                 std::stop_token stop) {
  const Call call{
      .repository = repository, .method = "HEAD", .url = BlobUrl(repository, digest), .stop = stop};
  const std::string doing = absl::StrCat("blob ", digest.Short(), " of ", repository.Name());
  ASSIGN_OR_RETURN(Answer answer, session_->Perform(call), doing);
  if (answer.status() == 404) return std::nullopt;
  if (answer.status() != 200) return base::Annotate(session_->Refusal(call, answer), doing);
  return ContentLength(answer.exchange->headers()).value_or(0);
}

absl::StatusOr<std::unique_ptr<base::ByteSource>> RegistryClient::GetBlob(
    const oci::Reference& repository, const oci::Descriptor& blob, std::stop_token stop) {
  return BlobDownload::Start(session_.get(), repository, blob, stop);
}

absl::Status RegistryClient::PutBlob(const oci::Reference& repository, const oci::Descriptor& blob,
                                     const BlobOpener& opener, std::stop_token stop) {
  return UploadBlob(session_.get(), repository, blob, opener, stop);
}

absl::StatusOr<std::unique_ptr<BlobUpload>> RegistryClient::StartBlob(
    const oci::Reference& repository, std::stop_token stop) {
  return std::make_unique<ChunkedUpload>(session_.get(), repository, stop);
}

absl::StatusOr<bool> RegistryClient::MountBlob(const oci::Reference& repository,
                                               const oci::Digest& digest,
                                               const std::string& from_repository,
                                               std::stop_token stop) {
  RETURN_IF_ERROR(oci::CheckRepository(from_repository));
  Call call{.repository = repository, .method = "POST", .push = true};
  call.url = http::AddQuery(
      http::AddQuery(absl::StrCat("/v2/", repository.repository(), "/blobs/uploads/"), "mount",
                     digest.ToString()),
      "from", from_repository);
  call.also_pull = from_repository;
  call.stop = stop;
  const std::string doing = absl::StrCat("mount blob ", digest.Short(), " of ", from_repository,
                                         " into ", repository.Name());
  ASSIGN_OR_RETURN(Answer answer, session_->Perform(call), doing);
  if (answer.status() == 201) return true;
  if (answer.status() == 202) {
    // The registry opened an upload instead; nobody will use it.
    ASSIGN_OR_RETURN(const std::string location, session_->Location(answer), doing);
    Call cancel{.repository = repository, .method = "DELETE", .url = location, .push = true};
    cancel.stop = stop;
    (void)session_->PerformOnce(cancel, absl::Seconds(10));
    return false;
  }
  // Not allowed to read there, not known there, not a thing it does: then the blob has to be sent.
  if (answer.status() == 403 || answer.status() == 404 || answer.status() == 405) return false;
  return base::Annotate(session_->Refusal(call, answer), doing);
}

absl::StatusOr<std::vector<std::string>> RegistryClient::ListTags(const oci::Reference& repository,
                                                                  std::stop_token stop) {
  std::vector<std::string> tags;
  const Call call{.repository = repository,
                  .url = absl::StrCat("/v2/", repository.repository(), "/tags/list"),
                  .stop = stop};
  RETURN_IF_ERROR(ReadPages(
      session_.get(), call, absl::StrCat("tags of ", repository.Name()),
      [&](const http::Headers&, const std::string& body) { return AddNames(body, "tags", tags); }));
  return tags;
}

absl::StatusOr<std::vector<std::string>> RegistryClient::ListRepositories(
    const std::string& registry, std::stop_token stop) {
  ASSIGN_OR_RETURN(const oci::Reference any, oci::Reference::Parse(registry + "/any"));
  std::vector<std::string> repositories;
  const Call call{.repository = any,
                  .url = absl::StrCat("/v2/_catalog?n=", kCatalogPageSize),
                  .whole_registry = true,
                  .scope = "registry:catalog:*",
                  .stop = stop};
  const absl::Status status =
      ReadPages(session_.get(), call, absl::StrCat("repositories of ", registry),
                [&](const http::Headers&, const std::string& body) {
                  return AddNames(body, "repositories", repositories);
                });
  if (absl::IsNotFound(status) || status.code() == absl::StatusCode::kUnimplemented) {
    return absl::UnimplementedError(
        absl::StrCat(status.message(), "; ", registry, " does not list its repositories"));
  }
  RETURN_IF_ERROR(status);
  return repositories;
}

}  // namespace stevedore::transfer
