#include "credentials/aws_answers.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/status.h"

namespace stevedore::credentials {
namespace {

using nlohmann::json;

constexpr int kDepthLimit = 16;  // Real answers have 4.

absl::Status Bad(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("the answer ", what));
}

// Null if it is not an object.
json ReadObject(absl::string_view text) {
  bool too_deep = false;
  json document = json::parse(
      text.begin(), text.end(),
      [&](int depth, json::parse_event_t, json&) {
        too_deep = too_deep || depth > kDepthLimit;
        return !too_deep;
      },
      /*allow_exceptions=*/false);
  if (too_deep || document.is_discarded() || !document.is_object()) return nullptr;
  return document;
}

std::string Text(const json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

absl::StatusOr<absl::Time> ReadTime(const std::string& text) {
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, text, &time, &error))
    return Bad("has a date that is none");
  return time;
}

// The text of the first element `name`, or "". AWS's answers have no attributes, comments or CDATA
// where we look.
std::string XmlText(absl::string_view xml, absl::string_view name) {
  const std::string open = absl::StrCat("<", name, ">");
  const size_t start = xml.find(open);
  if (start == absl::string_view::npos) return "";
  xml.remove_prefix(start + open.size());
  const size_t end = xml.find(absl::StrCat("</", name, ">"));
  if (end == absl::string_view::npos) return "";
  return absl::StrReplaceAll(
      absl::StripAsciiWhitespace(xml.substr(0, end)),
      {{"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&apos;", "'"}, {"&amp;", "&"}});
}

// One entry of authorizationData.
absl::StatusOr<EcrToken> ReadToken(const json& entry) {
  if (!entry.is_object()) return Bad("holds a token that is no object");
  std::string decoded;
  if (!absl::Base64Unescape(Text(entry, "authorizationToken"), &decoded)) {
    return Bad("holds a token that is not base64");
  }
  const base::Secret secret(std::move(decoded));
  const size_t colon = secret.Reveal().find(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == secret.Reveal().size()) {
    return Bad("holds a token without user name or password");
  }
  EcrToken token{.username = secret.Reveal().substr(0, colon),
                 .password = base::Secret(secret.Reveal().substr(colon + 1))};
  const auto expires = entry.find("expiresAt");
  if (expires == entry.end()) return Bad("does not say how long its token is good");
  if (expires->is_number() && std::abs(expires->get<double>()) < 1e12) {
    token.expires_at = absl::FromUnixSeconds(static_cast<int64_t>(expires->get<double>()));
    return token;
  }
  if (!expires->is_string()) return Bad("has a date that is none");
  ASSIGN_OR_RETURN(token.expires_at, ReadTime(expires->get<std::string>()));
  return token;
}

absl::Status CheckKeys(const AwsKeys& keys) {
  if (keys.access_key_id.empty() || keys.secret_access_key.empty()) {
    return Bad("holds no access key");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<EcrToken> ParseEcrAnswer(absl::string_view text) {
  const json answer = ReadObject(text);
  if (!answer.is_object()) return Bad("is not a JSON object");
  const auto data = answer.find("authorizationData");
  if (data == answer.end()) return Bad("holds no `authorizationData`");
  if (!data->is_array()) return ReadToken(*data);
  absl::Status first = Bad("holds no token");
  for (size_t i = 0; i < data->size(); ++i) {
    absl::StatusOr<EcrToken> token = ReadToken((*data)[i]);
    if (token.ok()) return token;
    if (i == 0) first = token.status();
  }
  return first;
}

absl::StatusOr<AwsKeys> ParseStsAnswer(absl::string_view xml) {
  AwsKeys keys{.access_key_id = XmlText(xml, "AccessKeyId"),
               .secret_access_key = base::Secret(XmlText(xml, "SecretAccessKey")),
               .session_token = base::Secret(XmlText(xml, "SessionToken"))};
  RETURN_IF_ERROR(CheckKeys(keys));
  if (keys.session_token.empty()) return Bad("holds no session token");
  ASSIGN_OR_RETURN(keys.expires_at, ReadTime(XmlText(xml, "Expiration")));
  return keys;
}

absl::StatusOr<AwsKeys> ParseKeysAnswer(absl::string_view text) {
  const json answer = ReadObject(text);
  if (!answer.is_object()) return Bad("is not a JSON object");
  AwsKeys keys{.access_key_id = Text(answer, "AccessKeyId"),
               .secret_access_key = base::Secret(Text(answer, "SecretAccessKey")),
               .session_token = base::Secret(Text(answer, "Token"))};
  if (keys.session_token.empty()) keys.session_token = base::Secret(Text(answer, "SessionToken"));
  RETURN_IF_ERROR(CheckKeys(keys));
  if (const std::string expiration = Text(answer, "Expiration"); !expiration.empty()) {
    ASSIGN_OR_RETURN(keys.expires_at, ReadTime(expiration));
  }
  return keys;
}

AwsError ParseAwsError(absl::string_view body, absl::string_view type_header) {
  AwsError error;
  error.code = std::string(type_header);
  if (const json answer = ReadObject(body); answer.is_object()) {
    if (error.code.empty()) error.code = Text(answer, "__type");
    if (error.code.empty()) error.code = Text(answer, "code");
    if (error.code.empty()) error.code = Text(answer, "Code");
    error.message = Text(answer, "message");
    if (error.message.empty()) error.message = Text(answer, "Message");
  } else {
    if (error.code.empty()) error.code = XmlText(body, "Code");
    error.message = XmlText(body, "Message");
  }
  // "com.amazonaws.ecr#AccessDeniedException", "AccessDeniedException:http://..."
  if (const size_t hash = error.code.find('#'); hash != std::string::npos) {
    error.code.erase(0, hash + 1);
  }
  if (const size_t colon = error.code.find(':'); colon != std::string::npos) {
    error.code.resize(colon);
  }
  return error;
}

}  // namespace stevedore::credentials
