#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/command.h"
#include "cli/images/edit_flags.h"
#include "cli/images/edit_run.h"
#include "cli/images/image_access.h"
#include "cli/images/image_commands.h"
#include "cli/images/image_flags.h"
#include "cli/images/image_tree.h"
#include "cli/images/layer_input.h"
#include "oci/image/image_editor.h"
#include "oci/image/rebase.h"
#include "oci/layer/compression.h"
#include "transfer/image_writing.h"

namespace stevedore::cli {
namespace {

// Values of the command's flags.
struct AppendFlags {
  ImageFlags image;
  ResultFlags result;
  std::string base;
  std::vector<std::string> layers;
  std::string compression = "gzip";
  bool base_annotations = false;
  bool oci_empty_base = false;
};

absl::StatusOr<EditedImage> Append(const std::vector<LayerInput>& layers, oci::ImageEditor editor,
                                   const std::map<std::string, std::string>& annotations) {
  EditedImage edited;
  for (const LayerInput& layer : layers) {
    RETURN_IF_ERROR(editor.AppendLayer(layer.layer));
    edited.new_blobs.push_back(layer.blob);
  }
  editor.Annotate(annotations);
  ASSIGN_OR_RETURN(edited.image, editor.Finish());
  return edited;
}

absl::StatusOr<std::vector<LayerInput>> ReadLayers(const AppendFlags& flags, LayerInputs& inputs,
                                                   std::stop_token stop) {
  std::vector<LayerInput> layers;
  for (const std::string& tar : flags.layers) {
    ASSIGN_OR_RETURN(LayerInput layer, inputs.FromTar(tar, stop), "--new_layer");
    layer.layer.created_by = "stevedore append";
    layers.push_back(std::move(layer));
  }
  return layers;
}

// One image from nothing.
absl::StatusOr<TreeResult> AppendToNothing(const AppendFlags& flags,
                                           const std::vector<LayerInput>& layers,
                                           oci::ImageFormat format, ImageAccess& access,
                                           ResultSink& result) {
  const oci::Platform platform =
      access.platform().value_or(oci::Platform{.os = "linux", .architecture = "amd64"});
  if (flags.image.platform == "all") {
    return absl::InvalidArgumentError("--platform all needs a base: --base REF");
  }
  ASSIGN_OR_RETURN(EditedImage edited, Append(layers, oci::ImageEditor(platform, format), {}));
  ASSIGN_OR_RETURN(
      const transfer::ImageWritten written,
      transfer::WriteImage(*result.sink.images, result.sink.tag_or_digest, edited.image,
                           {.new_blobs = std::move(edited.new_blobs)}, access.stop()));
  return TreeResult{.digest = written.digest,
                    .media_type = edited.image.manifest.media_type(),
                    .images = 1,
                    .written = written};
}

absl::StatusOr<ExitCode> Run(CommandContext& context, const AppendFlags& flags) {
  LayerInputOptions options;
  ASSIGN_OR_RETURN(options.compression, oci::Compression::Parse(flags.compression),
                   "--compression");
  if (flags.base_annotations && flags.base.empty()) {
    return absl::InvalidArgumentError("--set-base-image-annotations needs --base REF");
  }
  if (flags.oci_empty_base && !flags.base.empty()) {
    return absl::InvalidArgumentError("--oci-empty-base and --base contradict each other");
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<ImageAccess> access,
                   ImageAccess::Open(context, flags.image));
  std::optional<ImageToEdit> base;
  if (!flags.base.empty()) {
    ASSIGN_OR_RETURN(base, OpenToEdit(*access, flags.base, access->platform()), "--base");
    if (base->is_index() && flags.image.platform.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--base ", flags.base,
                       " is an index: choose an image with --platform OS/ARCH, or append "
                       "to each with --platform all"));
    }
  }
  ASSIGN_OR_RETURN(const transfer::Endpoint place,
                   ResultPlace(flags.result, base.has_value() ? std::make_optional(base->endpoint)
                                                              : std::nullopt));
  options.format = base.has_value()       ? base->format()
                   : flags.oci_empty_base ? oci::ImageFormat::kOci
                                          : oci::ImageFormat::kDocker;
  ASSIGN_OR_RETURN(const std::unique_ptr<LayerInputs> inputs, LayerInputs::Create(options));
  ASSIGN_OR_RETURN(const std::vector<LayerInput> layers,
                   ReadLayers(flags, *inputs, access->stop()));
  ASSIGN_OR_RETURN(ResultSink result, OpenResult(*access, place));
  TreeResult tree;
  if (base.has_value()) {
    TreeEdit edit;
    edit.image = [&](const oci::Image& image) -> absl::StatusOr<EditedImage> {
      std::map<std::string, std::string> annotations;
      if (flags.base_annotations) {
        annotations[oci::kBaseDigestAnnotation] = image.manifest.digest().ToString();
        if (base->endpoint.kind == transfer::EndpointKind::kRegistry) {
          annotations[oci::kBaseNameAnnotation] = base->endpoint.reference.Canonical();
        }
      }
      ASSIGN_OR_RETURN(oci::ImageEditor editor, oci::ImageEditor::Create(image));
      editor.KeepCreated();
      return Append(layers, std::move(editor), annotations);
    };
    ASSIGN_OR_RETURN(tree, EditTree(*base->source.images, base->top, *result.sink.images,
                                    result.sink.tag_or_digest, edit, access->stop()));
  } else {
    ASSIGN_OR_RETURN(tree, AppendToNothing(flags, layers, options.format, *access, result));
  }
  RETURN_IF_ERROR(FinishResult(*access, *context.console, flags.image, result, tree));
  return ExitCode::kOk;
}

}  // namespace

void AddAppendCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("append", "Put tars as layers on an image, or make an image of them");
  const auto flags = std::make_shared<AppendFlags>();
  command->add_option("-b,--base", flags->base, "Image below; without it there is none")
      ->type_name("REF");
  command
      ->add_option("-f,--new_layer,--new-layer", flags->layers,
                   "Tar, plain or compressed; - is standard input")
      ->allow_extra_args(false)
      ->required()
      ->type_name("FILE");
  command->add_option("--compression", flags->compression, "Of tars that are not compressed")
      ->type_name("gzip|zstd|none");
  command->add_flag("--set-base-image-annotations", flags->base_annotations,
                    "Writes name and digest of the base into the manifest");
  command->add_flag("--oci-empty-base", flags->oci_empty_base,
                    "Without a base: OCI media types, not Docker's");
  AddResultFlags(*command, &flags->result, /*with_repo=*/false);
  AddImageFlags(*command, &flags->image);
  command->callback(
      [&context, flags] { context.action = [&context, flags] { return Run(context, *flags); }; });
}

}  // namespace stevedore::cli
