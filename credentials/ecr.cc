#include "credentials/ecr.h"

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/hash.h"
#include "base/status.h"
#include "credentials/aws_identity.h"

namespace stevedore::credentials {
namespace {

// A push that begins with a password must be able to end with it. ECR's are good for 12 hours.
constexpr absl::Duration kMargin = absl::Minutes(15);
constexpr absl::Duration kKeepErrors = absl::Seconds(5);

// What a password depends on: region and identity. Hashed, as it holds secrets.
std::string Key(const Record& record, absl::string_view registry) {
  const auto host = ParseEcrHost(registry);
  const std::string where =
      host.has_value() ? absl::StrCat(host->region, host->fips, host->is_public) : "";
  return base::Sha256Hex(
      absl::StrJoin({where, record.id, record.aws_region, record.aws_access_key_id,
                     record.aws_secret_access_key.Reveal(), record.aws_role_arn, record.aws_profile,
                     absl::StrJoin(record.aws_shared_config_files, ":"),
                     absl::StrJoin(record.aws_shared_credentials_files, ":")},
                    "\n"));
}

std::string UsualEndpoint(const EcrHost& host) {
  if (host.is_public) return "https://api.ecr-public.us-east-1.amazonaws.com/";
  if (host.fips) return absl::StrCat("https://ecr-fips.", host.region, ".amazonaws.com/");
  return absl::StrCat("https://api.ecr.", host.region, ".amazonaws.com",
                      absl::StartsWith(host.region, "cn-") ? ".cn" : "", "/");
}

}  // namespace

std::optional<EcrHost> ParseEcrHost(absl::string_view registry) {
  if (registry == "public.ecr.aws") return EcrHost{.region = "us-east-1", .is_public = true};
  const std::vector<absl::string_view> parts = absl::StrSplit(registry, '.');
  const bool china = parts.size() == 7 && parts[6] == "cn";
  if ((parts.size() != 6 && !china) || parts[1] != "dkr" || parts[4] != "amazonaws" ||
      parts[5] != "com" || (parts[2] != "ecr" && parts[2] != "ecr-fips")) {
    return std::nullopt;
  }
  return EcrHost{.region = std::string(parts[3]), .fips = parts[2] == "ecr-fips"};
}

absl::StatusOr<EcrToken> EcrExchange::Fetch(const Record& record,
                                            absl::string_view registry) const {
  EcrHost host = ParseEcrHost(registry).value_or(EcrHost());
  AwsIdentity identity(&service_, &record);
  if (host.is_public) {
    // Wherever the identity is from, these passwords are given out in one region.
    if (!record.aws_region.empty()) host.region = record.aws_region;
  } else {
    ASSIGN_OR_RETURN(host.region, identity.Region(host.region));
  }
  ASSIGN_OR_RETURN(const AwsKeys keys, identity.Keys(host.region));
  const std::string service = host.is_public ? "ecr-public" : "ecr";
  AwsCall call{.service = service,
               .region = host.is_public ? "us-east-1" : host.region,
               .endpoint = service_.Endpoint(service, UsualEndpoint(host)),
               .action = "GetAuthorizationToken"};
  call.headers = {
      {"Content-Type", "application/x-amz-json-1.1"},
      {"X-Amz-Target", absl::StrCat(host.is_public ? "SpencerFrontendService"
                                                   : "AmazonEC2ContainerRegistry_V20150921",
                                    ".GetAuthorizationToken")}};
  call.body = "{}";
  call.keys = &keys;
  ASSIGN_OR_RETURN(const std::string answer, service_.Call(call));
  const base::Secret wiped(answer);
  ASSIGN_OR_RETURN(EcrToken token, ParseEcrAnswer(answer), "AWS ", service,
                   " GetAuthorizationToken at ", call.endpoint);
  return token;
}

absl::StatusOr<EcrToken> EcrExchange::Cached(const Record& record,
                                             absl::string_view registry) const {
  const std::string key = Key(record, registry);
  {
    base::MutexLock lock(&mu_);
    while (true) {
      Entry& entry = entries_[key];
      if (service_.Now() < entry.good_until) return entry.token;
      if (!entry.fetching) {
        entry.fetching = true;
        break;
      }
      changed_.Wait(&mu_);
    }
  }
  absl::StatusOr<EcrToken> token = Fetch(record, registry);
  const absl::Time now = service_.Now();
  base::MutexLock lock(&mu_);
  Entry& entry = entries_[key];
  entry.fetching = false;
  entry.token = token;
  if (token.ok()) {
    const absl::Duration lifetime = token->expires_at - now;
    entry.good_until = token->expires_at - std::min(kMargin, lifetime / 2);
  } else {
    entry.good_until = now + kKeepErrors;
  }
  changed_.SignalAll();
  return token;
}

absl::StatusOr<std::optional<Credential>> EcrExchange::Exchange(const Record& record,
                                                                absl::string_view registry,
                                                                absl::string_view origin) const {
  if (!IsAwsRecord(record)) return std::nullopt;
  ASSIGN_OR_RETURN(const EcrToken token, Cached(record, registry));
  return Credential{token.username, token.password,
                    absl::StrCat(origin, ", by ECR's GetAuthorizationToken")};
}

}  // namespace stevedore::credentials
