#include "transfer/registry_pages.h"

#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/byte_source.h"
#include "base/status.h"
#include "http/url.h"

namespace stevedore::transfer {
namespace {

constexpr uint64_t kPageLimitBytes = 8 << 20;

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

// A page in memory, with who answered.
struct Page {
  http::Url url;
  http::Headers headers;
  std::string body;
};

// Once more if the connection breaks inside the page.
absl::StatusOr<Page> ReadPage(RegistrySession* session, const Call& call) {
  Retries retries(&session->options(), session->options().retries);
  while (true) {
    ASSIGN_OR_RETURN(Answer answer, session->Perform(call));
    if (answer.status() != 200) return session->Refusal(call, answer);
    absl::StatusOr<std::string> body = base::ReadAll(*answer.exchange, kPageLimitBytes);
    if (body.ok()) return Page{answer.url, answer.exchange->headers(), *std::move(body)};
    if (!absl::IsUnavailable(body.status()) || !retries.Again(std::nullopt, call.stop)) {
      return body.status();
    }
  }
}

}  // namespace

absl::Status ReadPages(RegistrySession* session, Call call, const std::string& doing,
                       const std::function<absl::Status(const http::Headers& headers,
                                                        const std::string& body)>& take) {
  call.total_timeout = session->options().document_timeout;
  const int page_limit = session->options().list_page_limit;
  uint64_t bytes = 0;
  std::set<std::string> seen;
  for (int count = 0; count < page_limit; ++count) {
    ASSIGN_OR_RETURN(const Page page, ReadPage(session, call), doing);
    bytes += page.body.size();
    if (bytes > session->options().list_limit_bytes) {
      return absl::ResourceExhaustedError(absl::StrCat(doing, ": the list has more than ",
                                                       session->options().list_limit_bytes,
                                                       " bytes; ask its owner what is in it"));
    }
    RETURN_IF_ERROR(take(page.headers, page.body), doing);
    const std::string next = NextPage(page.headers);
    if (next.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(const http::Url url, page.url.Resolve(next), doing);
    if (url.Origin() != page.url.Origin()) {
      return absl::PermissionDeniedError(
          absl::StrCat(doing, ": the next page is at another host, ", url.Origin()));
    }
    call.url = url.ToString();
    if (!seen.insert(call.url).second) {
      return absl::ResourceExhaustedError(
          absl::StrCat(doing, ": the pages lead in a circle, back to ", call.url));
    }
  }
  return absl::ResourceExhaustedError(absl::StrCat(doing, ": more than ", page_limit, " pages"));
}

}  // namespace stevedore::transfer
