#include "context/git_url.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"

namespace stevedore::context {
namespace {

constexpr size_t kLongest = 4096;
constexpr absl::string_view kForms =
    "use https://HOST/PATH, ssh://USER@HOST/PATH, USER@HOST:PATH, git://HOST/PATH or a path on "
    "this machine";

struct SchemeName {
  absl::string_view prefix;
  GitUrl::Scheme scheme;
};

constexpr SchemeName kSchemes[] = {
    {"https://", GitUrl::Scheme::kHttps}, {"http://", GitUrl::Scheme::kHttp},
    {"ssh://", GitUrl::Scheme::kSsh},     {"git+ssh://", GitUrl::Scheme::kSsh},
    {"ssh+git://", GitUrl::Scheme::kSsh}, {"git://", GitUrl::Scheme::kGit},
    {"file://", GitUrl::Scheme::kLocal},
};

// What may stand in a message: the text up to a password would tell too much.
std::string Shown(absl::string_view text) {
  const size_t at = text.rfind('@');
  const size_t slashes = text.find("://");
  if (at == absl::string_view::npos || slashes == absl::string_view::npos || at < slashes) {
    return base::Quoted(text);
  }
  return base::Quoted(absl::StrCat(text.substr(0, slashes + 3), "...", text.substr(at)));
}

absl::Status Wrong(absl::string_view text, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("git repository ", Shown(text), ": ", what, "; ", kForms));
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = absl::ascii_tolower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::string PercentDecoded(absl::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 &&
        HexDigit(text[i + 2]) >= 0) {
      out.push_back(static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2])));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

bool IsHost(absl::string_view host, bool bracketed) {
  if (host.empty() || host[0] == '-' || host.size() > 255) return false;
  return std::all_of(host.begin(), host.end(), [&](char c) {
    return absl::ascii_isalnum(c) || c == '.' || c == '-' || c == '_' || (bracketed && c == ':') ||
           (bracketed && c == '%');
  });
}

// "host", "host:port", "[::1]:port".
absl::Status ReadHost(absl::string_view text, absl::string_view authority, GitUrl* url) {
  absl::string_view host = authority;
  absl::string_view port;
  const bool bracketed = absl::StartsWith(authority, "[");
  if (bracketed) {
    const size_t close = authority.find(']');
    if (close == absl::string_view::npos) return Wrong(text, "the host has no closing ]");
    host = authority.substr(1, close - 1);
    port = authority.substr(close + 1);
    if (!port.empty() && !absl::ConsumePrefix(&port, ":"))
      return Wrong(text, "the host is no host");
  } else if (const size_t colon = authority.find(':'); colon != absl::string_view::npos) {
    host = authority.substr(0, colon);
    port = authority.substr(colon + 1);
  }
  if (!IsHost(host, bracketed)) return Wrong(text, "the host is no host");
  if (!port.empty() &&
      (!absl::SimpleAtoi(port, &url->port) || url->port < 1 || url->port > 65535)) {
    return Wrong(text, "the port is not a number from 1 to 65535");
  }
  url->host = absl::AsciiStrToLower(host);
  return absl::OkStatus();
}

absl::StatusOr<GitUrl> Remote(absl::string_view text, absl::string_view rest,
                              GitUrl::Scheme scheme) {
  GitUrl url;
  url.scheme = scheme;
  const size_t slash = rest.find('/');
  if (slash == absl::string_view::npos || slash + 1 == rest.size()) {
    return Wrong(text, "it names no repository");
  }
  absl::string_view authority = rest.substr(0, slash);
  url.path = std::string(rest.substr(slash));
  if (const size_t at = authority.rfind('@'); at != absl::string_view::npos) {
    const absl::string_view who = authority.substr(0, at);
    const size_t colon = who.find(':');
    url.user = PercentDecoded(who.substr(0, colon));
    if (colon != absl::string_view::npos) {
      url.password = base::Secret(PercentDecoded(who.substr(colon + 1)));
    }
    authority.remove_prefix(at + 1);
    if (absl::StartsWith(url.user, "-")) return Wrong(text, "the user is no user name");
  }
  RETURN_IF_ERROR(ReadHost(text, authority, &url));
  return url;
}

absl::StatusOr<GitUrl> Local(absl::string_view text, absl::string_view path) {
  if (path.empty()) return Wrong(text, "it names no repository");
  std::error_code error;
  const std::filesystem::path absolute =
      std::filesystem::absolute(std::filesystem::path(std::string(path)), error);
  if (error) return Wrong(text, error.message());
  GitUrl url;
  url.path = absolute.lexically_normal().string();
  while (url.path.size() > 1 && url.path.back() == '/') url.path.pop_back();
  return url;
}

