#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"
#include "cli/command.h"
#include "cli/images/edit_flags.h"
#include "cli/images/edit_run.h"
#include "cli/images/image_access.h"
#include "cli/images/image_commands.h"
#include "cli/images/image_flags.h"
#include "cli/images/image_tree.h"
#include "cli/images/layer_input.h"
#include "graph/assemble_options.h"
#include "nlohmann/json.hpp"
#include "oci/image/canonical_json.h"
#include "oci/image/image_editor.h"
#include "oci/image/rebase.h"
#include "oci/layer/compression.h"
#include "transfer/image_reading.h"
#include "transfer/image_writing.h"

namespace stevedore::cli {
namespace {

// Values of the command's flags.
struct AssembleFlags {
  ImageFlags image;
  ResultFlags result;
  RunFlags run;
  std::string base;
  std::vector<std::string> layers;
  std::string config;
  std::string compression = "gzip";
  std::string time;
  std::vector<std::string> annotations;
};

// What a file of --config says.
struct ConfigFile {
  oci::ConfigChanges changes;         // A config of driver `assemble`, or
  std::optional<nlohmann::json> run;  // the `config` member of an image's config.
  std::string author;
};

oci::ConfigChanges ChangesOf(const graph::AssembleConfig& config) {
  oci::ConfigChanges changes;
  changes.entrypoint = config.entrypoint;
  changes.cmd = config.cmd;
  changes.env.assign(config.env.begin(), config.env.end());
  changes.user = config.user;
  changes.working_dir = config.working_dir;
  changes.stop_signal = config.stop_signal;
  changes.labels = config.labels;
  changes.exposed_ports = config.exposed_ports;
  changes.volumes = config.volumes;
  return changes;
}

absl::StatusOr<ConfigFile> ReadConfigFile(const std::string& path) {
  ConfigFile file;
  if (path.empty()) return file;
  ASSIGN_OR_RETURN(const std::string text, base::ReadFile(path, oci::kMaxDocumentBytes),
                   "--config");
  ASSIGN_OR_RETURN(const nlohmann::json json, oci::ParseJson(text), path);
  if (!json.is_object()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": not a JSON object"));
  }
  const auto run = json.find("config");
  if (run != json.end()) {
    if (!run->is_object()) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": `config` is not an object"));
    }
    file.run = *run;
    file.author = json.value("author", nlohmann::json("")).is_string()
                      ? json.value("author", std::string())
                      : "";
    return file;
  }
  const nlohmann::json options = {{"layers", nlohmann::json::array()}, {"config", json}};
  ASSIGN_OR_RETURN(const graph::AssembleOptions read, graph::AssembleOptions::Parse(options.dump()),
                   path);
  file.changes = ChangesOf(read.config);
  return file;
}

// The image below, if there is one.
struct AssembleBase {
  ImageToEdit place;
  oci::Image image;
};

absl::StatusOr<std::optional<AssembleBase>> OpenBase(ImageAccess& access, const std::string& text) {
  if (text.empty()) return std::optional<AssembleBase>();
  AssembleBase base;
  ASSIGN_OR_RETURN(base.place, OpenToEdit(access, text, std::nullopt), "--base");
  ASSIGN_OR_RETURN(base.image,
                   transfer::ReadImage(*base.place.source.images, base.place.source.tag_or_digest,
                                       access.platform(), access.stop()),
                   "--base");
  return std::make_optional(std::move(base));
}

absl::StatusOr<oci::ImageEditor> StartImage(const std::optional<AssembleBase>& base,
                                            const std::optional<oci::Platform>& platform) {
  if (!base.has_value()) {
    return oci::ImageEditor(
        platform.value_or(oci::Platform{.os = "linux", .architecture = "amd64"}));
  }
  ASSIGN_OR_RETURN(oci::ImageEditor editor,
                   oci::ImageEditor::Create(base->image, oci::ImageFormat::kOci), "--base");
  editor.ClearAnnotations();
  std::map<std::string, std::string> record = {
      {oci::kBaseDigestAnnotation, base->image.manifest.digest().ToString()}};
  if (base->place.endpoint.kind == transfer::EndpointKind::kRegistry) {
    record[oci::kBaseNameAnnotation] = base->place.endpoint.reference.Canonical();
  }
  editor.Annotate(record);
  return editor;
}

