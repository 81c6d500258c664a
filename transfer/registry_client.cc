#include "transfer/registry_client.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "http/url.h"
#include "nlohmann/json.hpp"
#include "oci/image/media_type.h"
#include "transfer/blob_download.h"
#include "transfer/blob_upload.h"
#include "transfer/registry_session.h"

namespace stevedore::transfer {
namespace {

constexpr uint64_t kTagPageLimitBytes = 8 << 20;
constexpr int kTagPageLimit = 10000;

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
  const nlohmann::json json = nlohmann::json::parse(bytes, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return type;
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

// The URL of `Link: <url>; rel="next"`, or "".
std::string NextPage(const http::Headers& headers) {
  for (const std::string& link : headers.FindAll("Link")) {
    const size_t open = link.find('<');
    const size_t close = link.find('>');
    if (open == std::string::npos || close == std::string::npos || close < open) continue;
    if (absl::StrContains(link.substr(close), "next")) {
      return link.substr(open + 1, close - open - 1);
    }
  }
  return "";
}

absl::Status AddTags(const std::string& body, std::vector<std::string>& tags) {
  const nlohmann::json json = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return absl::InternalError("the tag list is not a JSON object");
  const auto list = json.find("tags");
  if (list == json.end() || list->is_null()) return absl::OkStatus();
  if (!list->is_array()) return absl::InternalError("`tags` of the tag list is not a list");
  for (const nlohmann::json& tag : *list) {
    if (!tag.is_string()) return absl::InternalError("a tag of the tag list is not a text");
    tags.push_back(tag.get<std::string>());
  }
  return absl::OkStatus();
}

}  // namespace

RegistryClient::RegistryClient(http::Client* http, const credentials::CredentialStore* credentials,
                               RegistryClientOptions options)
    : session_(std::make_unique<RegistrySession>(http, credentials, std::move(options))) {}
RegistryClient::~RegistryClient() = default;

absl::Status RegistryClient::Ping(const std::string& registry, std::stop_token stop) {
  ASSIGN_OR_RETURN(const oci::Reference any, oci::Reference::Parse(registry + "/any"));
  const Call call{.repository = any, .url = "/v2/", .whole_registry = true, .stop = stop};
  ASSIGN_OR_RETURN(Answer answer, session_->Perform(call));
  return answer.status() == 200 ? absl::OkStatus() : session_->Refusal(call, answer);
}

absl::StatusOr<std::optional<oci::Descriptor>> RegistryClient::HeadManifest(
    const oci::Reference& image, std::stop_token stop) {
  const Call call{.repository = image,
                  .method = "HEAD",
                  .url = ManifestUrl(image),
                  .headers = {{"Accept", oci::kAcceptManifests}},
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
  ASSIGN_OR_RETURN(const RawManifest manifest, GetManifest(image, stop));
  return oci::Descriptor{
      .media_type = manifest.media_type, .digest = manifest.digest, .size = manifest.bytes.size()};
}

absl::StatusOr<RawManifest> RegistryClient::GetManifest(const oci::Reference& image,
                                                        std::stop_token stop) {
  const Call call{.repository = image,
                  .url = ManifestUrl(image),
                  .headers = {{"Accept", oci::kAcceptManifests}},
                  .stop = stop};
  Retries retries(&session_->options(), session_->options().retries);
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
  return digest;
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
  const std::string doing = absl::StrCat("tags of ", repository.Name());
  std::vector<std::string> tags;
  Call call{.repository = repository,
            .url = absl::StrCat("/v2/", repository.repository(), "/tags/list"),
            .stop = stop};
  for (int page = 0; page < kTagPageLimit; ++page) {
    ASSIGN_OR_RETURN(Answer answer, session_->Perform(call), doing);
    if (answer.status() != 200) return base::Annotate(session_->Refusal(call, answer), doing);
    const std::string next = NextPage(answer.exchange->headers());
    ASSIGN_OR_RETURN(const std::string body, base::ReadAll(*answer.exchange, kTagPageLimitBytes),
                     doing);
    RETURN_IF_ERROR(AddTags(body, tags), doing);
    if (next.empty()) return tags;
    ASSIGN_OR_RETURN(const http::Url url, answer.url.Resolve(next), doing);
    if (url.Origin() != answer.url.Origin()) {
      return absl::PermissionDeniedError(
          absl::StrCat(doing, ": the next page is at another host, ", url.Origin()));
    }
    call.url = url.ToString();
  }
  return absl::ResourceExhaustedError(absl::StrCat(doing, ": more than ", kTagPageLimit, " pages"));
}

}  // namespace stevedore::transfer
