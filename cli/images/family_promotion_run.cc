#include "cli/images/family_promotion_run.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/status.h"
#include "cli/console.h"
#include "cli/definitions.h"
#include "cli/images/family.h"
#include "cli/images/family_promotion.h"
#include "cli/images/image_access.h"
#include "cli/images/image_flags.h"
#include "cli/images/registry_places.h"
#include "cli/text.h"
#include "graph/catalog.h"
#include "transfer/copier.h"
#include "transfer/endpoint.h"

namespace stevedore::cli {
namespace {

absl::Status CheckFlags(const PromoteFlags& flags) {
  if (flags.images.empty()) {
    return absl::InvalidArgumentError(
        "--cascade is about images of the project: name them with --images NAME");
  }
  const std::pair<const char*, bool> of_one_image[] = {
      {"SOURCE", !flags.source.empty()},
      {"--promote-image-name", flags.names.name.has_value()},
      {"--additional-tag", !flags.additional_tags.empty()},
      {"--all-tags", flags.all_tags},
      {"--digestfile", !flags.digest_file.empty()},
      {"--remove-local-images-after-push", flags.remove_local_images},
  };
  for (const auto& [flag, given] : of_one_image) {
    if (!given) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(flag, " is about one image and cannot be used with --images, which may be ",
                     "many; use --promote-image-registry-host, --promote-image-registry-namespace ",
                     "and --promote-image-tag"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ExitCode> PromoteImagesOfTree(CommandContext& context, PromoteFlags flags) {
  for (const std::string& notice : flags.notices) PrintWarning(*context.console, notice);
  RETURN_IF_ERROR(CheckFlags(flags));
  ASSIGN_OR_RETURN(const graph::Catalog catalog, LoadDefinitions(context));
  RETURN_IF_ERROR(CompletePromoteFlags(catalog.configuration(), &flags));

  FamilyPromotionRequest request;
  FamilyRequest wanted{.cascade = flags.cascade};
  ASSIGN_OR_RETURN(wanted.names, SplitList("--images", flags.images));
  ASSIGN_OR_RETURN(request.family, SelectFamily(catalog, wanted));
  request.target.registry = flags.names.registry;
  request.target.name_space = flags.names.name_space;
  request.target.tags = flags.names.tags;
  request.target.force_source_tag = flags.names.force_source_tag;
  if (flags.names.semver) request.target.semver_templates = flags.names.semver_templates;
  request.target.semver_strict = flags.names.semver_strict;
  ASSIGN_OR_RETURN(request.copy, CopyOptionsOf(flags, transfer::EndpointKind::kRegistry,
                                               transfer::EndpointKind::kRegistry));
  for (const std::string& note : request.family.notes) {
    context.console->Err(absl::StrCat(note, "\n"));
  }

  ASSIGN_OR_RETURN(const std::unique_ptr<ImageAccess> access,
                   ImageAccess::Open(context, flags.image));
  RegistryPlaces places(access->registries());
  transfer::Copier copier;
  const absl::Time start = absl::Now();
  ASSIGN_OR_RETURN(const FamilyPromotionReport report,
                   PromoteFamily(request, places, copier, access->stop()));
  const absl::Duration time = absl::Now() - start;
  context.console->Out(
      FormatResult(flags.image, PromotionTable(report), PromotionJson(report, time)));
  context.console->Err(PromotionSummary(report, time));
  return report.failures() == 0 ? ExitCode::kOk : ExitCode::kFailed;
}

}  // namespace stevedore::cli
