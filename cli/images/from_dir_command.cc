#include <fcntl.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"
#include "cli/images/image_access.h"
#include "cli/images/image_commands.h"
#include "cli/images/image_flags.h"
#include "cli/images/written_image.h"
#include "cli/text.h"
#include "context/ignore_rules.h"
#include "transfer/directory_image.h"
#include "transfer/image_writing.h"

namespace stevedore::cli {
namespace {

// What the command line says.
struct FromDirFlags {
  ImageFlags images;
  std::string directory;
  std::string tag;
  std::vector<std::string> entrypoint;
  std::vector<std::string> cmd;
  std::vector<std::string> env;
  std::vector<std::string> labels;
  std::vector<std::string> annotations;
  std::vector<std::string> ports;
  std::optional<std::string> user;
  std::optional<std::string> workdir;
  std::string owner = "0:0";
  bool exact_modes = false;
  bool xattrs = false;
  std::string ignore_file;
  std::optional<int64_t> source_date;
  std::string compression = "gzip";
  std::string format = "oci";
};

absl::Status ReadConfig(const FromDirFlags& flags, transfer::DirectoryImageOptions& options) {
  if (!flags.entrypoint.empty()) {
    ASSIGN_OR_RETURN(options.config.entrypoint, SplitList("--entrypoint", flags.entrypoint));
  }
  if (!flags.cmd.empty()) {
    ASSIGN_OR_RETURN(options.config.cmd, SplitList("--cmd", flags.cmd));
  }
  // Not split at commas: values have some.
  for (const std::string& item : flags.env) {
    const size_t equals = item.find('=');
    if (equals == std::string::npos || equals == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("--env ", base::Quoted(item), " is not KEY=VALUE"));
    }
    options.config.env.emplace_back(item.substr(0, equals), item.substr(equals + 1));
  }
  ASSIGN_OR_RETURN(options.config.labels, SplitPairs("--label", flags.labels));
  ASSIGN_OR_RETURN(options.annotations, SplitPairs("--annotation", flags.annotations));
  ASSIGN_OR_RETURN(options.config.exposed_ports, SplitList("--exposed-ports", flags.ports));
  options.config.user = flags.user;
  options.config.working_dir = flags.workdir;
  return absl::OkStatus();
}

absl::StatusOr<transfer::DirectoryImageOptions> Options(const FromDirFlags& flags) {
  transfer::DirectoryImageOptions options;
  RETURN_IF_ERROR(ReadConfig(flags, options));
  ASSIGN_OR_RETURN(options.compression, oci::Compression::Parse(flags.compression),
                   "--compression");
  if (flags.owner == "keep") {
    options.owner = std::nullopt;
  } else {
    ASSIGN_OR_RETURN(options.owner, transfer::ParseFileOwner(flags.owner), "--owner");
  }
  options.exact_modes = flags.exact_modes;
  options.xattrs = flags.xattrs;
  options.source_date_epoch = flags.source_date;
  if (flags.format == "docker") options.format = oci::ImageFormat::kDocker;
  ASSIGN_OR_RETURN(const std::optional<oci::Platform> platform, PlatformOf(flags.images));
  if (platform.has_value()) options.platform = *platform;
  if (options.platform.os.empty() || options.platform.architecture.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--platform ", base::Quoted(flags.images.platform),
                     " does not say both os and architecture, as in linux/arm64"));
  }
  if (!flags.ignore_file.empty()) {
    ASSIGN_OR_RETURN(const std::string text, base::ReadFile(flags.ignore_file, 1 << 20),
                     "--ignore-file");
    ASSIGN_OR_RETURN(context::IgnoreRules rules,
                     context::IgnoreRules::Parse(text, flags.ignore_file));
    options.filter = [rules = std::move(rules)](absl::string_view path, bool is_directory) {
      return !rules.Ignores(path) || (is_directory && rules.MayKeepBelow(path));
    };
  }
  return options;
}

