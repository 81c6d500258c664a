#include "credentials/bundle.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"

namespace stevedore::credentials {
namespace {

using nlohmann::json;

constexpr int kVersion = 1;
constexpr int kDepthLimit = 8;  // Ours has 5.
constexpr char kOrigin[] = "sealed with the build";

absl::Status Damaged(absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("sealed credentials: ", what, "; client and worker may differ in version"));
}

// JSON text must be UTF-8; other passwords cannot be sent.
absl::StatusOr<base::Secret> Dump(const json& document) {
  try {
    return base::Secret(document.dump());
  } catch (const json::exception&) {
    return absl::InvalidArgumentError(
        "a user name, password or key that is to be sealed is not UTF-8 text");
  }
}

absl::StatusOr<json> RecordToJson(const Record& record) {
  ASSIGN_OR_RETURN(const base::Secret text, FormatRecord(record, RecordFormat::kJson), "id ",
                   base::Quoted(record.id));
  json object = {{"record", json::parse(text.Reveal())}};
  if (!record.private_key.empty()) object["private_key"] = record.private_key.Reveal();
  return object;
}

absl::StatusOr<std::string> Text(const json& object, const char* name) {
  const auto it = object.find(name);
  if (it == object.end() || !it->is_string()) {
    return Damaged(absl::StrCat("`", name, "` is not a text"));
  }
  return it->get<std::string>();
}

absl::StatusOr<BundledCredential> ReadRegistry(const json& object) {
  if (!object.is_object()) return Damaged("a registry is not an object");
  BundledCredential entry;
  const auto repositories = object.find("repositories");
  if (repositories == object.end() || !repositories->is_array()) {
    return Damaged("`repositories` is not a list");
  }
  for (const json& repository : *repositories) {
    if (!repository.is_string()) return Damaged("a repository is not a text");
    entry.repositories.push_back(repository.get<std::string>());
  }
  ASSIGN_OR_RETURN(entry.credential.username, Text(object, "username"));
  ASSIGN_OR_RETURN(std::string password, Text(object, "password"));
  entry.credential.password = base::Secret(std::move(password));
  ASSIGN_OR_RETURN(std::string identity_token, Text(object, "identity_token"));
  entry.credential.identity_token = base::Secret(std::move(identity_token));
  ASSIGN_OR_RETURN(std::string registry_token, Text(object, "registry_token"));
  entry.credential.registry_token = base::Secret(std::move(registry_token));
  entry.credential.origin = kOrigin;
  return entry;
}

absl::StatusOr<Record> ReadRecord(const json& object) {
  if (!object.is_object() || !object.contains("record") || !object["record"].is_object()) {
    return Damaged("a record is not an object");
  }
  ASSIGN_OR_RETURN(const base::Secret text, Dump(object["record"]));
  ASSIGN_OR_RETURN(Record record, ParseRecord(text.Reveal()), "sealed credentials");
  if (object.contains("private_key")) {
    ASSIGN_OR_RETURN(std::string key, Text(object, "private_key"));
    record.private_key = base::Secret(std::move(key));
  }
  return record;
}

absl::StatusOr<json> ParseJson(const base::Secret& text) {
  bool too_deep = false;
  json document = json::parse(
      text.Reveal(),
      [&](int depth, json::parse_event_t, json&) {
        too_deep = too_deep || depth > kDepthLimit;
        return !too_deep;
      },
      /*allow_exceptions=*/false);
  if (too_deep || document.is_discarded() || !document.is_object()) {
    return Damaged("the content is not a JSON object");
  }
  return document;
}

}  // namespace

absl::StatusOr<base::Secret> FormatBundle(const CredentialBundle& bundle) {
  json registries = json::array();
  for (const BundledCredential& entry : bundle.registries) {
    registries.push_back({{"repositories", entry.repositories},
                          {"username", entry.credential.username},
                          {"password", entry.credential.password.Reveal()},
                          {"identity_token", entry.credential.identity_token.Reveal()},
                          {"registry_token", entry.credential.registry_token.Reveal()}});
  }
  json records = json::array();
  for (const Record& record : bundle.records) {
    ASSIGN_OR_RETURN(json object, RecordToJson(record));
    records.push_back(std::move(object));
  }
  return Dump({{"version", kVersion},
               {"registries", std::move(registries)},
               {"records", std::move(records)}});
}

absl::StatusOr<CredentialBundle> ParseBundle(const base::Secret& text) {
  ASSIGN_OR_RETURN(const json document, ParseJson(text));
  const auto version = document.find("version");
  if (version == document.end() || *version != kVersion) {
    return Damaged("they are of another version");
  }
  CredentialBundle bundle;
  for (const char* list : {"registries", "records"}) {
    const auto it = document.find(list);
    if (it == document.end() || !it->is_array()) {
      return Damaged(absl::StrCat("`", list, "` is not a list"));
    }
  }
  for (const json& object : document["registries"]) {
    ASSIGN_OR_RETURN(BundledCredential entry, ReadRegistry(object));
    bundle.registries.push_back(std::move(entry));
  }
  for (const json& object : document["records"]) {
    ASSIGN_OR_RETURN(Record record, ReadRecord(object));
    bundle.records.push_back(std::move(record));
  }
  return bundle;
}

absl::StatusOr<std::optional<Record>> MemoryRecordStore::Get(absl::string_view id) const {
  for (const Record& record : records_) {
    if (record.id == id) return record;
  }
  return std::nullopt;
}

absl::StatusOr<std::vector<RecordEntry>> MemoryRecordStore::List() const {
  std::vector<RecordEntry> entries;
  for (const Record& record : records_) entries.push_back({record.id, record});
  SortEntries(entries);
  return entries;
}

absl::StatusOr<std::optional<Record>> ChainRecordStore::Get(absl::string_view id) const {
  for (const RecordStore* store : stores_) {
    ASSIGN_OR_RETURN(std::optional<Record> found, store->Get(id));
    if (found.has_value()) return found;
  }
  return std::nullopt;
}

absl::StatusOr<std::vector<RecordEntry>> ChainRecordStore::List() const {
  std::vector<RecordEntry> entries;
  for (const RecordStore* store : stores_) {
    ASSIGN_OR_RETURN(std::vector<RecordEntry> more, store->List());
    for (RecordEntry& entry : more) entries.push_back(std::move(entry));
  }
  SortEntries(entries);
  return entries;
}

std::string ChainRecordStore::Describe() const {
  return absl::StrJoin(stores_, " and ", [](std::string* out, const RecordStore* store) {
    absl::StrAppend(out, store->Describe());
  });
}

}  // namespace stevedore::credentials
