// Credentials in a folder, as gostevedore's store `local` keeps them.

#ifndef STEVEDORE_CREDENTIALS_FILE_CREDENTIAL_STORE_H_
#define STEVEDORE_CREDENTIALS_FILE_CREDENTIAL_STORE_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "credentials/envelope.h"
#include "credentials/record_store.h"

namespace stevedore::credentials {

// One file per record, named by the MD5 of its id, mode 0600, encrypted if there is a key. A store
// that gostevedore made keeps its format, so that gostevedore still reads it, until Migrate; a new
// one is encrypted with a scrypt key. Thread-safe; several processes may use one folder.
class FileCredentialStore final : public RecordStore {
 public:
  // Whether Put may replace an entry.
  enum class Replace { kNo, kYes };

  // What Migrate did.
  struct Migration {
    int rewritten = 0;
    int unchanged = 0;
  };

  // An empty `key` means that the store is not encrypted.
  FileCredentialStore(std::string directory, base::Secret key, RecordFormat format)
      : directory_(std::move(directory)), envelope_(std::move(key)), format_(format) {}

  // Stores `record` under its id; the folder is made, for its owner only. A reader sees the old
  // entry or the new one, and so does a crash. ALREADY_EXISTS without kYes; FAILED_PRECONDITION if
  // the store's other entries are encrypted and there is no key, or the other way round.
  absl::Status Put(const Record& record, Replace replace);

  // Deletes the entry, and what writers of it that were killed have left. NOT_FOUND if there is no
  // entry.
  absl::Status Delete(absl::string_view id);

  // Rewrites what is not in today's format: plain entries if there is a key, gostevedore's
  // encryption, and entries that only `old_key` opens. Each file changes atomically, and a second
  // run continues what was cut off. Nothing is changed if one of the entries cannot be read.
  absl::StatusOr<Migration> Migrate(const base::Secret& old_key);

  absl::StatusOr<std::optional<Record>> Get(absl::string_view id) const override;
  // NOT_FOUND if there is no folder.
  absl::StatusOr<std::vector<RecordEntry>> List() const override;
  std::string Describe() const override;

 private:
  absl::StatusOr<std::vector<std::string>> Names() const;
  void RemoveRemains(const std::string& name) const;
  absl::StatusOr<Record> Parse(absl::string_view name, absl::string_view text) const;
  // What a new entry looks like, so that it fits to those that are there; `salt_from` becomes one
  // of them.
  absl::StatusOr<EnvelopeKind> KindForNew(absl::string_view name, std::string* salt_from) const;
  absl::StatusOr<std::string> Seal(const Record& record, EnvelopeKind kind, absl::string_view name,
                                   absl::string_view salt_from) const;
  std::string Path(absl::string_view name) const;

  const std::string directory_;
  const Envelope envelope_;
  const RecordFormat format_;
};

}  // namespace stevedore::credentials

#endif  // STEVEDORE_CREDENTIALS_FILE_CREDENTIAL_STORE_H_
