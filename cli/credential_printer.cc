#include "cli/credential_printer.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "cli/text.h"

namespace stevedore::cli {
namespace {

using credentials::Record;
using credentials::RecordType;
using nlohmann::ordered_json;

const char* TypeName(RecordType type) {
  switch (type) {
    case RecordType::kUsernamePassword:
      return "username-password";
    case RecordType::kAwsStatic:
      return "AWS static credentials";
    case RecordType::kAwsRole:
      return "AWS role arn";
    case RecordType::kAwsDefaultChain:
      return "AWS default Credentials chain";
    case RecordType::kPrivateKeyFile:
      return "Private key file";
    case RecordType::kSshAgent:
      return "SSH agent";
    case RecordType::kUnknown:
      break;
  }
  return "unknown";
}

// The attributes that are set, secrets only if they are wanted.
ordered_json Attributes(const Record& record, Secrets secrets) {
  ordered_json object;
  const auto text = [&](const char* key, const std::string& value) {
    if (!value.empty()) object[key] = value;
  };
  const auto secret = [&](const char* key, const base::Secret& value) {
    if (secrets == Secrets::kShow && !value.empty()) object[key] = value.Reveal();
  };
  text("username", record.username);
  secret("password", record.password);
  text("aws_access_key_id", record.aws_access_key_id);
  secret("aws_secret_access_key", record.aws_secret_access_key);
  text("aws_region", record.aws_region);
  text("aws_role_arn", record.aws_role_arn);
  text("aws_profile", record.aws_profile);
  if (!record.aws_shared_credentials_files.empty()) {
    object["aws_shared_credentials_files"] = record.aws_shared_credentials_files;
  }
  if (!record.aws_shared_config_files.empty()) {
    object["aws_shared_config_files"] = record.aws_shared_config_files;
  }
  if (record.aws_use_default_credentials_chain) object["aws_use_default_credentials_chain"] = true;
  text("private_key_file", record.private_key_file);
  if (!record.private_key_password.empty()) object["private_key_protected"] = true;
  secret("private_key_password", record.private_key_password);
  text("git_ssh_user", record.git_ssh_user);
  if (record.use_ssh_agent) object["use_ssh_agent"] = true;
  return object;
}

std::string Dump(const ordered_json& value) {
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

ordered_json Object(const Record& record, Secrets secrets) {
  ordered_json object = {{"id", record.id}, {"type", TypeName(record.type())}};
  object.update(Attributes(record, secrets));
  return object;
}

// "username=u, password=p".
std::string Details(const Record& record, Secrets secrets) {
  std::vector<std::string> parts;
  const ordered_json attributes = Attributes(record, secrets);
  for (const auto& [key, value] : attributes.items()) {
    parts.push_back(absl::StrCat(
        key, "=", value.is_string() ? value.get_ref<const std::string&>() : Dump(value)));
  }
  return absl::StrJoin(parts, ", ");
}

}  // namespace

std::string CredentialTable(const std::vector<Record>& records, Secrets secrets) {
  std::vector<std::vector<std::string>> rows;
  for (const Record& record : records) {
    rows.push_back({record.id, TypeName(record.type()), Details(record, secrets)});
  }
  return FormatTable({"ID", "TYPE", "CREDENTIALS"}, rows);
}

std::string CredentialJson(const std::vector<Record>& records, Secrets secrets) {
  std::string text;
  for (const Record& record : records) absl::StrAppend(&text, Dump(Object(record, secrets)), "\n");
  return text;
}

std::string CredentialYaml(const std::vector<Record>& records, Secrets secrets) {
  std::string text;
  for (const Record& record : records) {
    const char* indent = "- ";
    const ordered_json object = Object(record, secrets);
    for (const auto& [key, value] : object.items()) {
      // A JSON value is a YAML value.
      absl::StrAppend(&text, indent, key, ": ", Dump(value), "\n");
      indent = "  ";
    }
  }
  return text.empty() ? "[]\n" : text;
}

}  // namespace stevedore::cli
