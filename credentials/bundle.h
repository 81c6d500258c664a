// The credentials of one build, together.

#ifndef STEVEDORE_CREDENTIALS_BUNDLE_H_
#define STEVEDORE_CREDENTIALS_BUNDLE_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/secret.h"
#include "credentials/credential.h"
#include "credentials/record.h"
#include "credentials/record_store.h"

namespace stevedore::credentials {

// A credential and what it may be used for.
struct BundledCredential {
  // "host/namespace/repository", as LookupKeys gives them: no other repository is asked with it.
  std::vector<std::string> repositories;
  Credential credential;
};

// What is sealed with a build: logins for repositories, and records that definitions name by their
// id (git). A value.
struct CredentialBundle {
  std::vector<BundledCredential> registries;
  std::vector<Record> records;
};

// JSON text. INVALID_ARGUMENT, naming the entry, if a value is not UTF-8. Thread-safe.
absl::StatusOr<base::Secret> FormatBundle(const CredentialBundle& bundle);

// Reads what FormatBundle wrote; origins become "sealed with the build". INVALID_ARGUMENT for
// anything else; no message quotes a value. Thread-safe.
absl::StatusOr<CredentialBundle> ParseBundle(const base::Secret& text);

// Records given by the program. Thread-safe, as nothing changes after construction.
class MemoryRecordStore final : public RecordStore {
 public:
  // `name` is for messages: "credentials sealed with the build".
  MemoryRecordStore(std::string name, std::vector<Record> records)
      : name_(std::move(name)), records_(std::move(records)) {}

  absl::StatusOr<std::optional<Record>> Get(absl::string_view id) const override;
  absl::StatusOr<std::vector<RecordEntry>> List() const override;
  std::string Describe() const override { return name_; }

 private:
  const std::string name_;
  const std::vector<Record> records_;
};

// Asks several stores in turn; the first that has a record or fails decides. Thread-safe.
class ChainRecordStore final : public RecordStore {
 public:
  // All must outlive this; at least one.
  explicit ChainRecordStore(std::vector<const RecordStore*> stores) : stores_(std::move(stores)) {}

  absl::StatusOr<std::optional<Record>> Get(absl::string_view id) const override;
  // Of the stores in turn; an id that several have is listed several times.
  absl::StatusOr<std::vector<RecordEntry>> List() const override;
  std::string Describe() const override;

 private:
  const std::vector<const RecordStore*> stores_;
};

}  // namespace stevedore::credentials

#endif  // STEVEDORE_CREDENTIALS_BUNDLE_H_
