#include "credentials/record.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <exception>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"

namespace stevedore::credentials {
namespace {

using nlohmann::json;

constexpr size_t kSizeLimitBytes = 64 << 10;
constexpr int kDepthLimit = 4;  // Real records have 2.

// One key with its value, whatever the file's format; `text` of a boolean is "true" or "false".
struct Attribute {
  enum class Kind { kNull, kText, kList, kOther };
  std::string key;
  Kind kind = Kind::kOther;
  std::string text;
  std::vector<std::string> items;
  std::string place;  // "line 3, column 5: " or empty.
};

// The attributes of a record by name. Exactly one of the pointers is set.
struct Field {
  const char* key;
  std::string Record::*text = nullptr;
  base::Secret Record::*secret = nullptr;
  std::vector<std::string> Record::*list = nullptr;
  bool Record::*flag = nullptr;
};

// In the order in which they are written.
const std::vector<Field>& Fields() {
  static const auto& fields = *new std::vector<Field>{
      {.key = "id", .text = &Record::id},
      {.key = "aws_access_key_id", .text = &Record::aws_access_key_id},
      {.key = "aws_region", .text = &Record::aws_region},
      {.key = "aws_role_arn", .text = &Record::aws_role_arn},
      {.key = "aws_secret_access_key", .secret = &Record::aws_secret_access_key},
      {.key = "aws_profile", .text = &Record::aws_profile},
      {.key = "aws_shared_credentials_files", .list = &Record::aws_shared_credentials_files},
      {.key = "aws_shared_config_files", .list = &Record::aws_shared_config_files},
      {.key = "aws_use_default_credentials_chain",
       .flag = &Record::aws_use_default_credentials_chain},
      {.key = "password", .secret = &Record::password},
      {.key = "username", .text = &Record::username},
      {.key = "git_ssh_user", .text = &Record::git_ssh_user},
      {.key = "private_key_file", .text = &Record::private_key_file},
      {.key = "private_key_password", .secret = &Record::private_key_password},
      {.key = "use_ssh_agent", .flag = &Record::use_ssh_agent},
  };
  return fields;
}

// Where byte `offset` of `text` is, for messages.
std::string Place(absl::string_view text, size_t offset) {
  const absl::string_view before = text.substr(0, std::min(offset, text.size()));
  const size_t line_start = before.rfind('\n');
  const size_t column =
      line_start == absl::string_view::npos ? before.size() : before.size() - line_start - 1;
  return absl::StrCat("line ", 1 + std::count(before.begin(), before.end(), '\n'), ", column ",
                      std::max<size_t>(column, 1));
}

Attribute FromJson(const std::string& key, const json& value) {
  Attribute attribute;
  attribute.key = key;
  if (value.is_null()) {
    attribute.kind = Attribute::Kind::kNull;
  } else if (value.is_string()) {
    attribute.kind = Attribute::Kind::kText;
    attribute.text = value.get<std::string>();
  } else if (value.is_boolean()) {
    attribute.kind = Attribute::Kind::kText;
    attribute.text = value.get<bool>() ? "true" : "false";
  } else if (value.is_array() &&
             std::all_of(value.begin(), value.end(), [](const json& e) { return e.is_string(); })) {
    attribute.kind = Attribute::Kind::kList;
    for (const json& item : value) attribute.items.push_back(item.get<std::string>());
  }
  return attribute;
}

absl::StatusOr<std::vector<Attribute>> ReadJson(absl::string_view text) {
  bool too_deep = false;
  std::set<std::string> keys;
  std::string twice;
  json document;
  try {
    document = json::parse(text.begin(), text.end(),
                           [&](int depth, json::parse_event_t event, json& parsed) {
                             too_deep = too_deep || depth > kDepthLimit;
                             if (event == json::parse_event_t::key && depth == 1 &&
                                 !keys.insert(parsed.get<std::string>()).second) {
                               twice = parsed.get<std::string>();
                             }
                             return !too_deep;
                           });
  } catch (const json::exception& error) {
    // The library's text quotes the file; only the place is taken from it.
    const auto* parse_error = dynamic_cast<const json::parse_error*>(&error);
    return absl::InvalidArgumentError(
        absl::StrCat(Place(text, parse_error == nullptr ? 0 : parse_error->byte),
                     ": this is not valid JSON; correct it or create the credential again"));
  }
  if (too_deep || !document.is_object()) {
    return absl::InvalidArgumentError("a credential must be one flat JSON object");
  }
  if (!twice.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("key ", base::Quoted(twice), " stands twice; remove one"));
  }
  std::vector<Attribute> attributes;
  for (const auto& [key, value] : document.items()) attributes.push_back(FromJson(key, value));
  return attributes;
}

absl::StatusOr<std::vector<Attribute>> ReadYaml(absl::string_view text) {
  std::vector<Attribute> attributes;
  try {
    const YAML::Node document = YAML::Load(std::string(text));
    if (!document.IsMap()) {
      return absl::InvalidArgumentError(
          "a credential must be a map of `key: value` lines or a JSON object; if it is "
          "encrypted, configure `credentials.encryption_key`");
    }
    for (const auto& entry : document) {
      Attribute attribute;
      const YAML::Mark mark = entry.first.Mark();
      attribute.place = absl::StrCat("line ", mark.line + 1, ", column ", mark.column + 1, ": ");
      if (!entry.first.IsScalar()) {
        return absl::InvalidArgumentError(absl::StrCat(attribute.place, "a key must be a word"));
      }
      attribute.key = entry.first.Scalar();
      const YAML::Node& value = entry.second;
      if (value.IsNull()) {
        attribute.kind = Attribute::Kind::kNull;
      } else if (value.IsScalar()) {
        attribute.kind = Attribute::Kind::kText;
        attribute.text = value.Scalar();
      } else if (value.IsSequence() && std::all_of(value.begin(), value.end(),
                                                   [](const auto& e) { return e.IsScalar(); })) {
        attribute.kind = Attribute::Kind::kList;
        for (const auto& item : value) attribute.items.push_back(item.Scalar());
      }
      attributes.push_back(std::move(attribute));
    }
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(
        absl::StrCat("line ", error.mark.line + 1, ", column ", error.mark.column + 1,
                     ": this is not valid YAML; correct it or create the credential again"));
  }
  return attributes;
}

absl::Status Wrong(const Attribute& attribute, absl::string_view wanted) {
  return absl::InvalidArgumentError(
      absl::StrCat(attribute.place, base::Quoted(attribute.key), " must be ", wanted));
}

// Fills the record's field for one attribute.
absl::Status Assign(const Attribute& attribute, const Field& field, Record& record) {
  using Kind = Attribute::Kind;
  if (attribute.kind == Kind::kNull) return absl::OkStatus();
  if (field.list != nullptr) {
    if (attribute.kind != Kind::kList) return Wrong(attribute, "a list of texts");
    record.*field.list = attribute.items;
    return absl::OkStatus();
  }
  if (field.flag != nullptr) {
    const std::string text = absl::AsciiStrToLower(attribute.text);
    if (attribute.kind != Kind::kText || (text != "true" && text != "false")) {
      return Wrong(attribute, "true or false");
    }
    record.*field.flag = text == "true";
    return absl::OkStatus();
  }
  if (attribute.kind != Kind::kText) return Wrong(attribute, "a text; put quotes around it");
  if (field.secret != nullptr) {
    record.*field.secret = base::Secret(attribute.text);
  } else {
    record.*field.text = attribute.text;
  }
  return absl::OkStatus();
}

// Deprecated names count only if they hold something.
absl::Status AssignDeprecated(const Attribute& attribute, const Field& field, Record& record) {
  if (attribute.kind == Attribute::Kind::kText && attribute.text.empty()) return absl::OkStatus();
  if (attribute.kind == Attribute::Kind::kNull) return absl::OkStatus();
  RETURN_IF_ERROR(Assign(attribute, field, record));
  record.warnings.push_back(absl::StrCat(attribute.place, "`", attribute.key,
                                         "` is deprecated; rename it to `", field.key, "`"));
  return absl::OkStatus();
}

absl::StatusOr<Record> FromAttributes(const std::vector<Attribute>& attributes) {
  static const Field kUsername = {.key = "username", .text = &Record::username};
  static const Field kPassword = {.key = "password", .secret = &Record::password};
  Record record;
  std::set<std::string> seen;
  std::vector<std::pair<const Attribute*, const Field*>> deprecated;
  for (const Attribute& attribute : attributes) {
    const std::string key = absl::AsciiStrToLower(attribute.key);
    if (absl::StartsWith(key, "x-")) continue;
    if (!seen.insert(key).second) {
      return absl::InvalidArgumentError(absl::StrCat(
          attribute.place, "key ", base::Quoted(attribute.key), " stands twice; remove one"));
    }
    if (key == "docker_login_username") {
      deprecated.emplace_back(&attribute, &kUsername);
      continue;
    }
    if (key == "docker_login_password") {
      deprecated.emplace_back(&attribute, &kPassword);
      continue;
    }
    const auto field = std::find_if(Fields().begin(), Fields().end(),
                                    [&](const Field& candidate) { return key == candidate.key; });
    if (field == Fields().end()) {
      return absl::InvalidArgumentError(absl::StrCat(
          attribute.place, "unknown key ", base::Quoted(attribute.key, 40), "; there are ",
          absl::StrJoin(Fields(), ", ",
                        [](std::string* out, const Field& known) { out->append(known.key); })));
    }
    RETURN_IF_ERROR(Assign(attribute, *field, record));
  }
  for (const auto& [attribute, field] : deprecated) {
    RETURN_IF_ERROR(AssignDeprecated(*attribute, *field, record));
  }
  return record;
}

nlohmann::ordered_json ToJson(const Record& record) {
  nlohmann::ordered_json object;
  for (const Field& field : Fields()) {
    const std::string key = absl::string_view(field.key) == "id" ? "ID" : field.key;
    if (field.text != nullptr) object[key] = record.*field.text;
    if (field.secret != nullptr) object[key] = (record.*field.secret).Reveal();
    if (field.list != nullptr) object[key] = record.*field.list;
    if (field.flag != nullptr) object[key] = record.*field.flag;
  }
  object["docker_login_password"] = "";
  object["docker_login_username"] = "";
  return object;
}

std::string ToYaml(const Record& record) {
  YAML::Emitter out;
  out << YAML::BeginMap;
  const auto text = [&](const char* key, const std::string& value) {
    out << YAML::Key << key << YAML::Value << YAML::DoubleQuoted << value;
  };
  for (const Field& field : Fields()) {
    if (field.text != nullptr) text(field.key, record.*field.text);
    if (field.secret != nullptr) text(field.key, (record.*field.secret).Reveal());
    if (field.list != nullptr) {
      out << YAML::Key << field.key << YAML::Value << YAML::Flow << YAML::BeginSeq;
      for (const std::string& item : record.*field.list) out << YAML::DoubleQuoted << item;
      out << YAML::EndSeq;
    }
    if (field.flag != nullptr) {
      out << YAML::Key << field.key << YAML::Value << (record.*field.flag ? "true" : "false");
    }
  }
  text("docker_login_password", "");
  text("docker_login_username", "");
  out << YAML::EndMap;
  return absl::StrCat(out.c_str(), "\n");
}

}  // namespace

