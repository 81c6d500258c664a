#include "credentials/record_store.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdlib>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace stevedore::credentials {

std::string NameOfId(absl::string_view id) {
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  // Fails only if the system's library has no MD5 or memory: nothing could be looked up then.
  if (EVP_Digest(id.data(), id.size(), hash, &size, EVP_md5(), nullptr) != 1) abort();
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(hash), size));
}

void SortEntries(std::vector<RecordEntry>& entries) {
  for (RecordEntry& entry : entries) {
    if (entry.record.ok() && entry.record->id.empty()) entry.record->id = entry.name;
  }
  const auto key = [](const RecordEntry& entry) -> const std::string& {
    return entry.record.ok() ? entry.record->id : entry.name;
  };
  std::sort(entries.begin(), entries.end(),
            [&](const RecordEntry& a, const RecordEntry& b) { return key(a) < key(b); });
}

absl::StatusOr<std::optional<Credential>> RecordCredentialStore::Find(
    absl::string_view registry, absl::string_view repository) const {
  for (const std::string& id : LookupKeys(registry, repository)) {
    ASSIGN_OR_RETURN(const std::optional<Record> record, records_->Get(id));
    if (!record.has_value()) continue;
    const std::string origin = absl::StrCat(records_->Describe(), ", id ", id);
    if (record->type() == RecordType::kUsernamePassword) {
      return Credential{record->username, record->password, origin};
    }
    if (exchange_ != nullptr) {
      ASSIGN_OR_RETURN(std::optional<Credential> traded,
                       exchange_->Exchange(*record, registry, origin), origin);
      if (traded.has_value()) return traded;
    }
    return absl::FailedPreconditionError(
        absl::StrCat(origin,
                     ": the record holds no user name with password, which is what this registry "
                     "is logged in to with; run `stevedore-cli create credentials ",
                     id, " --username NAME --force`"));
  }
  return std::nullopt;
}

absl::StatusOr<std::optional<Credential>> ChainCredentialStore::Find(
    absl::string_view registry, absl::string_view repository) const {
  for (const CredentialStore* store : stores_) {
    ASSIGN_OR_RETURN(std::optional<Credential> found, store->Find(registry, repository));
    if (found.has_value()) return found;
  }
  return std::nullopt;
}

}  // namespace stevedore::credentials
