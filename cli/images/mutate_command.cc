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
#include "oci/image/artifact.h"
#include "oci/image/image_editor.h"
#include "oci/layer/compression.h"

namespace stevedore::cli {
namespace {

// Values of the command's flags.
struct MutateFlags {
  ImageFlags image;
  ResultFlags result;
  RunFlags run;
  std::string reference;
  std::vector<std::string> append;
  std::string compression = "gzip";
  std::string set_platform;
  std::string author;
  std::string time;
  bool layer_times = false;
  std::vector<std::string> annotations;
  std::vector<std::string> index_annotations;
  std::vector<std::string> entry_annotations;
  std::vector<std::string> unset_annotations;
  std::vector<std::string> unset_index_annotations;
  std::vector<std::string> unset_entry_annotations;
};

// What the flags mean.
struct Mutation {
  oci::ConfigChanges config;
  std::map<std::string, std::string> annotations;
  std::vector<std::string> unset_annotations;
  std::vector<LayerInput> layers;
  std::optional<oci::Platform> platform;
  std::optional<int64_t> time;
  std::string author;
  bool layer_times = false;

  // True if only the annotations of the manifest change.
  bool leaves_config() const {
    return config.empty() && layers.empty() && !platform.has_value() && !time.has_value() &&
           author.empty();
  }
};

absl::StatusOr<EditedImage> Mutate(const Mutation& mutation, const oci::Image& image,
                                   transfer::ImageSource& source, LayerInputs& inputs,
                                   std::stop_token stop) {
  ASSIGN_OR_RETURN(oci::ImageEditor editor, oci::ImageEditor::Create(image));
  editor.KeepCreated();
  EditedImage edited;
  if (mutation.layer_times) {
    for (size_t i = 0; i < image.manifest.layers().size(); ++i) {
      ASSIGN_OR_RETURN(const LayerInput layer,
                       inputs.Retimed(source, image.manifest.layers()[i], *mutation.time, stop));
      RETURN_IF_ERROR(editor.ReplaceLayer(i, layer.layer));
      edited.new_blobs.push_back(layer.blob);
    }
  }
  for (const LayerInput& layer : mutation.layers) {
    RETURN_IF_ERROR(editor.AppendLayer(layer.layer));
    edited.new_blobs.push_back(layer.blob);
  }
  editor.ChangeConfig(mutation.config);
  if (mutation.platform.has_value()) editor.SetPlatform(*mutation.platform);
  if (!mutation.author.empty()) editor.SetAuthor(mutation.author);
  if (mutation.time.has_value()) editor.SetAllTimes(*mutation.time);
  for (const std::string& name : mutation.unset_annotations) editor.RemoveAnnotation(name);
  editor.Annotate(mutation.annotations);
  ASSIGN_OR_RETURN(edited.image, editor.Finish());
  return edited;
}

absl::StatusOr<Mutation> ReadMutation(const MutateFlags& flags) {
  Mutation mutation;
  ASSIGN_OR_RETURN(mutation.config, ReadRunFlags(flags.run));
  ASSIGN_OR_RETURN(mutation.annotations, ReadPairs("--annotation", flags.annotations));
  mutation.unset_annotations = flags.unset_annotations;
  mutation.author = flags.author;
  mutation.layer_times = flags.layer_times;
  if (!flags.set_platform.empty()) {
    ASSIGN_OR_RETURN(mutation.platform, oci::Platform::Parse(flags.set_platform), "--set-platform");
    if (mutation.platform->os.empty() || mutation.platform->architecture.empty()) {
      return absl::InvalidArgumentError("--set-platform needs os and architecture: linux/arm64");
    }
  }
  if (!flags.time.empty()) {
    ASSIGN_OR_RETURN(mutation.time, ReadTime("--time", flags.time));
  } else if (flags.layer_times) {
    return absl::InvalidArgumentError("--layer-times needs --time: which one?");
  }
  return mutation;
}

absl::StatusOr<TreeEdit> TreeEditOf(const MutateFlags& flags, const Mutation& mutation,
                                    bool is_index) {
  TreeEdit edit;
  ASSIGN_OR_RETURN(edit.entry_annotations,
                   ReadPairs("--entry-annotation", flags.entry_annotations));
  edit.unset_entry_annotations = flags.unset_entry_annotations;
  ASSIGN_OR_RETURN(const auto index_annotations,
                   ReadPairs("--index-annotation", flags.index_annotations));
  const bool about_index = !edit.entry_annotations.empty() || !index_annotations.empty() ||
                           !flags.unset_entry_annotations.empty() ||
                           !flags.unset_index_annotations.empty();
  if (about_index && !is_index) {
    return absl::InvalidArgumentError(
        "annotations of an index and its entries need an index; this is one image (for the "
        "manifest: --annotation)");
  }
  edit.index = [index_annotations, unset = flags.unset_index_annotations](oci::IndexEditor& index) {
    for (const std::string& name : unset) index.RemoveAnnotation(name);
    index.Annotate(index_annotations);
    return absl::OkStatus();
  };
  if (mutation.leaves_config()) {
    edit.artifact = [&mutation](const oci::Manifest& manifest) {
      return oci::ChangeAnnotations(manifest, mutation.unset_annotations, mutation.annotations);
    };
  }
  return edit;
}

absl::StatusOr<ExitCode> Run(CommandContext& context, const MutateFlags& flags) {
  ASSIGN_OR_RETURN(Mutation mutation, ReadMutation(flags));
  LayerInputOptions layer_options;
  ASSIGN_OR_RETURN(layer_options.compression, oci::Compression::Parse(flags.compression),
                   "--compression");
  ASSIGN_OR_RETURN(const std::unique_ptr<ImageAccess> access,
                   ImageAccess::Open(context, flags.image));
  const std::stop_token stop = access->stop();
  ASSIGN_OR_RETURN(const ImageToEdit image,
                   OpenToEdit(*access, flags.reference, access->platform()));
  ASSIGN_OR_RETURN(const transfer::Endpoint place, ResultPlace(flags.result, image.endpoint));
  layer_options.format = image.format();
  if (flags.layer_times) layer_options.source_date_epoch = mutation.time;
  ASSIGN_OR_RETURN(const std::unique_ptr<LayerInputs> inputs, LayerInputs::Create(layer_options));
  for (const std::string& tar : flags.append) {
    ASSIGN_OR_RETURN(LayerInput layer, inputs->FromTar(tar, stop), "--append");
    layer.layer.created_by = "stevedore mutate --append";
    mutation.layers.push_back(std::move(layer));
  }
  ASSIGN_OR_RETURN(TreeEdit edit, TreeEditOf(flags, mutation, image.is_index()));
  transfer::ImageSource& source = *image.source.images;
  edit.image = [&](const oci::Image& one) { return Mutate(mutation, one, source, *inputs, stop); };
  ASSIGN_OR_RETURN(ResultSink result, OpenResult(*access, place));
  ASSIGN_OR_RETURN(const TreeResult tree, EditTree(source, image.top, *result.sink.images,
                                                   result.sink.tag_or_digest, edit, stop));
  RETURN_IF_ERROR(FinishResult(*access, *context.console, flags.image, result, tree));
  return ExitCode::kOk;
}

void AddMany(CLI::App& command, const char* names, std::vector<std::string>* values,
             const char* text, const char* type) {
  command.add_option(names, *values, text)->allow_extra_args(false)->type_name(type);
}

}  // namespace

void AddMutateCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "mutate", "Change how an image is run, its labels, annotations, layers or times");
  const auto flags = std::make_shared<MutateFlags>();
  command->add_option("image", flags->reference, "Image or index, any endpoint")
      ->required()
      ->type_name("REF");
  AddRunFlags(*command, &flags->run);
  AddMany(*command, "-a,--annotation", &flags->annotations, "Annotation of the manifest",
          "NAME=VALUE");
  AddMany(*command, "--index-annotation", &flags->index_annotations, "Annotation of the index",
          "NAME=VALUE");
  AddMany(*command, "--entry-annotation", &flags->entry_annotations,
          "Annotation of the images' entries in the index", "NAME=VALUE");
  AddMany(*command, "--unset-annotation", &flags->unset_annotations,
          "Takes an annotation of the manifest away", "NAME");
  AddMany(*command, "--unset-index-annotation", &flags->unset_index_annotations,
          "Takes an annotation of the index away", "NAME");
  AddMany(*command, "--unset-entry-annotation", &flags->unset_entry_annotations,
          "Takes an annotation of the entries away", "NAME");
  AddMany(*command, "--append", &flags->append,
          "Adds a layer: a tar, plain or compressed; - is standard input", "FILE");
  command
      ->add_option("--compression", flags->compression, "Of appended tars that are not compressed")
      ->type_name("gzip|zstd|none");
  command->add_option("--set-platform", flags->set_platform, "What the image says it is made for")
      ->type_name("OS/ARCH[/VARIANT]");
  command->add_option("--author", flags->author, "Who made the image")->type_name("TEXT");
  command
      ->add_option("--time,--source-date", flags->time,
                   "All times in config and history: seconds since 1970, or RFC 3339")
      ->type_name("TIME");
  command->add_flag("--layer-times", flags->layer_times,
                    "With --time: the times of all files too; writes the layers anew");
  AddResultFlags(*command, &flags->result, /*with_repo=*/true);
  AddImageFlags(*command, &flags->image);
  command->callback(
      [&context, flags] { context.action = [&context, flags] { return Run(context, *flags); }; });
}

}  // namespace stevedore::cli