// "[user@]host:path": a colon before any slash.
absl::StatusOr<GitUrl> ScpLike(absl::string_view text, size_t colon) {
  GitUrl url;
  url.scheme = GitUrl::Scheme::kSsh;
  absl::string_view authority = text.substr(0, colon);
  url.path = std::string(text.substr(colon + 1));
  if (const size_t at = authority.rfind('@'); at != absl::string_view::npos) {
    url.user = std::string(authority.substr(0, at));
    authority.remove_prefix(at + 1);
    if (url.user.empty() || url.user[0] == '-' || absl::StrContains(url.user, ':')) {
      return Wrong(text, "the user is no user name");
    }
  }
  if (url.path.empty() || url.path == "/" || url.path[0] == ':') {
    return Wrong(text, "it names no repository");
  }
  RETURN_IF_ERROR(ReadHost(text, authority, &url));
  return url;
}

}  // namespace

absl::StatusOr<GitUrl> GitUrl::Parse(absl::string_view text) {
  if (text.empty()) return Wrong(text, "it is empty");
  if (text.size() > kLongest) return Wrong(text, "it is too long");
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      return Wrong(text, "it has a control character");
    }
  }
  for (const SchemeName& known : kSchemes) {
    if (!absl::StartsWithIgnoreCase(text, known.prefix)) continue;
    absl::string_view rest = text.substr(known.prefix.size());
    if (known.scheme != Scheme::kLocal) return Remote(text, rest, known.scheme);
    absl::ConsumePrefix(&rest, "localhost");
    if (!absl::StartsWith(rest, "/")) {
      return Wrong(text, "a file URL needs an absolute path: file:///PATH");
    }
    return Local(text, PercentDecoded(rest));
  }
  if (absl::StrContains(text, "://")) return Wrong(text, "unknown scheme");
  const size_t colon = text.find(':');
  if (colon != absl::string_view::npos && colon < text.find('/') && text[0] != '[') {
    return ScpLike(text, colon);
  }
  return Local(text, text);
}

std::string GitUrl::ToString() const {
  if (scheme == Scheme::kLocal) return path;
  const bool bracketed = absl::StrContains(host, ':');
  const std::string shown_host = absl::StrCat(bracketed ? "[" : "", host, bracketed ? "]" : "");
  // HTTP user names are credentials; ssh ones are part of the address.
  const std::string who = scheme == Scheme::kSsh && !user.empty() ? user + "@" : "";
  // Servers read "host:path" as they like; "ssh://host/path" always means an absolute path.
  if (!absl::StartsWith(path, "/")) return absl::StrCat(who, shown_host, ":", path);
  std::string out;
  for (const SchemeName& known : kSchemes) {
    if (known.scheme == scheme) {
      out = std::string(known.prefix);
      break;
    }
  }
  absl::StrAppend(&out, who, shown_host);
  if (port != 0) absl::StrAppend(&out, ":", port);
  return absl::StrCat(out, path);
}

int GitUrl::EffectivePort() const {
  if (port != 0) return port;
  switch (scheme) {
    case Scheme::kHttps:
      return 443;
    case Scheme::kHttp:
      return 80;
    case Scheme::kSsh:
      return 22;
    case Scheme::kGit:
      return 9418;
    case Scheme::kLocal:
      break;
  }
  return 0;
}

absl::StatusOr<GitUrl> GitUrl::Resolve(absl::string_view submodule_url) const {
  if (!absl::StartsWith(submodule_url, "./") && !absl::StartsWith(submodule_url, "../")) {
    ASSIGN_OR_RETURN(GitUrl url, Parse(submodule_url));
    if (url.scheme == Scheme::kLocal && scheme != Scheme::kLocal) {
      return absl::InvalidArgumentError(
          absl::StrCat("submodule URL ", base::Quoted(submodule_url),
                       " names a place on this machine, which a repository of ", host,
                       " must not do; use a URL, or one relative to the repository"));
    }
    return url;
  }
  GitUrl url = *this;
  while (absl::EndsWith(url.path, "/")) url.path.pop_back();
  absl::string_view rest = submodule_url;
  while (true) {
    if (absl::ConsumePrefix(&rest, "./")) continue;
    if (!absl::ConsumePrefix(&rest, "../")) break;
    const size_t slash = url.path.rfind('/');
    const bool at_top = slash == absl::string_view::npos ? url.path.empty() : url.path.size() < 2;
    if (at_top) {
      return absl::InvalidArgumentError(absl::StrCat("submodule URL ", base::Quoted(submodule_url),
                                                     " climbs above the host of ", ToString()));
    }
    url.path.resize(slash == absl::string_view::npos ? 0 : slash);
  }
  if (rest.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("submodule URL ", base::Quoted(submodule_url), " names no repository"));
  }
  for (const char c : rest) {
    if (static_cast<unsigned char>(c) < 0x20) {
      return absl::InvalidArgumentError(
          absl::StrCat("submodule URL ", base::Quoted(submodule_url), " has a control character"));
    }
  }
  const bool relative_path = url.path.empty() && !path.empty() && path[0] != '/';
  absl::StrAppend(&url.path, relative_path ? "" : "/", rest);
  return url;
}

bool GitUrl::SharesCredentialsWith(const GitUrl& other) const {
  if (scheme == Scheme::kLocal || host != other.host || scheme != other.scheme) return false;
  return EffectivePort() == other.EffectivePort();
}

}  // namespace stevedore::context
