#include "credentials/file_credential_store.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/c_handle.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/status.h"

namespace stevedore::credentials {
namespace {

constexpr uint64_t kFileLimitBytes = 1 << 20;
constexpr size_t kNameSize = 32;

using Directory = base::CHandle<DIR, closedir>;

// Other files in the folder are none of ours.
bool IsName(absl::string_view name) {
  return name.size() == kNameSize && std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f');
         });
}

// Creates `path`; ALREADY_EXISTS if it is there, also if it came in between.
absl::Status CreateAtomically(const std::string& path, const std::string& content) {
  const std::string temporary = absl::StrCat(path, ".new-", base::RandomHex(6));
  RETURN_IF_ERROR(base::WriteFileAtomically(temporary, content, 0600));
  const int result = link(temporary.c_str(), path.c_str());
  const int error = errno;
  unlink(temporary.c_str());
  if (result != 0) return base::ErrnoStatus(error, absl::StrCat("create ", path));
  return absl::OkStatus();
}

}  // namespace

std::string FileCredentialStore::Describe() const {
  return absl::StrCat("local credential store ", directory_);
}

std::string FileCredentialStore::Path(absl::string_view name) const {
  return base::JoinPath(directory_, name);
}

absl::StatusOr<std::vector<std::string>> FileCredentialStore::Names() const {
  const Directory directory(opendir(directory_.c_str()));
  if (directory == nullptr) return base::ErrnoStatus(errno, Describe());
  std::vector<std::string> names;
  while (const dirent* entry = readdir(directory.get())) {
    if (IsName(entry->d_name)) names.push_back(entry->d_name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<Record> FileCredentialStore::Parse(absl::string_view name,
                                                  absl::string_view text) const {
  if (!envelope_.has_passphrase() && KindOf(text) == EnvelopeKind::kPlain) return ParseRecord(text);
  ASSIGN_OR_RETURN(const base::Secret content, envelope_.Open(text, name));
  return ParseRecord(content.Reveal());
}

absl::StatusOr<std::optional<Record>> FileCredentialStore::Get(absl::string_view id) const {
  const std::string name = NameOfId(id);
  const auto where = [&] {
    return absl::StrCat(Describe(), ", id ", base::Quoted(id), ", file ", name);
  };
  const absl::StatusOr<std::string> text = base::ReadFile(Path(name), kFileLimitBytes);
  if (absl::IsNotFound(text.status())) return std::nullopt;
  RETURN_IF_ERROR(text.status(), where());
  ASSIGN_OR_RETURN(Record record, Parse(name, *text), where());
  if (record.id.empty()) record.id = std::string(id);
  return record;
}

absl::StatusOr<std::vector<RecordEntry>> FileCredentialStore::List() const {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, Names());
  std::vector<RecordEntry> entries;
  for (const std::string& name : names) {
    const auto read = [&]() -> absl::StatusOr<Record> {
      ASSIGN_OR_RETURN(const std::string text, base::ReadFile(Path(name), kFileLimitBytes));
      return Parse(name, text);
    };
    absl::StatusOr<Record> record = read();
    if (!record.ok()) {
      record = base::Annotate(record.status(), absl::StrCat(Describe(), ", file ", name));
    }
    entries.push_back({name, std::move(record)});
  }
  SortEntries(entries);
  return entries;
}

absl::StatusOr<EnvelopeKind> FileCredentialStore::KindForNew(absl::string_view name,
                                                             std::string* salt_from) const {
  const absl::StatusOr<std::vector<std::string>> names = Names();
  const EnvelopeKind fresh =
      envelope_.has_passphrase() ? EnvelopeKind::kScrypt : EnvelopeKind::kPlain;
  if (absl::IsNotFound(names.status())) return fresh;
  RETURN_IF_ERROR(names.status());
  bool old_encryption = false;
  for (const std::string& other : *names) {
    if (other == name) continue;  // It is replaced, whatever it is.
    const absl::StatusOr<std::string> text = base::ReadFile(Path(other), kFileLimitBytes);
    if (absl::IsNotFound(text.status())) continue;
    RETURN_IF_ERROR(text.status(), Describe());
    const EnvelopeKind kind = KindOf(*text);
    if ((kind == EnvelopeKind::kPlain) == envelope_.has_passphrase()) {
      return absl::FailedPreconditionError(absl::StrCat(
          Describe(), ": its entries are ",
          kind == EnvelopeKind::kPlain
              ? "not encrypted, but `credentials.encryption_key` is set; run `stevedore-cli "
                "migrate credentials` or remove the key"
              : "encrypted, but `credentials.encryption_key` is not set; set it"));
    }
    if (kind == EnvelopeKind::kScrypt) {
      // All entries of a store are sealed with the key that its readers have.
      RETURN_IF_ERROR(envelope_.Open(*text, other).status(), Describe(), ", file ", other);
      *salt_from = *text;
      return kind;
    }
    old_encryption = old_encryption || kind == EnvelopeKind::kGostevedore;
  }
  return old_encryption ? EnvelopeKind::kGostevedore : fresh;
}

absl::StatusOr<std::string> FileCredentialStore::Seal(const Record& record, EnvelopeKind kind,
                                                      absl::string_view name,
                                                      absl::string_view salt_from) const {
  ASSIGN_OR_RETURN(const base::Secret text, FormatRecord(record, format_));
  if (kind == EnvelopeKind::kPlain) return text.Reveal();
  return envelope_.Seal(kind, text.Reveal(), name, salt_from);
}

absl::Status FileCredentialStore::Put(const Record& record, Replace replace) {
  if (record.id.empty()) return absl::InvalidArgumentError("a credential needs an id");
  const std::string name = NameOfId(record.id);
  const std::string where = absl::StrCat(Describe(), ", id ", base::Quoted(record.id));
  RETURN_IF_ERROR(base::MakeDirectories(directory_, 0700), Describe());
  std::string salt_from;
  ASSIGN_OR_RETURN(const EnvelopeKind kind, KindForNew(name, &salt_from));
  ASSIGN_OR_RETURN(const std::string text, Seal(record, kind, name, salt_from), where);
  if (replace == Replace::kYes) {
    RETURN_IF_ERROR(base::WriteFileAtomically(Path(name), text, 0600), where);
    return absl::OkStatus();
  }
  absl::Status created = CreateAtomically(Path(name), text);
  if (!absl::IsAlreadyExists(created)) return base::Annotate(created, where);
  return absl::AlreadyExistsError(absl::StrCat(where, ": it exists already; --force replaces it"));
}

absl::Status FileCredentialStore::Delete(absl::string_view id) {
  const std::string where = absl::StrCat(Describe(), ", id ", base::Quoted(id));
  if (unlink(Path(NameOfId(id)).c_str()) != 0) {
    if (errno == ENOENT) {
      return absl::NotFoundError(absl::StrCat(
          where, ": there is no such entry; `stevedore-cli get credentials` lists them"));
    }
    return base::ErrnoStatus(errno, where);
  }
  RemoveRemains(NameOfId(id));
  return base::Annotate(base::SyncDirectory(directory_), where);
}

void FileCredentialStore::RemoveRemains(const std::string& name) const {
  const Directory directory(opendir(directory_.c_str()));
  if (directory == nullptr) return;
  while (const dirent* entry = readdir(directory.get())) {
    if (absl::StartsWith(entry->d_name, absl::StrCat(name, "."))) {
      unlink(Path(entry->d_name).c_str());
    }
  }
}

absl::StatusOr<FileCredentialStore::Migration> FileCredentialStore::Migrate(
    const base::Secret& old_key) {
  if (!old_key.empty() && !envelope_.has_passphrase()) {
    return absl::FailedPreconditionError(absl::StrCat(
        Describe(),
        ": there is an old key but no new one; set `credentials.encryption_key` to the new one"));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> names, Names());
  const Envelope old_envelope(old_key);
  std::vector<std::pair<std::string, Record>> to_write;
  std::string salt_from;
  Migration result;
  for (const std::string& name : names) {
    const std::string where = absl::StrCat(Describe(), ", file ", name);
    ASSIGN_OR_RETURN(const std::string text, base::ReadFile(Path(name), kFileLimitBytes), where);
    const EnvelopeKind kind = KindOf(text);
    if (kind == EnvelopeKind::kPlain) {
      ASSIGN_OR_RETURN(Record record, ParseRecord(text), where);
      if (!envelope_.has_passphrase() && record.warnings.empty()) {
        ++result.unchanged;
      } else {
        to_write.emplace_back(name, std::move(record));
      }
      continue;
    }
    absl::StatusOr<base::Secret> content = envelope_.Open(text, name);
    if (content.ok() && kind == EnvelopeKind::kScrypt) {
      salt_from = text;
      ++result.unchanged;
      continue;
    }
    if (!content.ok() && old_envelope.has_passphrase()) content = old_envelope.Open(text, name);
    RETURN_IF_ERROR(content.status(), where);
    ASSIGN_OR_RETURN(Record record, ParseRecord(content->Reveal()), where);
    to_write.emplace_back(name, std::move(record));
  }
  const EnvelopeKind kind =
      envelope_.has_passphrase() ? EnvelopeKind::kScrypt : EnvelopeKind::kPlain;
  for (const auto& [name, record] : to_write) {
    const std::string where = absl::StrCat(Describe(), ", file ", name);
    ASSIGN_OR_RETURN(const std::string text, Seal(record, kind, name, salt_from), where);
    RETURN_IF_ERROR(base::WriteFileAtomically(Path(name), text, 0600), where);
    if (kind == EnvelopeKind::kScrypt) salt_from = text;
    ++result.rewritten;
  }
  return result;
}

}  // namespace stevedore::credentials
