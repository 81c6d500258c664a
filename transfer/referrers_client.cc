#include "transfer/referrers_client.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/byte_source.h"
#include "base/status.h"
#include "http/url.h"
#include "oci/image/media_type.h"
#include "transfer/registry_options.h"
#include "transfer/registry_pages.h"

namespace stevedore::transfer {
namespace {

// Others change the same tag so often before we give up.
constexpr int kConflictLimit = 10;
// Waiting for another thread looks for `stop` so often.
constexpr absl::Duration kStopCheck = absl::Milliseconds(100);

std::string ApiUrl(const oci::Reference& repository, const oci::Digest& subject) {
  return absl::StrCat("/v2/", repository.repository(), "/referrers/", subject.ToString());
}

std::string FallbackUrl(const oci::Reference& repository, const oci::Digest& subject) {
  return absl::StrCat("/v2/", repository.repository(), "/manifests/", ReferrersTag(subject));
}

}  // namespace

absl::StatusOr<std::vector<oci::Descriptor>> ReferrersClient::List(const oci::Reference& repository,
                                                                   const oci::Digest& subject,
                                                                   const std::string& artifact_type,
                                                                   std::stop_token stop) {
  const std::string doing =
      absl::StrCat("referrers of ", repository.Name(), "@", subject.ToString());
  Call call{.repository = repository,
            .url = ApiUrl(repository, subject),
            .headers = {{"Accept", oci::kOciIndex}},
            .stop = stop};
  if (!artifact_type.empty()) call.url = http::AddQuery(call.url, "artifactType", artifact_type);
  std::vector<oci::Descriptor> referrers;
  const absl::Status status = ReadPages(
      session_, std::move(call), doing, [&](const http::Headers&, const std::string& body) {
        ASSIGN_OR_RETURN(const oci::Index index, oci::Index::Parse(body, oci::kOciIndex, 8 << 20));
        referrers.insert(referrers.end(), index.manifests().begin(), index.manifests().end());
        return absl::OkStatus();
      });
  // Only "there is no such API" leads to the other scheme: whoever may not read, or cannot, must
  // not be told that nothing is attached.
  if (absl::IsNotFound(status)) {
    ASSIGN_OR_RETURN(const Listed listed, ReadFallback(repository, subject, stop), doing);
    if (listed.index.has_value()) referrers = listed.index->manifests();
  } else {
    RETURN_IF_ERROR(status);
  }
  // The registry may have filtered, and need not.
  return FilterReferrers(std::move(referrers), artifact_type);
}

absl::StatusOr<bool> ReferrersClient::HasApi(const oci::Reference& repository,
                                             const oci::Digest& subject, std::stop_token stop) {
  const Call call{.repository = repository,
                  .url = ApiUrl(repository, subject),
                  .headers = {{"Accept", oci::kOciIndex}},
                  .total_timeout = session_->options().document_timeout,
                  .stop = stop};
  ASSIGN_OR_RETURN(Answer answer, session_->Perform(call));
  if (answer.status() == 404) return false;
  if (answer.status() == 200) return true;
  return session_->Refusal(call, answer);
}

absl::StatusOr<ReferrersClient::Listed> ReferrersClient::ReadFallback(
    const oci::Reference& repository, const oci::Digest& subject, std::stop_token stop) {
  const Call call{.repository = repository,
                  .url = FallbackUrl(repository, subject),
                  .headers = {{"Accept", oci::kOciIndex}},
                  .total_timeout = session_->options().document_timeout,
                  .stop = stop};
  ASSIGN_OR_RETURN(Answer answer, session_->Perform(call));
  if (answer.status() == 404) return Listed{};
  if (answer.status() != 200) return session_->Refusal(call, answer);
  Listed listed;
  listed.entity_tag = answer.exchange->headers().Find("ETag").value_or("");
  ASSIGN_OR_RETURN(std::string body, base::ReadAll(*answer.exchange, kManifestLimitBytes));
  ASSIGN_OR_RETURN(listed.index, oci::Index::Parse(std::move(body)), "tag ", ReferrersTag(subject));
  return listed;
}

absl::StatusOr<bool> ReferrersClient::WriteFallback(const oci::Reference& repository,
                                                    const oci::Digest& subject,
                                                    const Listed& before, const oci::Index& after,
                                                    std::stop_token stop) {
  Call call{.repository = repository,
            .method = "PUT",
            .url = FallbackUrl(repository, subject),
            .headers = {{"Content-Type", oci::kOciIndex}},
            .push = true,
            .stop = stop};
  if (!before.index.has_value()) {
    call.headers.Add("If-None-Match", "*");
  } else if (!before.entity_tag.empty()) {
    call.headers.Add("If-Match", before.entity_tag);
  }
  call.body = after.bytes();
  ASSIGN_OR_RETURN(Answer answer, session_->Perform(call));
  if (answer.status() == 412 || answer.status() == 409) return false;
  if (answer.status() >= 200 && answer.status() < 300) return true;
  return session_->Refusal(call, answer);
}

absl::Status ReferrersClient::ChangeFallback(const oci::Reference& repository,
                                             const oci::Digest& subject, const Change& change,
                                             std::stop_token stop) {
  const std::string tag = absl::StrCat(repository.Name(), ":", ReferrersTag(subject));
  {
    base::MutexLock lock(&mu_);
    while (!busy_.insert(tag).second) {
      changed_.WaitFor(&mu_, kStopCheck);
      if (stop.stop_requested()) return absl::CancelledError("cancelled");
    }
  }
  absl::Status status = absl::AbortedError(
      absl::StrCat("others change the tag all the time; tried ", kConflictLimit, " times"));
  for (int attempt = 0; attempt < kConflictLimit; ++attempt) {
    const auto step = [&]() -> absl::StatusOr<bool> {
      ASSIGN_OR_RETURN(const Listed before, ReadFallback(repository, subject, stop));
      ASSIGN_OR_RETURN(const std::optional<oci::Index> after, change(before.index));
      if (!after.has_value()) return true;
      return WriteFallback(repository, subject, before, *after, stop);
    };
    const absl::StatusOr<bool> done = step();
    if (done.ok() && !*done) continue;
    status = done.status();
    break;
  }
  base::MutexLock lock(&mu_);
  busy_.erase(tag);
  changed_.SignalAll();
  return base::Annotate(status, absl::StrCat("list of referrers ", tag));
}

absl::Status ReferrersClient::Enter(const oci::Reference& repository, const Referrer& referrer,
                                    std::stop_token stop) {
  return ChangeFallback(
      repository, referrer.subject,
      [&](const std::optional<oci::Index>& listed) {
        return WithReferrer(listed, referrer.descriptor);
      },
      stop);
}

absl::Status ReferrersClient::Remove(const oci::Reference& repository, const Referrer& referrer,
                                     std::stop_token stop) {
  return ChangeFallback(
      repository, referrer.subject,
      [&](const std::optional<oci::Index>& listed) -> absl::StatusOr<std::optional<oci::Index>> {
        if (!listed.has_value()) return std::nullopt;
        return WithoutReferrer(*listed, referrer.descriptor.digest);
      },
      stop);
}

}  // namespace stevedore::transfer
