// Any bytes as a credential record: an error or a record, never a crash; what was read survives
// writing and reading again.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/string_view.h"
#include "credentials/record.h"

using stevedore::credentials::FormatRecord;
using stevedore::credentials::ParseRecord;
using stevedore::credentials::RecordFormat;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const auto record = ParseRecord(absl::string_view(reinterpret_cast<const char*>(bytes), size));
  if (!record.ok()) return 0;
  for (const RecordFormat format : {RecordFormat::kJson, RecordFormat::kYaml}) {
    const auto text = FormatRecord(*record, format);
    if (!text.ok()) continue;
    const auto again = ParseRecord(text->Reveal());
    if (!again.ok() || again->username != record->username ||
        !(again->password == record->password)) {
      abort();
    }
  }
  return 0;
}
