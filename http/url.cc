#include "http/url.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"

namespace stevedore::http {
namespace {

int DefaultPort(absl::string_view scheme) { return scheme == "https" ? 443 : 80; }

absl::Status Bad(absl::string_view text, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("URL ", base::Quoted(text), ": ", why));
}

// Splits "host[:port]" or "[v6][:port]" into `url`.
absl::Status ParseAuthority(absl::string_view authority, absl::string_view text, Url& url) {
  if (absl::StrContains(authority, '@')) return Bad(text, "user names in URLs are not supported");
  size_t end = authority.size();
  if (absl::StartsWith(authority, "[")) {
    end = authority.find(']');
    if (end == absl::string_view::npos) return Bad(text, "`[` without `]`");
    ++end;
  } else if (const size_t colon = authority.find(':'); colon != absl::string_view::npos) {
    end = colon;
  }
  url.host = absl::AsciiStrToLower(authority.substr(0, end));
  if (url.host.empty()) return Bad(text, "it has no host");
  absl::string_view port = authority.substr(end);
  url.port = DefaultPort(url.scheme);
  if (port.empty() || port == ":") return absl::OkStatus();
  if (!absl::ConsumePrefix(&port, ":") || port.size() > 5 || !absl::SimpleAtoi(port, &url.port) ||
      url.port < 1 || url.port > 65535) {
    return Bad(text, "the port must be 1 to 65535");
  }
  return absl::OkStatus();
}

// Removes "." and ".." segments as RFC 3986, 5.2.4.
std::string WithoutDots(absl::string_view path) {
  std::string out;
  while (!path.empty()) {
    const size_t end = path.find('/', 1);
    const absl::string_view segment = path.substr(0, end);
    path = end == absl::string_view::npos ? "" : path.substr(end);
    if (segment == "/." || segment == "/..") {
      if (segment == "/..") out.resize(out.rfind('/') == std::string::npos ? 0 : out.rfind('/'));
      if (path.empty()) out += '/';
    } else {
      absl::StrAppend(&out, segment);
    }
  }
  return out.empty() ? "/" : out;
}

}  // namespace

absl::StatusOr<Url> Url::Parse(absl::string_view text) {
  for (const char c : text) {
    if (c <= ' ' || c == 0x7f) return Bad(text, "it contains a blank or control character");
  }
  const size_t colon = text.find("://");
  if (colon == absl::string_view::npos) return Bad(text, "it does not start with https://");
  Url url;
  url.scheme = absl::AsciiStrToLower(text.substr(0, colon));
  if (url.scheme != "http" && url.scheme != "https") {
    return Bad(text, "the scheme must be http or https");
  }
  absl::string_view rest = text.substr(colon + 3);
  rest = rest.substr(0, rest.find('#'));
  const size_t end = rest.find_first_of("/?");
  RETURN_IF_ERROR(ParseAuthority(rest.substr(0, end), text, url));
  url.target = end == absl::string_view::npos ? "/" : std::string(rest.substr(end));
  if (url.target[0] == '?') url.target.insert(0, "/");
  return url;
}

std::string Url::Origin() const {
  return port == DefaultPort(scheme) ? absl::StrCat(scheme, "://", host)
                                     : absl::StrCat(scheme, "://", host, ":", port);
}

std::string Url::WithoutQuery() const {
  return absl::StrCat(Origin(), absl::string_view(target).substr(0, target.find('?')));
}

absl::StatusOr<Url> Url::Resolve(absl::string_view reference) const {
  const size_t delimiter = reference.find_first_of(":/?#");
  if (delimiter != absl::string_view::npos && reference[delimiter] == ':') return Parse(reference);
  if (absl::StartsWith(reference, "//")) return Parse(absl::StrCat(scheme, ":", reference));
  reference = reference.substr(0, reference.find('#'));
  const absl::string_view path = absl::string_view(target).substr(0, target.find('?'));
  if (reference.empty()) return *this;
  if (reference[0] == '?') return Parse(absl::StrCat(Origin(), path, reference));
  const std::string joined = reference[0] == '/'
                                 ? std::string(reference)
                                 : absl::StrCat(path.substr(0, path.rfind('/') + 1), reference);
  const size_t query = joined.find('?');
  return Parse(absl::StrCat(
      Origin(), WithoutDots(joined.substr(0, query)),
      query == std::string::npos ? absl::string_view() : absl::string_view(joined).substr(query)));
}

std::string EncodeQueryValue(absl::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (absl::ascii_isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~') {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

std::string AddQuery(absl::string_view url, absl::string_view name, absl::string_view value) {
  const absl::string_view glue = !absl::StrContains(url, '?')                           ? "?"
                                 : absl::EndsWith(url, "?") || absl::EndsWith(url, "&") ? ""
                                                                                        : "&";
  return absl::StrCat(url, glue, name, "=", EncodeQueryValue(value));
}

}  // namespace stevedore::http
