#include "cli/project_selection.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "cli/changed_since.h"
#include "cli/console.h"

namespace stevedore::cli {
namespace {

// Why more images than this were selected is in the JSON of a plan.
constexpr size_t kShownReasons = 30;

std::string Images(size_t count) { return absl::StrCat(count, count == 1 ? " image" : " images"); }

// Which images were selected because of changes, and why.
void PrintReasons(Console& console, const std::string& ref, const graph::Selection& selection) {
  const size_t count = selection.selected_because.size();
  const size_t all = count + selection.unchanged.size();
  if (count == 0) {
    console.Err(absl::StrCat("nothing changed since ", ref, " that reaches any of ", Images(all),
                             ": nothing to build\n"));
    return;
  }
  std::string text = absl::StrCat("changed since ", ref, ": ", count, " of ", Images(all), "\n");
  size_t shown = 0;
  for (const graph::ResolvedImage& image : selection.images) {
    const auto because = selection.selected_because.find(image.id);
    if (because == selection.selected_because.end()) continue;
    if (++shown > kShownReasons) break;
    absl::StrAppend(&text, "  ", image.id, ": ", because->second, "\n");
  }
  if (count > kShownReasons) {
    absl::StrAppend(&text, "  and ", count - kShownReasons,
                    " more; `plan --output json` names the reason for each\n");
  }
  console.Err(text);
}

// Definitions for any version are images only when a version is named.
void WarnOfWildcards(Console& console, const graph::Catalog& catalog,
                     const graph::ChangedInputs& changes) {
  std::vector<std::string> names;
  for (const std::string& name : catalog.wildcards()) {
    if (changes.definitions.count(name + ":*") > 0) names.push_back(name);
  }
  if (names.empty()) return;
  PrintWarning(console,
               absl::StrCat("changed, but defined for any version (`*`), so not built "
                            "without one: ",
                            absl::StrJoin(names, ", "), "; name them, e.g. ", names[0], ":1.0"));
}

}  // namespace

absl::StatusOr<SelectionWithParents> SelectByFlags(CommandContext& context, const BuildFlags& flags,
                                                   const graph::Catalog& catalog,
                                                   ParentFinder& finder, ParentOptions options,
                                                   std::stop_token stop) {
  Console& console = *context.console;
  ASSIGN_OR_RETURN(graph::SelectionRequest request,
                   ReadSelectionRequest(flags, catalog.configuration()));
  ASSIGN_OR_RETURN(options.build_parents, ReadBuildParents(flags));
  std::unique_ptr<ChangedSince> changed;
  if (flags.changed_since_given) {
    ASSIGN_OR_RETURN(changed, ChangedSince::Find(flags.changed_since, catalog.configuration(),
                                                 context.config_path, stop));
    request.changed = &changed->inputs();
    if (flags.names.empty()) WarnOfWildcards(console, catalog, changed->inputs());
  }
  ASSIGN_OR_RETURN(SelectionWithParents selected,
                   SelectWithParents(catalog, std::move(request), finder, options, stop));
  for (const graph::Diagnostic& warning : selected.selection.warnings) {
    PrintWarning(console, warning.ToString());
  }
  for (const std::string& note : selected.notes) console.Err(absl::StrCat(note, "\n"));
  if (changed != nullptr) {
    PrintReasons(console, flags.changed_since, selected.selection);
    const std::string warning = changed->Warning();
    if (!warning.empty()) PrintWarning(console, warning);
  }
  return selected;
}

PlanSurroundings SurroundingsOf(const SelectionWithParents& selected, const BuildFlags& flags) {
  PlanSurroundings surroundings;
  surroundings.changed_since = flags.changed_since;
  surroundings.selected_because = selected.selection.selected_because;
  surroundings.unchanged = selected.selection.unchanged;
  for (const graph::ExternalParent& parent : selected.selection.external_parents) {
    if (parent.needed_by.empty()) surroundings.without_builder.push_back(parent.id);
  }
  return surroundings;
}

std::vector<std::string> TargetsOf(const BuildFlags& flags) {
  if (!flags.names.empty()) return flags.names;
  return {absl::StrCat("changed since ", flags.changed_since)};
}

}  // namespace stevedore::cli
