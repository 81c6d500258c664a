#include "credentials/aws_identity.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/program.h"
#include "base/status.h"
#include "credentials/aws_answers.h"
#include "http/url.h"

namespace stevedore::credentials {
namespace {

constexpr uint64_t kTokenFileLimitBytes = 64 << 10;
constexpr uint64_t kProgramOutputLimitBytes = 256 << 10;
constexpr char kContainerHost[] = "http://169.254.170.2";
constexpr char kInstanceHost[] = "http://169.254.169.254";

// A parameter of a form.
void Add(std::string& body, absl::string_view name, absl::string_view value) {
  if (value.empty()) return;
  absl::StrAppend(&body, body.empty() ? "" : "&", name, "=", http::EncodeQueryValue(value));
}

// STS of a region; without one the oldest, which signs as us-east-1.
std::string StsEndpoint(const std::string& region) {
  if (region.empty()) return "https://sts.amazonaws.com/";
  return absl::StrCat("https://sts.", region, ".amazonaws.com",
                      absl::StartsWith(region, "cn-") ? ".cn" : "", "/");
}

// Containers may name a host; keys must not be fetched from, nor a token sent to, anybody else.
absl::Status CheckContainerUrl(const std::string& text) {
  ASSIGN_OR_RETURN(const http::Url url, http::Url::Parse(text),
                   "AWS_CONTAINER_CREDENTIALS_FULL_URI");
  const bool known =
      url.host == "169.254.170.2" || url.host == "169.254.170.23" || url.host == "[fd00:ec2::23]";
  if (url.scheme == "https" || known || http::IsLoopbackHost(url.host)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("AWS_CONTAINER_CREDENTIALS_FULL_URI names ", base::Quoted(url.Origin()),
                   "; allowed are https, loopback and the addresses of ECS and EKS"));
}

}  // namespace

bool IsAwsRecord(const Record& record) {
  return !record.aws_access_key_id.empty() || !record.aws_role_arn.empty() ||
         !record.aws_profile.empty() || !record.aws_shared_config_files.empty() ||
         !record.aws_shared_credentials_files.empty() || record.aws_use_default_credentials_chain;
}

std::string AwsIdentity::ProfileName() const {
  if (!record_->aws_profile.empty()) return record_->aws_profile;
  for (const char* variable : {"AWS_PROFILE", "AWS_DEFAULT_PROFILE"}) {
    if (std::string name = service_->Variable(variable); !name.empty()) return name;
  }
  return "default";
}

absl::Status AwsIdentity::LoadProfiles() {
  if (loaded_) return absl::OkStatus();
  const auto load = [&](const std::vector<std::string>& given, const char* variable,
                        absl::string_view below, AwsProfiles::Kind kind) -> absl::Status {
    for (const std::string& path : given) {
      RETURN_IF_ERROR(profiles_.AddFile(path, kind, /*required=*/true));
    }
    if (!given.empty()) return absl::OkStatus();
    std::string path = service_->Variable(variable);
    if (path.empty() && service_->Variable("HOME").empty()) return absl::OkStatus();
    if (path.empty()) path = base::JoinPath(service_->Variable("HOME"), below);
    return profiles_.AddFile(path, kind, /*required=*/false);
  };
  RETURN_IF_ERROR(load(record_->aws_shared_config_files, "AWS_CONFIG_FILE", ".aws/config",
                       AwsProfiles::Kind::kConfig));
  RETURN_IF_ERROR(load(record_->aws_shared_credentials_files, "AWS_SHARED_CREDENTIALS_FILE",
                       ".aws/credentials", AwsProfiles::Kind::kCredentials));
  loaded_ = true;
  return absl::OkStatus();
}

absl::StatusOr<std::string> AwsIdentity::Region(const std::string& host_region) {
  region_ = record_->aws_region.empty() ? host_region : record_->aws_region;
  for (const char* variable : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    if (region_.empty()) region_ = service_->Variable(variable);
  }
  if (region_.empty()) {
    RETURN_IF_ERROR(LoadProfiles());
    const AwsProfile* profile = profiles_.Find(ProfileName());
    if (profile != nullptr) region_ = profile->Get("region");
  }
  for (const char c : region_) {
    if (!absl::ascii_isalnum(c) && c != '-') {
      return absl::InvalidArgumentError(
          absl::StrCat(base::Quoted(region_, 60), " is no AWS region; give one like `eu-west-1`"));
    }
  }
  if (!region_.empty()) return region_;
  return absl::InvalidArgumentError(absl::StrCat(
      "no AWS region is known: give the record an `aws_region`, or set AWS_REGION, or `region` of "
      "profile ",
      base::Quoted(ProfileName())));
}

absl::StatusOr<AwsKeys> AwsIdentity::Keys(const std::string& region) {
  region_ = region;
  AwsKeys keys;
  if (!record_->aws_access_key_id.empty()) {
    if (record_->aws_secret_access_key.empty()) {
      return absl::InvalidArgumentError(
          "the record has an `aws_access_key_id` but no `aws_secret_access_key`; create it again");
    }
    keys = {.access_key_id = record_->aws_access_key_id,
            .secret_access_key = record_->aws_secret_access_key,
            .origin = "keys of the record"};
  } else {
    ASSIGN_OR_RETURN(keys, Chain());
  }
  if (record_->aws_role_arn.empty()) return keys;
  return Assume({.arn = record_->aws_role_arn}, keys, "role of the record");
}

absl::StatusOr<AwsKeys> AwsIdentity::Chain() {
  const bool explicitly = !record_->aws_profile.empty();
  if (explicitly) {
    ASSIGN_OR_RETURN(std::optional<AwsKeys> keys, FromProfile(ProfileName(), true));
    if (keys.has_value()) return *std::move(keys);
    return absl::FailedPreconditionError(
        absl::StrCat("AWS profile ", base::Quoted(ProfileName()),
                     " holds no keys, role, `credential_process` or source of them; add one"));
  }
  ASSIGN_OR_RETURN(std::optional<AwsKeys> keys, FromVariables());
  if (keys.has_value()) return *std::move(keys);
  if (const std::string file = service_->Variable("AWS_WEB_IDENTITY_TOKEN_FILE"); !file.empty()) {
    ASSIGN_OR_RETURN(keys,
                     FromWebIdentity(file,
                                     {.arn = service_->Variable("AWS_ROLE_ARN"),
                                      .session_name = service_->Variable("AWS_ROLE_SESSION_NAME")},
                                     "variables AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN"));
    return *std::move(keys);
  }
  looked_.push_back("AWS_WEB_IDENTITY_TOKEN_FILE");
  const bool named = !service_->Variable("AWS_PROFILE").empty();
  ASSIGN_OR_RETURN(keys, FromProfile(ProfileName(), named));
  if (keys.has_value()) return *std::move(keys);
  looked_.push_back(absl::StrCat("profile ", base::Quoted(ProfileName()), " of the shared files"));
  ASSIGN_OR_RETURN(keys, FromContainer());
  if (keys.has_value()) return *std::move(keys);
  ASSIGN_OR_RETURN(keys, FromInstance());
  if (keys.has_value()) return *std::move(keys);
  return absl::FailedPreconditionError(
      absl::StrCat("no AWS keys were found; looked at: ", absl::StrJoin(looked_, ", "),
                   "; set one of these, or store keys in the record"));
}

AwsIdentity::MaybeKeys AwsIdentity::FromVariables() {
  const std::string id = service_->Variable("AWS_ACCESS_KEY_ID");
  const base::Secret secret(service_->Variable("AWS_SECRET_ACCESS_KEY"));
  if (id.empty() && secret.empty()) {
    looked_.push_back("AWS_ACCESS_KEY_ID");
    return std::nullopt;
  }
  if (id.empty() || secret.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "only ", id.empty() ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID",
        " of the two variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set; set both"));
  }
  return AwsKeys{.access_key_id = id,
                 .secret_access_key = secret,
                 .session_token = base::Secret(service_->Variable("AWS_SESSION_TOKEN")),
                 .origin = "variable AWS_ACCESS_KEY_ID"};
}

