// Any bytes as a sync file, in both shapes: errors, or jobs that make sense; never a crash.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/string_view.h"
#include "cli/images/sync_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(bytes), size);
  const auto settings = stevedore::cli::ParseSyncFile(
      "fuzz.yaml", text,
      {.destination = "docker://mirror.example.com/all", .scoped = size % 2 == 0});
  if (!settings.ok()) return 0;
  for (const stevedore::transfer::SyncJob& job : settings->jobs) {
    if (job.name.empty() || job.source.ToString().empty()) abort();
    (void)stevedore::transfer::SelectTags(job.tags, {"1.2.3", "latest", "1.3-alpine"});
  }
  return 0;
}
