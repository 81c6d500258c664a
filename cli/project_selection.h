// From the flags of build, submit and plan to the images that they are about.

#ifndef STEVEDORE_CLI_PROJECT_SELECTION_H_
#define STEVEDORE_CLI_PROJECT_SELECTION_H_

#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/build_flags.h"
#include "cli/command.h"
#include "cli/external_parents.h"
#include "cli/plan_printer.h"
#include "graph/catalog.h"

namespace stevedore::cli {

// What `flags` select of `catalog`, with its parents. Warnings, notes and, with --changed-since,
// why which image was selected (or that nothing was) are printed to standard error. Errors as
// ReadSelectionRequest, ChangedSince::Find and SelectWithParents.
absl::StatusOr<SelectionWithParents> SelectByFlags(CommandContext& context, const BuildFlags& flags,
                                                   const graph::Catalog& catalog,
                                                   ParentFinder& finder, ParentOptions options,
                                                   std::stop_token stop);

// What a plan of `selected` shows beside the coordinator's answer; `slots` stays 0.
PlanSurroundings SurroundingsOf(const SelectionWithParents& selected, const BuildFlags& flags);

// What was asked for, for lists of builds: names, or the flag that stood in their place.
std::vector<std::string> TargetsOf(const BuildFlags& flags);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_PROJECT_SELECTION_H_
