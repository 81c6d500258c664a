// What `sync` shows.

#ifndef STEVEDORE_CLI_IMAGES_SYNC_PRINTER_H_
#define STEVEDORE_CLI_IMAGES_SYNC_PRINTER_H_

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "transfer/sync.h"

namespace stevedore::cli {

// One line, with its line feed, for a tag that is done; empty if there is nothing to tell (it was
// there already). Thread-safe.
std::string DescribeTag(const transfer::SyncJobResult& job, const transfer::SyncTagResult& tag,
                        bool dry_run);

// A line per job with counts. Thread-safe.
std::string SyncTable(const transfer::SyncReport& report, bool dry_run);

// Everything. Thread-safe.
nlohmann::ordered_json SyncJson(const transfer::SyncReport& report, bool dry_run);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_IMAGES_SYNC_PRINTER_H_
