#include "transfer/registry_error.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "nlohmann/json.hpp"
#include "oci/image/canonical_json.h"

namespace stevedore::transfer {
namespace {

// What the registry says about itself: the first of its errors, or the start of its text.
struct Complaint {
  std::string code, text;
};

Complaint ReadComplaint(absl::string_view body) {
  const auto parsed = oci::ParseJson(body);
  const nlohmann::json json = parsed.ok() ? *parsed : nlohmann::json();
  if (json.is_object() && json.contains("errors") && json["errors"].is_array() &&
      !json["errors"].empty() && json["errors"][0].is_object()) {
    const nlohmann::json& first = json["errors"][0];
    const auto text = [&](const char* name) {
      return first.contains(name) && first[name].is_string() ? first[name].get<std::string>() : "";
    };
    return {text("code"), text("message")};
  }
  if (json.is_object() && json.contains("details") && json["details"].is_string()) {
    return {"", json["details"].get<std::string>()};
  }
  return {"", std::string(absl::StripAsciiWhitespace(body))};
}

// What to run: both write the same file.
std::string LoginCommands(const std::string& registry) {
  return absl::StrCat("stevedore-cli login ", registry, " (or docker login ", registry, ")");
}

std::string Remedy401(const ErrorContext& context) {
  if (!context.credential.has_value()) {
    return absl::StrCat("no password for ", context.registry, " is known; run ",
                        LoginCommands(context.registry));
  }
  if (!context.credential->identity_token.empty() || !context.credential->registry_token.empty()) {
    return absl::StrCat("the token for ", context.registry, " (from ", context.credential->origin,
                        ") has expired or was withdrawn; run ", LoginCommands(context.registry));
  }
  return absl::StrCat("wrong password for user ", base::Quoted(context.credential->username),
                      " of ", context.registry, " (from ", context.credential->origin, "); run ",
                      LoginCommands(context.registry));
}

absl::Status Refused(const ErrorContext& context, const std::string& cause) {
  const std::string who =
      context.credential.has_value()
          ? (context.credential->username.empty()
                 ? "the owner of the token"
                 : absl::StrCat("user ", base::Quoted(context.credential->username)))
          : "an anonymous user";
  return absl::PermissionDeniedError(absl::StrCat(
      cause, "; ", context.registry, " does not let ", who, " ",
      context.access.empty() ? "do this" : context.access,
      "; ask its owner, or log in as somebody else with ", LoginCommands(context.registry)));
}

}  // namespace

absl::Status StatusFromAnswer(const ErrorContext& context, int http_status,
                              absl::string_view body) {
  const Complaint complaint = ReadComplaint(body);
  std::string cause = absl::StrCat(context.doing, ": HTTP ", http_status);
  if (!complaint.code.empty()) absl::StrAppend(&cause, " ", base::Quoted(complaint.code, 40));
  if (!complaint.text.empty()) absl::StrAppend(&cause, " ", base::Quoted(complaint.text, 200));
  if (complaint.code == "DIGEST_INVALID") {
    return absl::DataLossError(absl::StrCat(cause, "; what arrived is not what was announced"));
  }
  if (http_status == 401 && !(context.identity_accepted && context.credential.has_value())) {
    return absl::UnauthenticatedError(absl::StrCat(cause, "; ", Remedy401(context)));
  }
  if (http_status == 401 || http_status == 403) return Refused(context, cause);
  if (http_status == 404) return absl::NotFoundError(cause);
  if (http_status == 405) return absl::UnimplementedError(cause);
  if (http_status == 413 || http_status == 507) return absl::ResourceExhaustedError(cause);
  if (http_status == 408 || http_status == 429 || http_status >= 500) {
    return absl::UnavailableError(cause);
  }
  if (http_status >= 400) {
    if (absl::StrContains(complaint.text, "HTTP request to an HTTPS server")) {
      return absl::PermissionDeniedError(
          absl::StrCat(cause, "; this registry speaks TLS only: name its certificate authority"));
    }
    return absl::InvalidArgumentError(cause);
  }
  return absl::InternalError(absl::StrCat(cause, "; this answer is not one the protocol knows"));
}

bool IsPassing(int http_status) {
  switch (http_status) {
    case 408:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
      return true;
    default:
      return false;
  }
}

std::optional<absl::Duration> RetryAfter(const http::Headers& headers, absl::Time now) {
  const std::optional<std::string> text = headers.Find("Retry-After");
  if (!text.has_value()) return std::nullopt;
  int64_t seconds = 0;
  if (absl::SimpleAtoi(*text, &seconds)) {
    return seconds < 0 ? std::nullopt : std::optional(absl::Seconds(seconds));
  }
  absl::Time date;
  std::string error;
  if (!absl::ParseTime("%a, %d %b %Y %H:%M:%S GMT", *text, &date, &error)) return std::nullopt;
  return std::max(date - now, absl::ZeroDuration());
}

std::string BasicAuthorization(const credentials::Credential& credential) {
  return absl::StrCat("Basic ", absl::Base64Escape(absl::StrCat(credential.username, ":",
                                                                credential.password.Reveal())));
}

}  // namespace stevedore::transfer
