#include "credentials/environment_credential_store.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace stevedore::credentials {
namespace {

constexpr absl::string_view kPrefix = "STEVEDORE_ENVVARS_CREDENTIALS_";

}  // namespace

std::string EnvironmentCredentialStore::VariableName(absl::string_view id) {
  return absl::StrCat(kPrefix, absl::AsciiStrToUpper(NameOfId(id)));
}

absl::StatusOr<std::pair<std::string, std::string>> EnvironmentCredentialStore::Export(
    const Record& record, RecordFormat format) const {
  ASSIGN_OR_RETURN(const base::Secret text, FormatRecord(record, format));
  ASSIGN_OR_RETURN(std::string value,
                   envelope_.Seal(EnvelopeKind::kGostevedore, text.Reveal(), NameOfId(record.id)));
  return std::make_pair(VariableName(record.id), std::move(value));
}

absl::StatusOr<Record> EnvironmentCredentialStore::Read(const std::string& variable,
                                                        const std::string& value) const {
  const std::string name = absl::AsciiStrToLower(variable.substr(kPrefix.size()));
  ASSIGN_OR_RETURN(const base::Secret text, envelope_.Open(value, name));
  return ParseRecord(text.Reveal());
}

absl::StatusOr<std::optional<Record>> EnvironmentCredentialStore::Get(absl::string_view id) const {
  const std::string variable = VariableName(id);
  const auto it = environment_.find(variable);
  if (it == environment_.end() || it->second.empty()) return std::nullopt;
  ASSIGN_OR_RETURN(Record record, Read(variable, it->second), Describe(), ", id ", base::Quoted(id),
                   ", variable ", variable);
  if (record.id.empty()) record.id = std::string(id);
  return record;
}

absl::StatusOr<std::vector<RecordEntry>> EnvironmentCredentialStore::List() const {
  std::vector<RecordEntry> entries;
  for (const auto& [variable, value] : environment_) {
    if (!absl::StartsWith(variable, kPrefix) || value.empty()) continue;
    absl::StatusOr<Record> record = Read(variable, value);
    if (!record.ok()) {
      record = base::Annotate(record.status(), absl::StrCat(Describe(), ", variable ", variable));
    }
    entries.push_back({absl::AsciiStrToLower(variable.substr(kPrefix.size())), std::move(record)});
  }
  SortEntries(entries);
  return entries;
}

}  // namespace stevedore::credentials
