#include "transfer/host_rules.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "http/client.h"

namespace stevedore::transfer {
namespace {

bool IsAddress(absl::string_view host) {
  return absl::StartsWith(host, "[") ||
         host.find_first_not_of("0123456789.") == absl::string_view::npos;
}

// Addresses that answer with a machine's own secrets to whoever asks from inside it.
bool IsMachineLocal(absl::string_view host) {
  return absl::StartsWith(host, "169.254.") || absl::StartsWith(host, "[fe80:") ||
         absl::StartsWith(host, "[fd00:ec2::") || absl::StartsWith(host, "[::ffff:") ||
         absl::StartsWith(host, "0.") || host == "[::]" || host == "metadata.google.internal" ||
         host == "metadata" ||
         // Numbers without four parts are addresses to the C library: 2852039166, 0xa9.254.
         (IsAddress(host) && host[0] != '[' && std::count(host.begin(), host.end(), '.') != 3) ||
         absl::StartsWith(host, "0x");
}

// "docker.io" for "auth.docker.io"; empty where the parent is no organisation's own domain ("io",
// "co.uk").
absl::string_view ParentDomain(absl::string_view host) {
  const size_t dot = host.find('.');
  if (dot == absl::string_view::npos || IsAddress(host)) return "";
  const absl::string_view parent = host.substr(dot + 1);
  const size_t inner = parent.find('.');
  if (inner == absl::string_view::npos) return "";
  const bool two_labels = parent.find('.', inner + 1) == absl::string_view::npos;
  if (two_labels && parent.size() - inner - 1 == 2 && inner <= 3) return "";  // co.uk, com.au
  return parent;
}

bool IsFamily(absl::string_view registry, absl::string_view other) {
  if (registry == other) return true;
  if (http::IsLoopbackHost(registry) && http::IsLoopbackHost(other)) return true;
  if (IsAddress(registry) || IsAddress(other)) return false;
  if (absl::EndsWith(other, absl::StrCat(".", registry))) return true;
  const absl::string_view parent = ParentDomain(registry);
  return !parent.empty() && (other == parent || absl::EndsWith(other, absl::StrCat(".", parent)));
}

}  // namespace

absl::Status CheckTarget(const http::Url& from, const http::Url& target) {
  const std::string where = absl::StrCat(from.Origin(), " leads to ", target.Origin());
  if (from.scheme == "https" && target.scheme != "https") {
    return absl::PermissionDeniedError(
        absl::StrCat(where, ", which is not encrypted; correct the registry's external URL"));
  }
  if (IsMachineLocal(target.host) ||
      (http::IsLoopbackHost(target.host) && !http::IsLoopbackHost(from.host))) {
    return absl::PermissionDeniedError(
        absl::StrCat(where, ", an address of this machine, which no registry may name"));
  }
  return absl::OkStatus();
}

absl::Status CheckTokenService(const http::Url& registry, const http::Url& realm,
                               bool with_password, const std::vector<std::string>& trusted_hosts) {
  RETURN_IF_ERROR(CheckTarget(registry, realm), "token service");
  const bool family = IsFamily(registry.host, realm.host);
  if (realm.scheme != "https" && !family) {
    return absl::PermissionDeniedError(
        absl::StrCat("registry ", registry.Origin(), " names ", realm.Origin(),
                     " as its token service, another host without encryption; it must be https"));
  }
  if (!with_password || family) return absl::OkStatus();
  const bool trusted =
      std::find(trusted_hosts.begin(), trusted_hosts.end(), realm.host) != trusted_hosts.end();
  if (trusted) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat(
      "registry ", registry.Origin(), " names ", realm.Origin(),
      " as its token service, a foreign host: the password was not sent there; if it is ",
      "right, add ", realm.host, " to `token_hosts` of this registry in stevedore.yaml"));
}

}  // namespace stevedore::transfer
