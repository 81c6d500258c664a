// Where credential records are kept by id.

#ifndef STEVEDORE_CREDENTIALS_RECORD_STORE_H_
#define STEVEDORE_CREDENTIALS_RECORD_STORE_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "credentials/credential_store.h"
#include "credentials/record.h"

namespace stevedore::credentials {

// MD5 of `id` as 32 lower-case hex digits: what gostevedore files an entry under. It hides
// nothing. Thread-safe.
std::string NameOfId(absl::string_view id);

// One entry of a listing: what it is filed under, and the record or why it cannot be read.
struct RecordEntry {
  std::string name;
  absl::StatusOr<Record> record;
};

// Finds records by id. Thread-safe.
class RecordStore {
 public:
  virtual ~RecordStore() = default;

  // The record, or nullopt if there is no entry for `id`. Any other failure is an error that names
  // the store and the id: an entry that cannot be read is never taken for none.
  virtual absl::StatusOr<std::optional<Record>> Get(absl::string_view id) const = 0;

  // All entries, sorted by id (by name where the record cannot be read or has no id; the name then
  // stands in `id`).
  virtual absl::StatusOr<std::vector<RecordEntry>> List() const = 0;

  // "local store credentials", for messages.
  virtual std::string Describe() const = 0;
};

// Gives records without an id their entry's name, and sorts as List says. Thread-safe.
void SortEntries(std::vector<RecordEntry>& entries);

// Trades records that are no user name with password for one. Thread-safe.
class RecordExchange {
 public:
  virtual ~RecordExchange() = default;

  // What logs in to `registry` by `record`; nullopt if records of this kind are not known here.
  // Errors say whom it asked and what to do; `origin` is the record's, for messages.
  virtual absl::StatusOr<std::optional<Credential>> Exchange(const Record& record,
                                                             absl::string_view registry,
                                                             absl::string_view origin) const = 0;
};

// Credentials for registries out of a record store: the id is the registry as definitions write it,
// or registry/namespace. A record that is neither a user name and password nor something that can
// be exchanged for them is an error. Thread-safe.
class RecordCredentialStore final : public CredentialStore {
 public:
  // `records` must outlive this, and so must `exchange` if there is one.
  explicit RecordCredentialStore(const RecordStore* records,
                                 const RecordExchange* exchange = nullptr)
      : records_(records), exchange_(exchange) {}

  absl::StatusOr<std::optional<Credential>> Find(absl::string_view registry,
                                                 absl::string_view repository) const override;

 private:
  const RecordStore* const records_;
  const RecordExchange* const exchange_;
};

// Asks several stores in turn; the first that has a credential or fails decides. Thread-safe.
class ChainCredentialStore final : public CredentialStore {
 public:
  // All must outlive this.
  explicit ChainCredentialStore(std::vector<const CredentialStore*> stores)
      : stores_(std::move(stores)) {}

  absl::StatusOr<std::optional<Credential>> Find(absl::string_view registry,
                                                 absl::string_view repository) const override;

 private:
  const std::vector<const CredentialStore*> stores_;
};

}  // namespace stevedore::credentials

#endif  // STEVEDORE_CREDENTIALS_RECORD_STORE_H_
