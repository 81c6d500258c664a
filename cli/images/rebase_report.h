// What a rebase of a family did, for people and for programs.

#ifndef STEVEDORE_CLI_IMAGES_REBASE_REPORT_H_
#define STEVEDORE_CLI_IMAGES_REBASE_REPORT_H_

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "absl/time/time.h"
#include "cli/images/family_rebase.h"

namespace stevedore::cli {

// A table with a line for each image and platform: what became of it, old and new digest, what it
// inherited or why it could not be. Thread-safe, as all here.
std::string RebaseTable(const FamilyRebaseReport& report, bool dry_run);

// "3 rebased, 1 as it was, 1 could not be, 1 skipped in 0.4s; 12 layers mounted, none sent".
std::string RebaseSummary(const FamilyRebaseReport& report, bool dry_run, absl::Duration time);

// All of it.
nlohmann::ordered_json RebaseJson(const FamilyRebaseReport& report, bool dry_run,
                                  absl::Duration time);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_IMAGES_REBASE_REPORT_H_