RecordType Record::type() const {
  if (!username.empty() && !password.empty()) return RecordType::kUsernamePassword;
  if (!aws_access_key_id.empty() && !aws_secret_access_key.empty()) return RecordType::kAwsStatic;
  if (!aws_role_arn.empty()) return RecordType::kAwsRole;
  if (aws_use_default_credentials_chain) return RecordType::kAwsDefaultChain;
  if (!private_key_file.empty() || !private_key.empty()) return RecordType::kPrivateKeyFile;
  if (use_ssh_agent) return RecordType::kSshAgent;
  return RecordType::kUnknown;
}

absl::StatusOr<Record> ParseRecord(absl::string_view text) {
  if (text.size() > kSizeLimitBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a credential of ", text.size(), " bytes; ", kSizeLimitBytes, " are allowed"));
  }
  const absl::string_view content = absl::StripLeadingAsciiWhitespace(text);
  if (content.empty()) {
    return absl::InvalidArgumentError("the credential is empty; delete it or create it again");
  }
  ASSIGN_OR_RETURN(const std::vector<Attribute> attributes,
                   content[0] == '{' ? ReadJson(text) : ReadYaml(text));
  return FromAttributes(attributes);
}

absl::StatusOr<base::Secret> FormatRecord(const Record& record, RecordFormat format) {
  try {
    // Also for YAML: the strict check that every value is UTF-8.
    std::string text = ToJson(record).dump(2);
    return base::Secret(format == RecordFormat::kJson ? std::move(text) : ToYaml(record));
  } catch (const json::exception&) {
    return absl::InvalidArgumentError(absl::StrCat("credential ", base::Quoted(record.id),
                                                   ": a value is not UTF-8 and cannot be stored"));
  }
}

absl::Status CheckComplete(const Record& record) {
  const auto missing = [&](absl::string_view half, absl::string_view other) {
    return absl::InvalidArgumentError(absl::StrCat("credential ", base::Quoted(record.id), " has ",
                                                   half, " but no ", other, "; give both"));
  };
  const bool other_kind = record.aws_use_default_credentials_chain ||
                          !record.private_key_file.empty() || record.use_ssh_agent;
  if (!record.username.empty() && !record.password.empty()) return absl::OkStatus();
  if (!record.aws_access_key_id.empty() && !record.aws_secret_access_key.empty()) {
    return absl::OkStatus();
  }
  if (other_kind) return absl::OkStatus();
  if (!record.username.empty()) return missing("a user name", "password");
  if (!record.password.empty()) return missing("a password", "user name");
  if (!record.aws_access_key_id.empty()) return missing("an AWS key id", "secret key");
  if (!record.aws_secret_access_key.empty()) return missing("an AWS secret key", "key id");
  return absl::InvalidArgumentError(absl::StrCat(
      "credential ", base::Quoted(record.id),
      " proves nothing; it needs a user name and password, an AWS key pair, the AWS default chain, "
      "a private key file or the SSH agent"));
}

}  // namespace stevedore::credentials
