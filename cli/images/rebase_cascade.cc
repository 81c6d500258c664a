#include "cli/images/rebase_cascade.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/status.h"
#include "cli/console.h"
#include "cli/definitions.h"
#include "cli/images/family.h"
#include "cli/images/family_rebase.h"
#include "cli/images/image_access.h"
#include "cli/images/rebase_report.h"
#include "cli/images/registry_places.h"
#include "cli/text.h"

namespace stevedore::cli {
namespace {

// A reference, or the id of an image of the tree.
absl::StatusOr<oci::Reference> ReferenceOf(const graph::Catalog& catalog, absl::string_view text) {
  if (!absl::StrContains(text, '/') && !absl::StrContains(text, '@')) {
    const graph::Catalog::Index index = catalog.Find(text);
    if (index != graph::Catalog::kNone) {
      return oci::Reference::Parse(catalog.instances()[index].Reference());
    }
  }
  return oci::Reference::Parse(text);
}

void PrintNotes(Console& console, const std::vector<std::string>& notes) {
  for (const std::string& note : notes) console.Err(absl::StrCat(note, "\n"));
}

}  // namespace

void AddRebaseCascadeFlags(CLI::App& command, RebaseCascadeFlags* flags) {
  command
      .add_option("--images", flags->images,
                  "Of a cascade: only these, what builds on them and what stands between")
      ->allow_extra_args(false)
      ->type_name("NAME[:VERSION],...");
  command
      .add_option("--tag-suffix", flags->tag_suffix,
                  "Of a cascade: tags stay; the new images get them with this at the end")
      ->type_name("TEXT");
  command.add_flag("--dry-run", flags->dry_run,
                   "Of a cascade: show what would become of each image; writes nothing");
  command.add_option("--jobs", flags->jobs, "Of a cascade: images at once")
      ->check(CLI::Range(1, 256))
      ->type_name("N")
      ->capture_default_str();
}

absl::StatusOr<CascadeBase> FindCascadeBase(const graph::Catalog& catalog,
                                            absl::string_view new_base,
                                            absl::string_view old_base) {
  CascadeBase base;
  base.old_base_given = std::string(old_base);
  ASSIGN_OR_RETURN(base.new_base, ReferenceOf(catalog, new_base), "new base");
  absl::StatusOr<std::string> id = absl::NotFoundError("");
  if (!old_base.empty()) id = FindInTree(catalog, old_base);
  if (!id.ok()) id = FindInTree(catalog, new_base);
  RETURN_IF_ERROR(id.status(), "new base");
  base.id = *std::move(id);
  const graph::Catalog::Index index = catalog.Find(base.id);
  ASSIGN_OR_RETURN(base.definition, oci::Reference::Parse(catalog.instances()[index].Reference()));
  return base;
}

absl::StatusOr<ExitCode> RebaseCascade(CommandContext& context, const RebaseCascadeFlags& flags,
                                       const ImageFlags& image_flags) {
  ASSIGN_OR_RETURN(const graph::Catalog catalog, LoadDefinitions(context));
  ASSIGN_OR_RETURN(const CascadeBase base,
                   FindCascadeBase(catalog, flags.new_base, flags.old_base));
  FamilyRebaseRequest request;
  FamilyRequest wanted{.names = {base.id}, .with_roots = false};
  ASSIGN_OR_RETURN(wanted.only, SplitList("--images", flags.images));
  ASSIGN_OR_RETURN(request.family, SelectFamily(catalog, wanted));
  if (request.family.members.empty()) {
    return absl::NotFoundError(absl::StrCat("no image builds on ", base.id,
                                            "; `stevedore-cli get images --tree` shows what does"));
  }
  request.base_id = base.id;
  request.base_definition = base.definition;
  request.new_base = base.new_base;
  if (!flags.old_base.empty()) {
    ASSIGN_OR_RETURN(request.old_base, ReferenceOf(catalog, flags.old_base), "--old-base");
  }
  request.tag_suffix = flags.tag_suffix;
  request.dry_run = flags.dry_run;
  request.jobs = flags.jobs;

  PrintNotes(*context.console, request.family.notes);
  if (base.new_base.Name() != base.definition.Name() ||
      (!base.new_base.tag().empty() && base.new_base.tag() != base.definition.tag())) {
    PrintWarning(*context.console,
                 absl::StrCat("definitions name ", base.definition.Familiar(),
                              " as their base: change that to ", base.new_base.Familiar(),
                              ", or the next build goes back to it"));
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<ImageAccess> access,
                   ImageAccess::Open(context, image_flags));
  RegistryPlaces places(access->registries());
  const absl::Time start = absl::Now();
  ASSIGN_OR_RETURN(const FamilyRebaseReport report, RebaseFamily(request, places, access->stop()));
  const absl::Duration time = absl::Now() - start;
  context.console->Out(FormatResult(image_flags, RebaseTable(report, flags.dry_run),
                                    RebaseJson(report, flags.dry_run, time)));
  context.console->Err(RebaseSummary(report, flags.dry_run, time));
  const bool some_not =
      report.Count(RebaseOutcome::kCannot) + report.Count(RebaseOutcome::kSkipped) > 0;
  return some_not ? ExitCode::kFailed : ExitCode::kOk;
}

}  // namespace stevedore::cli