AwsIdentity::MaybeKeys AwsIdentity::FromWebIdentity(const std::string& file, const Role& role,
                                                    const std::string& origin) {
  if (role.arn.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("a web identity token (", file, ") is of use with a role only; ",
                     "set AWS_ROLE_ARN, or `role_arn` of the profile"));
  }
  ASSIGN_OR_RETURN(std::string token, base::ReadFile(file, kTokenFileLimitBytes),
                   "web identity token");
  std::string body;
  Add(body, "Action", "AssumeRoleWithWebIdentity");
  Add(body, "Version", "2011-06-15");
  Add(body, "RoleArn", role.arn);
  Add(body, "RoleSessionName", role.session_name.empty() ? "stevedore" : role.session_name);
  Add(body, "DurationSeconds", role.duration_seconds);
  Add(body, "WebIdentityToken", absl::StripAsciiWhitespace(token));
  ASSIGN_OR_RETURN(AwsKeys keys, CallSts("AssumeRoleWithWebIdentity", body, nullptr,
                                         absl::StrCat("role ", role.arn, " by ", origin)));
  return keys;
}

AwsIdentity::MaybeKeys AwsIdentity::FromProfile(const std::string& name, bool explicitly) {
  RETURN_IF_ERROR(LoadProfiles());
  const AwsProfile* profile = profiles_.Find(name);
  if (profile == nullptr) {
    if (!explicitly) return std::nullopt;
    const std::vector<std::string> names = profiles_.Names();
    return absl::NotFoundError(
        absl::StrCat("there is no AWS profile ", base::Quoted(name), "; ",
                     names.empty() ? "the shared files hold none"
                                   : absl::StrCat("there are ", absl::StrJoin(names, ", "))));
  }
  const bool again = !visited_.insert(name).second;
  // A profile may be its own source: its role by its keys.
  if (again) {
    ASSIGN_OR_RETURN(std::optional<AwsKeys> keys, FromStaticProfile(name, *profile));
    if (keys.has_value()) return keys;
    return absl::InvalidArgumentError(absl::StrCat(
        profile->file, ": profile ", base::Quoted(name),
        " comes back to itself by `source_profile` and holds no keys; break the circle"));
  }
  if (!profile->Get("role_arn").empty()) return FromProfileRole(name, *profile);
  ASSIGN_OR_RETURN(std::optional<AwsKeys> keys, FromStaticProfile(name, *profile));
  if (keys.has_value()) return keys;
  if (const std::string command = profile->Get("credential_process"); !command.empty()) {
    return FromProgram(command, absl::StrCat("`credential_process` of profile ", base::Quoted(name),
                                             " in ", profile->file));
  }
  if (!profile->Get("sso_session").empty() || !profile->Get("sso_start_url").empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        profile->file, ": profile ", base::Quoted(name),
        " logs in by SSO, which needs a person; add a profile with `credential_process = aws ",
        "configure export-credentials --profile ", name, "` and use that"));
  }
  return std::nullopt;
}

