#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"
#include "cli/images/image_access.h"
#include "cli/images/image_commands.h"
#include "cli/images/image_flags.h"
#include "cli/images/written_image.h"
#include "transfer/flatten_images.h"

namespace stevedore::cli {
namespace {

// What the command line says.
struct FlattenFlags {
  ImageFlags images;
  std::string image;
  std::string tag;
  std::string compression = "gzip";
};

std::string Layers(uint64_t count) {
  return absl::StrCat(count, count == 1 ? " layer" : " layers");
}

absl::StatusOr<ExitCode> Flatten(CommandContext& context, const FlattenFlags& flags) {
  transfer::FlattenImagesOptions options;
  ASSIGN_OR_RETURN(options.compression, oci::Compression::Parse(flags.compression),
                   "--compression");
  ASSIGN_OR_RETURN(const std::unique_ptr<ImageAccess> access,
                   ImageAccess::Open(context, flags.images));
  ASSIGN_OR_RETURN(const transfer::Endpoint from, transfer::ParseEndpoint(flags.image));
  // Another image has another digest: one that is named by it stays, and the new one goes beside
  // it.
  const bool by_digest =
      flags.tag.empty() && (from.digest.has_value() || !from.reference.digest().empty());
  transfer::Endpoint to = from;
  if (!flags.tag.empty()) {
    ASSIGN_OR_RETURN(to, transfer::ParseEndpoint(flags.tag));
  }
  ASSIGN_OR_RETURN(const transfer::OpenedSource source,
                   access->endpoints()->OpenSource(from, access->stop()));
  ASSIGN_OR_RETURN(const transfer::OpenedSink sink,
                   access->endpoints()->OpenSink(to, access->stop()));
  ASSIGN_OR_RETURN(const base::TemporaryDirectory scratch, base::TemporaryDirectory::Create());
  options.platform = access->platform();
  options.scratch_directory = scratch.path();
  options.spool = from.kind == transfer::EndpointKind::kRegistry;
  options.stop = access->stop();
  ASSIGN_OR_RETURN(const transfer::FlattenedImages flat,
                   transfer::FlattenImages(*source.images, source.tag_or_digest, *sink.images,
                                           by_digest ? "" : sink.tag_or_digest, options));
  RETURN_IF_ERROR(sink.images->Finish(access->stop()));
  const std::string name = WrittenImageName(to, flat.digest);
  context.console->Err(absl::StrCat("flattened ", flat.images,
                                    flat.images == 1 ? " image, " : " images, ",
                                    Layers(flat.layers_before), " to ", Layers(flat.images), "\n"));
  if (flat.left_out > 0) {
    PrintWarning(*context.console,
                 absl::StrCat("left out what was attached to the old images: ", flat.left_out,
                              flat.left_out == 1 ? " entry" : " entries", " of the index"));
  }
  const nlohmann::ordered_json json = {{"image", name},
                                       {"digest", flat.digest.ToString()},
                                       {"images", flat.images},
                                       {"layers_before", flat.layers_before},
                                       {"left_out", flat.left_out}};
  context.console->Out(FormatResult(flags.images, name + "\n", json));
  return ExitCode::kOk;
}

}  // namespace

void AddFlattenCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("flatten", "Make all layers of an image, or of each in an index, one");
  const auto flags = std::make_shared<FlattenFlags>();
  command->add_option("IMAGE", flags->image, "The image")->required();
  command
      ->add_option("-t,--tag", flags->tag,
                   "What to call the result; otherwise it takes the place of IMAGE")
      ->type_name("IMAGE");
  command->add_option("--compression", flags->compression, "Of the layer: gzip, zstd, none")
      ->capture_default_str();
  AddImageFlags(*command, &flags->images);
  command->callback([&context, flags] {
    context.action = [&context, flags] { return Flatten(context, *flags); };
  });
}

}  // namespace stevedore::cli
