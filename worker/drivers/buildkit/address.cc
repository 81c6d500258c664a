#include "worker/drivers/buildkit/address.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/status.h"

namespace stevedore::worker {
namespace {

std::string Value(const std::map<std::string, std::string>& environment, const std::string& name) {
  const auto found = environment.find(name);
  return found == environment.end() ? "" : found->second;
}

}  // namespace

absl::StatusOr<std::optional<BuildkitAddress>> BuildkitAddress::FromEnvironment(
    const std::map<std::string, std::string>& environment) {
  BuildkitAddress address;
  address.text = Value(environment, "BUILDKIT_HOST");
  if (address.text.empty()) return std::nullopt;
  const auto wrong = [&address](absl::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("BUILDKIT_HOST=", base::Quoted(address.text), ": ", why,
                     "; write unix:///run/buildkit/buildkitd.sock or tcp://HOST:PORT"));
  };
  absl::string_view rest = address.text;
  if (absl::ConsumePrefix(&rest, "unix://")) {
    if (!absl::StartsWith(rest, "/")) return wrong("the socket's path must begin with a slash");
    address.target = absl::StrCat("unix:", rest);
    return address;
  }
  if (!absl::ConsumePrefix(&rest, "tcp://")) return wrong("unknown kind of address");
  rest = absl::StripSuffix(rest, "/");
  const size_t colon = rest.rfind(':');
  int port = 0;
  if (colon == absl::string_view::npos || colon == 0 ||
      !absl::SimpleAtoi(rest.substr(colon + 1), &port) || port < 1 || port > 65535) {
    return wrong("host and port expected");
  }
  address.target = std::string(rest);
  const std::string folder = Value(environment, "BUILDKIT_CERT_PATH");
  if (!folder.empty()) {
    address.tls = true;
    address.authority_file = base::JoinPath(folder, "ca.pem");
    address.certificate_file = base::JoinPath(folder, "cert.pem");
    address.key_file = base::JoinPath(folder, "key.pem");
    address.server_name = Value(environment, "BUILDKIT_TLS_SERVER_NAME");
  }
  return address;
}

}  // namespace stevedore::worker