AwsIdentity::MaybeKeys AwsIdentity::FromStaticProfile(const std::string& name,
                                                      const AwsProfile& profile) {
  const std::string id = profile.Get("aws_access_key_id");
  const base::Secret secret(profile.Get("aws_secret_access_key"));
  if (id.empty() && secret.empty()) return std::nullopt;
  const std::string origin = absl::StrCat("profile ", base::Quoted(name), " of ", profile.file);
  if (id.empty() || secret.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(origin, ": `aws_access_key_id` and `aws_secret_access_key` belong together, ",
                     "but only one is set"));
  }
  return AwsKeys{.access_key_id = id,
                 .secret_access_key = secret,
                 .session_token = base::Secret(profile.Get("aws_session_token")),
                 .origin = origin};
}

AwsIdentity::MaybeKeys AwsIdentity::FromProfileRole(const std::string& name,
                                                    const AwsProfile& profile) {
  const std::string origin = absl::StrCat("profile ", base::Quoted(name), " of ", profile.file);
  const Role role{.arn = profile.Get("role_arn"),
                  .session_name = profile.Get("role_session_name"),
                  .external_id = profile.Get("external_id"),
                  .duration_seconds = profile.Get("duration_seconds")};
  if (!profile.Get("mfa_serial").empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(origin, ": its role asks for an MFA code, which nobody is here to type; use ",
                     "a role without `mfa_serial`"));
  }
  if (const std::string file = profile.Get("web_identity_token_file"); !file.empty()) {
    return FromWebIdentity(file, role, origin);
  }
  std::optional<AwsKeys> base;
  const std::string source = profile.Get("credential_source");
  if (const std::string other = profile.Get("source_profile"); !other.empty()) {
    ASSIGN_OR_RETURN(base, FromProfile(other, true), origin, ": `source_profile`");
  } else if (source == "Environment") {
    ASSIGN_OR_RETURN(base, FromVariables(), origin);
  } else if (source == "EcsContainer") {
    ASSIGN_OR_RETURN(base, FromContainer(), origin);
  } else if (source == "Ec2InstanceMetadata") {
    ASSIGN_OR_RETURN(base, FromInstance(), origin);
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat(origin, ": its role needs `source_profile`, `web_identity_token_file` or ",
                     "`credential_source` (Environment, EcsContainer, Ec2InstanceMetadata)"));
  }
  if (!base.has_value()) {
    return absl::FailedPreconditionError(
        absl::StrCat(origin, ": what its role is to be assumed by holds no keys"));
  }
  ASSIGN_OR_RETURN(AwsKeys keys, Assume(role, *base, origin));
  return keys;
}

AwsIdentity::MaybeKeys AwsIdentity::FromProgram(const std::string& command,
                                                const std::string& origin) {
  base::ProgramOptions options;
  ASSIGN_OR_RETURN(options.argv, SplitCommandLine(command), origin);
  options.output_limit_bytes = kProgramOutputLimitBytes;
  options.time_limit = absl::Minutes(1);
  ASSIGN_OR_RETURN(base::ProgramResult result, base::RunProgram(options), origin);
  const base::Secret out(std::move(result.out));
  if (result.exit_code != 0) {
    const absl::string_view said = absl::StripAsciiWhitespace(result.err);
    return absl::FailedPreconditionError(
        absl::StrCat(origin, ": ", options.argv[0], " ended with exit code ", result.exit_code,
                     said.empty() ? "" : ": ", said.empty() ? "" : base::Quoted(said, 300)));
  }
  ASSIGN_OR_RETURN(AwsKeys keys, ParseKeysAnswer(out.Reveal()), origin);
  keys.origin = origin;
  return keys;
}