absl::StatusOr<ExitCode> FromDir(CommandContext& context, const FromDirFlags& flags) {
  ASSIGN_OR_RETURN(transfer::DirectoryImageOptions options, Options(flags));
  ASSIGN_OR_RETURN(const std::unique_ptr<ImageAccess> access,
                   ImageAccess::Open(context, flags.images));
  ASSIGN_OR_RETURN(const transfer::Endpoint to, transfer::ParseEndpoint(flags.tag));
  options.stop = access->stop();
  ASSIGN_OR_RETURN(const base::TemporaryDirectory scratch, base::TemporaryDirectory::Create());
  const std::string path = base::JoinPath(scratch.path(), "layer");
  ASSIGN_OR_RETURN(base::FileDescriptor file,
                   base::OpenFile(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
  base::FileSink blob(std::move(file), path);
  ASSIGN_OR_RETURN(const transfer::DirectoryImage made,
                   transfer::MakeDirectoryImage(flags.directory, options, &blob));
  ASSIGN_OR_RETURN(const transfer::OpenedSink sink,
                   access->endpoints()->OpenSink(to, access->stop()));
  transfer::ImageWriting writing;
  writing.new_blobs.push_back({made.image.manifest.layers()[0],
                               [&path]() -> absl::StatusOr<std::unique_ptr<base::ByteSource>> {
                                 ASSIGN_OR_RETURN(std::unique_ptr<base::ByteSource> source,
                                                  base::FileSource::Open(path));
                                 return source;
                               }});
  ASSIGN_OR_RETURN(
      const transfer::ImageWritten written,
      transfer::WriteImage(*sink.images, sink.tag_or_digest, made.image, writing, access->stop()));
  RETURN_IF_ERROR(sink.images->Finish(access->stop()));
  const std::string name = WrittenImageName(to, written.digest);
  context.console->Err(absl::StrCat(
      made.entries, " files and folders, ", FormatBytes(static_cast<int64_t>(made.layer.tar_size)),
      " as a tar, ", FormatBytes(made.layer.descriptor.size), " as a layer\n"));
  const nlohmann::ordered_json json = {{"image", name},
                                       {"digest", written.digest.ToString()},
                                       {"platform", made.image.config.platform().ToString()},
                                       {"entries", made.entries},
                                       {"layer",
                                        {{"digest", made.layer.descriptor.digest.ToString()},
                                         {"size", made.layer.descriptor.size},
                                         {"diff_id", made.layer.diff_id.ToString()}}}};
  context.console->Out(FormatResult(flags.images, name + "\n", json));
  return ExitCode::kOk;
}

CLI::Option* AddList(CLI::App& command, const std::string& name, std::vector<std::string>& items,
                     const std::string& help, const std::string& type) {
  return command.add_option(name, items, help)->type_name(type)->allow_extra_args(false);
}

void AddFlags(CLI::App& command, FromDirFlags& flags) {
  command.add_option("DIRECTORY", flags.directory, "What the image's root holds")->required();
  command.add_option("-t,--tag", flags.tag, "Where to put the image")
      ->required()
      ->type_name("IMAGE");
  AddList(command, "--entrypoint", flags.entrypoint, "Program and its first arguments", "WORD,...");
  AddList(command, "--cmd", flags.cmd, "Arguments, or what runs without an entrypoint", "WORD,...");
  AddList(command, "--env", flags.env, "Environment variable", "KEY=VALUE");
  AddList(command, "--label", flags.labels, "Label of the config", "KEY=VALUE,...");
  AddList(command, "--annotation", flags.annotations, "Annotation of the manifest",
          "KEY=VALUE,...");
  AddList(command, "--exposed-ports", flags.ports, "Port that the program listens on",
          "PORT[/tcp|udp],...");
  command.add_option("--user", flags.user, "Who runs the program")->type_name("USER[:GROUP]");
  command.add_option("--workdir", flags.workdir, "Where it runs")->type_name("PATH");
  command
      .add_option("--owner", flags.owner,
                  "Of all files, by number; keep: whoever owns them on disk")
      ->type_name("UID[:GID]|keep")
      ->capture_default_str();
  command.add_flag("--keep-modes", flags.exact_modes,
                   "Modes as on disk instead of 0755 (folders, programs) and 0644");
  command.add_flag("--xattrs", flags.xattrs, "Extended attributes, too");
  command
      .add_option("--ignore-file", flags.ignore_file,
                  "What to leave out, in the form of .dockerignore")
      ->type_name("FILE");
  command
      .add_option("--source-date", flags.source_date,
                  "Time of all files and of the image, in seconds since 1970")
      ->envname("SOURCE_DATE_EPOCH")
      ->check(CLI::NonNegativeNumber)
      ->type_name("SECONDS");
  command.add_option("--compression", flags.compression, "Of the layer: gzip, zstd, none")
      ->capture_default_str();
  command.add_option("--format", flags.format, "Family of media types")
      ->check(CLI::IsMember({"oci", "docker"}))
      ->capture_default_str();
}

}  // namespace

void AddFromDirCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("from-dir", "Make an image of one layer from a folder, without a build");
  const auto flags = std::make_shared<FromDirFlags>();
  AddFlags(*command, *flags);
  AddImageFlags(*command, &flags->images);
  command->callback([&context, flags] {
    context.action = [&context, flags] { return FromDir(context, *flags); };
  });
}

}  // namespace stevedore::cli
