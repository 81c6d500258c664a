#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/images/image_access.h"
#include "cli/images/image_commands.h"
#include "cli/images/image_flags.h"
#include "cli/images/image_summary.h"
#include "cli/structured_output.h"
#include "graph/template.h"
#include "oci/image/media_type.h"
#include "transfer/image_reading.h"

namespace stevedore::cli {
namespace {

// Values of the flags.
struct InspectFlags {
  ImageFlags image;
  std::string reference, format;
  bool raw = false, config = false, no_tags = false;
};

// `json` by the Go template `format`.
absl::StatusOr<std::string> ByTemplate(const std::string& format,
                                       const nlohmann::ordered_json& json) {
  ASSIGN_OR_RETURN(const graph::Template parsed, graph::Template::Parse(format), "--format");
  ASSIGN_OR_RETURN(graph::TemplateOutput output,
                   parsed.Execute(graph::TemplateValue::OfJson(json.dump())), "--format");
  return absl::StrCat(output.text, "\n");
}

absl::StatusOr<std::string> Show(const InspectFlags& flags, const nlohmann::ordered_json& json) {
  if (!flags.format.empty()) return ByTemplate(flags.format, json);
  return flags.image.output == "yaml" ? ToYamlText(json) : ToJsonText(json);
}

absl::StatusOr<std::string> ShowConfig(const InspectFlags& flags, const std::string& bytes) {
  if (flags.raw) return bytes;
  const auto json = nlohmann::ordered_json::parse(bytes, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the config of ", flags.reference, " is not JSON; --config --raw shows it"));
  }
  return Show(flags, json);
}

absl::StatusOr<std::string> InspectImage(CommandContext& context, const InspectFlags& flags) {
  ASSIGN_OR_RETURN(const std::unique_ptr<ImageAccess> access,
                   ImageAccess::Open(context, flags.image));
  ASSIGN_OR_RETURN(const transfer::OpenedSource source, access->OpenSource(flags.reference));
  transfer::ImageSource& images = *source.images;
  if (flags.raw && !flags.config) {
    if (access->platform().has_value()) {
      ASSIGN_OR_RETURN(
          transfer::RawManifest document,
          transfer::ReadManifest(images, source.tag_or_digest, access->platform(), access->stop()));
      return std::move(document.bytes);
    }
    ASSIGN_OR_RETURN(transfer::RawManifest document,
                     images.GetManifest(source.tag_or_digest, access->stop()));
    return std::move(document.bytes);
  }
  ASSIGN_OR_RETURN(
      transfer::FoundManifest found,
      transfer::FindManifest(images, source.tag_or_digest, access->platform(), access->stop()));
  ImageFacts facts{.name = images.Describe(), .digest = found.asked_for};
  ASSIGN_OR_RETURN(facts.manifest,
                   oci::Manifest::Parse(std::move(found.manifest.bytes), found.manifest.media_type),
                   flags.reference);
  const bool is_image = oci::IsConfigType(facts.manifest.config().media_type);
  if (is_image || flags.config) {
    ASSIGN_OR_RETURN(facts.config_bytes,
                     transfer::ReadSmallBlob(images, facts.manifest.config(), access->stop()));
  }
  if (flags.config) return ShowConfig(flags, facts.config_bytes);
  if (is_image) {
    ASSIGN_OR_RETURN(facts.config, oci::ImageConfig::Parse(facts.config_bytes), flags.reference);
  }
  if (!flags.no_tags && !images.MountName().empty()) {
    auto tags = images.ListTags(access->stop());
    if (!tags.ok()) {
      return base::Annotate(tags.status(), "--no-tags leaves them out");
    }
    facts.tags = *std::move(tags);
    std::sort(facts.tags.begin(), facts.tags.end());
  }
  return Show(flags, SummarizeImage(facts));
}

absl::StatusOr<ExitCode> Inspect(CommandContext& context, const InspectFlags& flags) {
  ASSIGN_OR_RETURN(const std::string text, InspectImage(context, flags));
  context.console->Out(text);
  return ExitCode::kOk;
}

}  // namespace

void AddInspectCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("inspect", "Describe an image, without fetching its layers, as JSON");
  const auto flags = std::make_shared<InspectFlags>();
  command->add_option("IMAGE", flags->reference, "Image, in any place")->required();
  command->add_flag("--raw", flags->raw, "The manifest (with --config, the config) byte for byte");
  command->add_flag("--config", flags->config, "The image's config instead");
  command->add_flag("--no-tags,-n", flags->no_tags, "Do not list the tags of the repository");
  command->add_option("-f,--format", flags->format, "Go template of what to show: {{.Digest}}")
      ->type_name("TEMPLATE");
  AddImageFlags(*command, &flags->image);
  command->callback([&context, flags] {
    context.action = [&context, flags] { return Inspect(context, *flags); };
  });
}

}  // namespace stevedore::cli