absl::StatusOr<ExitCode> Run(CommandContext& context, const AssembleFlags& flags) {
  if (flags.image.platform == "all") {
    return absl::InvalidArgumentError("assemble makes one image; --platform all is none");
  }
  LayerInputOptions options;
  ASSIGN_OR_RETURN(options.compression, oci::Compression::Parse(flags.compression),
                   "--compression");
  std::optional<int64_t> time;
  if (!flags.time.empty()) {
    ASSIGN_OR_RETURN(time, ReadTime("--time", flags.time));
    options.source_date_epoch = time;
  }
  ASSIGN_OR_RETURN(const oci::ConfigChanges typed, ReadRunFlags(flags.run));
  ASSIGN_OR_RETURN(const auto annotations, ReadPairs("--annotation", flags.annotations));
  ASSIGN_OR_RETURN(const ConfigFile file, ReadConfigFile(flags.config));
  ASSIGN_OR_RETURN(const transfer::Endpoint place, ResultPlace(flags.result, std::nullopt));
  ASSIGN_OR_RETURN(const std::unique_ptr<ImageAccess> access,
                   ImageAccess::Open(context, flags.image));
  ASSIGN_OR_RETURN(const std::optional<AssembleBase> base, OpenBase(*access, flags.base));
  ASSIGN_OR_RETURN(oci::ImageEditor editor, StartImage(base, access->platform()));
  if (time.has_value()) editor.SetSourceDateEpoch(*time);
  ASSIGN_OR_RETURN(const std::unique_ptr<LayerInputs> inputs, LayerInputs::Create(options));
  transfer::ImageWriting writing;
  for (const std::string& path : flags.layers) {
    ASSIGN_OR_RETURN(LayerInput layer, inputs->FromPath(path, access->stop()), "--layer");
    layer.layer.created_by = "stevedore assemble";
    RETURN_IF_ERROR(editor.AppendLayer(layer.layer), "--layer ", path);
    writing.new_blobs.push_back(std::move(layer.blob));
  }
  if (base.has_value()) {
    writing.places.push_back(
        {.place = base->place.source.images.get(), .blobs = base->image.manifest.layers()});
  }
  if (file.run.has_value()) editor.SetRunConfig(*file.run);
  editor.ChangeConfig(file.changes);
  editor.ChangeConfig(typed);
  if (!file.author.empty()) editor.SetAuthor(file.author);
  editor.Annotate(annotations);
  ASSIGN_OR_RETURN(const oci::Image image, editor.Finish());

  ASSIGN_OR_RETURN(ResultSink result, OpenResult(*access, place));
  ASSIGN_OR_RETURN(const transfer::ImageWritten written,
                   transfer::WriteImage(*result.sink.images, result.sink.tag_or_digest, image,
                                        writing, access->stop()));
  const TreeResult tree{.digest = written.digest,
                        .media_type = image.manifest.media_type(),
                        .images = 1,
                        .written = written};
  RETURN_IF_ERROR(FinishResult(*access, *context.console, flags.image, result, tree));
  return ExitCode::kOk;
}

}  // namespace

void AddAssembleCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "assemble", "Make an image of tars and folders, without definitions and daemons");
  const auto flags = std::make_shared<AssembleFlags>();
  command->add_option("--base", flags->base, "Image below; without it there is none")
      ->type_name("REF");
  command->add_option("--layer", flags->layers, "Tar (- is standard input) or folder, bottom first")
      ->allow_extra_args(false)
      ->type_name("TAR|DIR");
  command
      ->add_option("--config", flags->config,
                   "JSON: `config` of driver assemble, or an image config")
      ->type_name("FILE");
  AddRunFlags(*command, &flags->run);
  command->add_option("-a,--annotation", flags->annotations, "Annotation of the manifest")
      ->allow_extra_args(false)
      ->type_name("NAME=VALUE");
  command->add_option("--compression", flags->compression, "Of layers that are not compressed")
      ->type_name("gzip|zstd|none");
  command
      ->add_option("--time,--source-date", flags->time,
                   "Time of files, config and history: seconds since 1970, or RFC 3339")
      ->type_name("TIME");
  AddResultFlags(*command, &flags->result, /*with_repo=*/false);
  AddImageFlags(*command, &flags->image);
  command->callback(
      [&context, flags] { context.action = [&context, flags] { return Run(context, *flags); }; });
}

}  // namespace stevedore::cli