AwsIdentity::MaybeKeys AwsIdentity::FromContainer() {
  std::string url = service_->Variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (const std::string path = service_->Variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
      !path.empty()) {
    url = absl::StrCat(kContainerHost, path);
  }
  if (url.empty()) {
    looked_.push_back("AWS_CONTAINER_CREDENTIALS_*");
    return std::nullopt;
  }
  RETURN_IF_ERROR(CheckContainerUrl(url));
  http::Headers headers;
  std::string token = service_->Variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
  if (const std::string file = service_->Variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
      !file.empty()) {
    ASSIGN_OR_RETURN(token, base::ReadFile(file, kTokenFileLimitBytes), "container token");
  }
  if (!token.empty()) headers.Set("Authorization", absl::StripAsciiWhitespace(token));
  ASSIGN_OR_RETURN(const std::string body, service_->AskMachine("GET", url, headers),
                   "AWS container credentials");
  const base::Secret wiped(body);
  ASSIGN_OR_RETURN(AwsKeys keys, ParseKeysAnswer(body), "AWS container credentials of ", url);
  keys.origin = "the container's role";
  return keys;
}

AwsIdentity::MaybeKeys AwsIdentity::FromInstance() {
  if (absl::AsciiStrToLower(service_->Variable("AWS_EC2_METADATA_DISABLED")) == "true") {
    looked_.push_back("instance metadata (switched off by AWS_EC2_METADATA_DISABLED)");
    return std::nullopt;
  }
  std::string host = service_->Variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
  if (host.empty()) host = kInstanceHost;
  while (absl::EndsWith(host, "/")) host.pop_back();
  const absl::StatusOr<std::string> token = service_->AskMachine(
      "PUT", host + "/latest/api/token", {{"X-aws-ec2-metadata-token-ttl-seconds", "300"}});
  if (!token.ok()) {
    looked_.push_back(absl::StrCat("instance metadata (", token.status().message(), ")"));
    return std::nullopt;
  }
  const http::Headers headers = {{"X-aws-ec2-metadata-token", *token}};
  const std::string list = host + "/latest/meta-data/iam/security-credentials/";
  const absl::StatusOr<std::string> role = service_->AskMachine("GET", list, headers);
  if (!role.ok()) {
    looked_.push_back(absl::StrCat("instance metadata (no role: ", role.status().message(), ")"));
    return std::nullopt;
  }
  const std::string name(absl::StripAsciiWhitespace(role->substr(0, role->find('\n'))));
  ASSIGN_OR_RETURN(
      const std::string body,
      service_->AskMachine("GET", absl::StrCat(list, http::EncodeQueryValue(name)), headers),
      "AWS instance metadata");
  const base::Secret wiped(body);
  ASSIGN_OR_RETURN(AwsKeys keys, ParseKeysAnswer(body), "AWS instance metadata at ", host);
  keys.origin = absl::StrCat("the instance's role ", base::Quoted(name));
  return keys;
}

absl::StatusOr<AwsKeys> AwsIdentity::Assume(const Role& role, const AwsKeys& keys,
                                            const std::string& origin) {
  std::string body;
  Add(body, "Action", "AssumeRole");
  Add(body, "Version", "2011-06-15");
  Add(body, "RoleArn", role.arn);
  Add(body, "RoleSessionName", role.session_name.empty() ? "stevedore" : role.session_name);
  Add(body, "DurationSeconds", role.duration_seconds);
  Add(body, "ExternalId", role.external_id);
  return CallSts("AssumeRole", body, &keys, absl::StrCat("role ", role.arn, " by ", origin));
}

absl::StatusOr<AwsKeys> AwsIdentity::CallSts(const std::string& action, const std::string& body,
                                             const AwsKeys* keys, const std::string& origin) {
  AwsCall call{.service = "sts",
               .region = region_.empty() ? "us-east-1" : region_,
               .endpoint = service_->Endpoint("sts", StsEndpoint(region_)),
               .action = action};
  call.headers.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
  call.body = body;
  call.keys = keys;
  ASSIGN_OR_RETURN(const std::string answer, service_->Call(call), origin);
  const base::Secret wiped(answer);
  ASSIGN_OR_RETURN(AwsKeys result, ParseStsAnswer(answer), origin, ": AWS sts ", action, " at ",
                   call.endpoint);
  result.origin = origin;
  return result;
}

}  // namespace stevedore::credentials
