#include <memory>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/spool.h"
#include "base/status.h"
#include "http/client.h"
#include "http/url.h"
#include "oci/image/digest.h"
#include "worker/drivers/native_add.h"

namespace stevedore::worker::native {
namespace {

constexpr int kMostRedirects = 10;
constexpr int kTries = 3;
constexpr absl::Duration kBetweenTries = absl::Milliseconds(500);

// Hashes what passes.
class HashingSource final : public base::ByteSource {
 public:
  HashingSource(base::ByteSource* source, base::Hasher* sha256, base::Hasher* sha512)
      : source_(source), sha256_(sha256), sha512_(sha512) {}
  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    ASSIGN_OR_RETURN(const size_t count, source_->Read(buffer, size));
    sha256_->Update(absl::string_view(buffer, count));
    if (sha512_ != nullptr) sha512_->Update(absl::string_view(buffer, count));
    return count;
  }

 private:
  base::ByteSource* const source_;
  base::Hasher* const sha256_;
  base::Hasher* const sha512_;
};

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

absl::Status Refusal(int status) {
  const std::string what = absl::StrCat("the server answers ", status);
  if (status == 404 || status == 410) return absl::NotFoundError(what);
  if (status == 429 || status >= 500) return absl::UnavailableError(what);
  return absl::InvalidArgumentError(absl::StrCat(what, "; ADD sends no credentials"));
}

// The answer behind all redirects.
absl::StatusOr<std::unique_ptr<http::Exchange>> Follow(http::Client& client, http::Url url,
                                                       std::stop_token stop) {
  for (int i = 0; i <= kMostRedirects; ++i) {
    http::Request request;
    request.url = url.ToString();
    request.stop = stop;
    ASSIGN_OR_RETURN(std::unique_ptr<http::Exchange> exchange, client.Start(request));
    const auto location = exchange->headers().Find("Location");
    if (!IsRedirect(exchange->status()) || !location.has_value()) {
      if (exchange->status() != 200) return Refusal(exchange->status());
      return exchange;
    }
    const bool secure = absl::StartsWith(url.ToString(), "https:");
    ASSIGN_OR_RETURN(url, url.Resolve(*location), "redirect");
    if (secure && !absl::StartsWith(url.ToString(), "https:")) {
      return absl::InvalidArgumentError("redirected from https to http, which is not followed");
    }
  }
  return absl::InvalidArgumentError(absl::StrCat("more than ", kMostRedirects, " redirects"));
}

absl::StatusOr<LooseFile> DownloadOnce(http::Client& client, const http::Url& url,
                                       const oci::Digest& checksum, const std::string& directory,
                                       std::stop_token stop) {
  ASSIGN_OR_RETURN(const std::unique_ptr<http::Exchange> exchange, Follow(client, url, stop));
  base::Hasher sha256;
  base::Hasher sha512(base::HashAlgorithm::kSha512);
  const bool wide = absl::StartsWith(checksum.ToString(), "sha512:");
  HashingSource source(exchange.get(), &sha256, wide ? &sha512 : nullptr);
  ASSIGN_OR_RETURN(std::unique_ptr<base::FileReader> file, base::SpoolToFile(source, directory));
  const std::string identity = absl::BytesToHexString(sha256.Finish());
  const std::string found = wide ? absl::BytesToHexString(sha512.Finish()) : identity;
  if (!checksum.empty() && checksum.hex() != found) {
    return absl::InvalidArgumentError(absl::StrCat("--checksum is ", checksum.ToString(),
                                                   ", what came is ",
                                                   wide ? "sha512:" : "sha256:", found));
  }
  LooseFile out;
  ASSIGN_OR_RETURN(out.size, file->Size());
  out.mode = 0600;
  out.contents = std::make_shared<FileContent>(std::move(file), identity);
  return out;
}

// "b.tar" of "https://host/a/b.tar?x#y".
std::string NameOf(absl::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  const size_t scheme = url.find("://");
  if (scheme != absl::string_view::npos) url.remove_prefix(scheme + 3);
  const size_t slash = url.rfind('/');
  return slash == absl::string_view::npos ? "" : std::string(url.substr(slash + 1));
}

}  // namespace

bool IsUrl(absl::string_view source) {
  return absl::StartsWithIgnoreCase(source, "http://") ||
         absl::StartsWithIgnoreCase(source, "https://");
}

bool IsGitUrl(absl::string_view source) {
  if (absl::StartsWith(source, "git@") || absl::StartsWith(source, "git://") ||
      absl::StartsWith(source, "ssh://")) {
    return true;
  }
  return IsUrl(source) && absl::EndsWith(source.substr(0, source.find_first_of("?#")), ".git");
}

absl::StatusOr<LooseFile> Download(const std::string& url, const std::string& checksum,
                                   const std::string& directory, std::stop_token stop) {
  ASSIGN_OR_RETURN(const http::Url parsed, http::Url::Parse(url));
  oci::Digest digest;
  if (!checksum.empty()) {
    ASSIGN_OR_RETURN(digest, oci::Digest::Parse(checksum), "--checksum");
  }
  http::Client client;
  absl::StatusOr<LooseFile> file = absl::UnknownError("");
  for (int i = 0; i < kTries && !stop.stop_requested(); ++i) {
    if (i > 0) absl::SleepFor(kBetweenTries * i);
    file = DownloadOnce(client, parsed, digest, directory, stop);
    if (!absl::IsUnavailable(file.status())) break;
  }
  if (stop.stop_requested()) return absl::CancelledError("the build was cancelled");
  if (file.ok()) file->name = NameOf(url);
  return file;
}

}  // namespace stevedore::worker::native
