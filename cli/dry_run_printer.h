// All that a build would work with, without secrets: what --dry-run shows.

#ifndef STEVEDORE_CLI_DRY_RUN_PRINTER_H_
#define STEVEDORE_CLI_DRY_RUN_PRINTER_H_

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "cli/external_parents.h"
#include "cli/plan_printer.h"
#include "credentials/login_chain.h"

namespace stevedore::cli {

// Says under which id the credential for an image reference is stored; empty: there is none, and
// one asks anonymously. Errors: a store that cannot be read.
using CredentialIdOf = std::function<absl::StatusOr<std::string>(const std::string& reference)>;

// What `logins` would use: the id of a stored record, else the file in which Docker keeps it. The
// result uses `logins`. A record is only looked at, never traded for a token.
CredentialIdOf CredentialIdsOf(const credentials::LoginChain* logins);

// Of every image: definition, builder, driver, options, contexts, arguments, labels, tags,
// platforms, parents, credentials, and what the plan says; then the plan's times. `pushes`: results
// go to their registries. Errors: those of `credential_id`.
absl::StatusOr<nlohmann::ordered_json> DryRunJson(const SelectionWithParents& selected,
                                                  const v1::PlanBuildResponse& plan,
                                                  const PlanSurroundings& surroundings, bool pushes,
                                                  const CredentialIdOf& credential_id);

// The same for people: a block for each image, then the plan as a table.
std::string DryRunText(const nlohmann::ordered_json& dry_run, const v1::PlanBuildResponse& plan,
                       const PlanSurroundings& surroundings);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_DRY_RUN_PRINTER_H_
