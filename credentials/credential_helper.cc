#include "credentials/credential_helper.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/program.h"
#include "base/status.h"

namespace stevedore::credentials {
namespace {

using nlohmann::json;

constexpr uint64_t kOutputLimitBytes = 256 << 10;
constexpr int kDepthLimit = 8;  // Real answers have 1.
constexpr absl::Duration kKeepFound = absl::Minutes(5);
constexpr absl::Duration kKeepOthers = absl::Seconds(10);
constexpr char kTokenUser[] = "<token>";
// What the helpers' common library prints, on standard output.
constexpr char kNotFound[] = "credentials not found in native keychain";

// What a program said, wiped when it goes.
struct Said {
  int exit_code = 0;
  base::Secret out;
  std::string err;
};

absl::Status CheckName(absl::string_view helper) {
  const bool good = std::all_of(helper.begin(), helper.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.';
  });
  if (good && !helper.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      base::Quoted(helper), " is no credential helper; give the NAME of docker-credential-NAME"));
}

absl::StatusOr<Said> Run(const std::string& helper, const char* verb, const base::Secret& input,
                         absl::Duration time_limit) {
  RETURN_IF_ERROR(CheckName(helper));
  const std::string program = absl::StrCat("docker-credential-", helper);
  base::ProgramOptions options;
  options.argv = {program, verb};
  options.input = input.Reveal();
  options.output_limit_bytes = kOutputLimitBytes;
  options.time_limit = time_limit;
  absl::StatusOr<base::ProgramResult> result = base::RunProgram(options);
  const base::Secret wiped(std::move(options.input));
  if (absl::IsNotFound(result.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat(program, " is not in PATH; install it, or take it out of the file"));
  }
  RETURN_IF_ERROR(result.status());
  return Said{result->exit_code, base::Secret(std::move(result->out)), std::move(result->err)};
}

bool SaysNotFound(const Said& said) {
  return said.exit_code != 0 && (absl::StrContains(said.out.Reveal(), kNotFound) ||
                                 absl::StrContains(said.err, kNotFound));
}

// The error for a program that failed. Helpers explain on either stream, but what looks like an
// answer is never shown.
absl::Status Failure(const std::string& helper, const char* verb, const Said& said) {
  absl::string_view text = absl::StripAsciiWhitespace(said.err);
  if (text.empty() && !absl::StrContains(said.out.Reveal(), "Secret")) {
    text = absl::StripAsciiWhitespace(said.out.Reveal());
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "docker-credential-", helper, " ", verb, " failed with exit code ", said.exit_code,
      text.empty() ? "" : ": ", text.empty() ? "" : base::Quoted(text, 300),
      "; try `docker-credential-", helper, " ", verb, "` by hand"));
}

}  // namespace

absl::StatusOr<Credential> ParseHelperAnswer(absl::string_view text) {
  bool too_deep = false;
  const json answer = json::parse(
      text.begin(), text.end(),
      [&](int depth, json::parse_event_t, json&) {
        too_deep = too_deep || depth > kDepthLimit;
        return !too_deep;
      },
      /*allow_exceptions=*/false);
  if (too_deep || answer.is_discarded() || !answer.is_object()) {
    return absl::InvalidArgumentError("its answer is not a JSON object");
  }
  const auto member = [&](const char* name) {
    const auto it = answer.find(name);
    return it != answer.end() && it->is_string() ? it->get<std::string>() : "";
  };
  Credential credential;
  credential.username = member("Username");
  base::Secret secret(member("Secret"));
  if (credential.username.empty() || secret.empty()) {
    return absl::InvalidArgumentError("its answer has no `Username` or no `Secret`");
  }
  if (credential.username == kTokenUser) {
    credential.username.clear();
    credential.identity_token = std::move(secret);
  } else {
    credential.password = std::move(secret);
  }
  return credential;
}

absl::StatusOr<std::optional<Credential>> CredentialHelpers::Ask(const std::string& helper,
                                                                 const std::string& server) const {
  ASSIGN_OR_RETURN(const Said said, Run(helper, "get", base::Secret(server), time_limit_));
  if (SaysNotFound(said)) return std::nullopt;
  if (said.exit_code != 0) return Failure(helper, "get", said);
  ASSIGN_OR_RETURN(Credential credential, ParseHelperAnswer(said.out.Reveal()),
                   "docker-credential-", helper, " get");
  credential.origin = absl::StrCat("docker-credential-", helper);
  return credential;
}

absl::StatusOr<std::optional<Credential>> CredentialHelpers::Get(const std::string& helper,
                                                                 const std::string& server) const {
  const Key key(helper, server);
  {
    base::MutexLock lock(&mu_);
    while (true) {
      Entry& entry = entries_[key];
      if (entry.known && clock_->SinceBoot() < entry.expires_at) return entry.answer;
      if (!entry.running) {
        entry.running = true;
        break;
      }
      changed_.Wait(&mu_);
    }
  }
  absl::StatusOr<std::optional<Credential>> answer = Ask(helper, server);
  if (!answer.ok()) answer = base::Annotate(answer.status(), absl::StrCat("login for ", server));
  base::MutexLock lock(&mu_);
  Entry& entry = entries_[key];
  entry.running = false;
  entry.known = true;
  entry.answer = answer;
  entry.expires_at =
      clock_->SinceBoot() + (answer.ok() && answer->has_value() ? kKeepFound : kKeepOthers);
  changed_.SignalAll();
  return answer;
}

void CredentialHelpers::Forget(const std::string& helper, const std::string& server) const {
  base::MutexLock lock(&mu_);
  if (const auto it = entries_.find(Key(helper, server)); it != entries_.end()) {
    it->second.known = false;
  }
}

absl::Status CredentialHelpers::Store(const std::string& helper, const std::string& server,
                                      const Credential& credential) const {
  const bool token = !credential.identity_token.empty();
  const json content = {
      {"ServerURL", server},
      {"Username", token ? kTokenUser : credential.username},
      {"Secret", token ? credential.identity_token.Reveal() : credential.password.Reveal()}};
  base::Secret input;
  try {
    input = base::Secret(content.dump());
  } catch (const json::exception&) {
    return absl::InvalidArgumentError(absl::StrCat(
        "login for ", server, ": user name or password is not UTF-8; docker-credential-", helper,
        " cannot be given it"));
  }
  ASSIGN_OR_RETURN(const Said said, Run(helper, "store", input, time_limit_), "login for ", server);
  Forget(helper, server);
  if (said.exit_code == 0) return absl::OkStatus();
  return base::Annotate(Failure(helper, "store", said), absl::StrCat("login for ", server));
}

absl::Status CredentialHelpers::Erase(const std::string& helper, const std::string& server) const {
  ASSIGN_OR_RETURN(const Said said, Run(helper, "erase", base::Secret(server), time_limit_),
                   "login for ", server);
  Forget(helper, server);
  if (said.exit_code == 0 || SaysNotFound(said)) return absl::OkStatus();
  return base::Annotate(Failure(helper, "erase", said), absl::StrCat("login for ", server));
}

}  // namespace stevedore::credentials
