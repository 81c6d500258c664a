#include "cli/images/promote_flags.h"

#include <CLI/CLI.hpp>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/text.h"
#include "oci/image/media_type.h"
#include "oci/image/platform.h"
#include "oci/layer/compression.h"

namespace stevedore::cli {
namespace {

using transfer::EndpointKind;

// A flag that may be given several times and takes one word each time.
CLI::Option* AddList(CLI::App& command, const std::string& name, std::vector<std::string>& values,
                     const std::string& description, const std::string& type) {
  return command.add_option(name, values, description)
      ->allow_extra_args(false)
      ->type_name(type)
      ->type_size(1)
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

// A flag whose empty value means something else than its absence, which `-` stands for.
void AddText(CLI::App& command, const std::string& name, std::optional<std::string>& value,
             const std::string& description, const std::string& type) {
  command
      .add_option_function<std::string>(
          name,
          [&value](const std::string& text) {
            value = text == "-" ? std::nullopt : std::optional<std::string>(text);
          },
          description)
      ->type_name(type);
}

// An old spelling: hidden, warns, and counts only where the new one is not given.
void AddDeprecatedText(CLI::App& command, PromoteFlags& flags, const std::string& old_name,
                       const std::string& new_name, std::optional<std::string>& value) {
  command
      .add_option_function<std::string>(
          old_name,
          [&flags, &value, old_name, new_name](const std::string& text) {
            flags.notices.push_back(absl::StrCat(old_name, " is deprecated, use ", new_name));
            if (!value.has_value() && text != "-") value = text;
          },
          "")
      ->group("");
}

void AddNameFlags(CLI::App& command, PromoteFlags& flags) {
  PromoteNameFlags& names = flags.names;
  AddText(command, "-i,--promote-image-name", names.name, "Another name at the target", "NAME");
  AddText(command, "-r,--promote-image-registry-host", names.registry,
          "Another registry at the target", "HOST");
  AddText(command, "-n,--promote-image-registry-namespace", names.name_space,
          "Another namespace at the target; empty takes it away", "NAMESPACE");
  AddList(command, "-t,--promote-image-tag", names.tags,
          "Tag at the target; the first is the main one, which is pushed last", "TAG");
  command.add_flag("-s,--force-promote-source-image", names.force_source_tag,
                   "The source's tag too");
  command.add_flag("-S,--enable-semver-tags", names.semver,
                   "Also what the templates make of each tag that is a semantic version");
  AddList(command, "-T,--semver-tags-template", names.semver_templates,
          "Template instead of the configured ones", "TEMPLATE");
  command.add_flag("-R,--use-source-image-from-remote", flags.from_remote,
                   "Take the source from its registry, whatever a local engine has");
  command.add_flag("--remove-local-images-after-push", flags.remove_local_images,
                   "Remove the target's names from the local engine, if it has them");
  command.add_flag("--use-docker-normalized-name", flags.docker_normalized_name,
                   "Write references as Docker completes them: docker.io/library/alpine:3");
  AddDeprecatedText(command, flags, "--promote-image-host", "--promote-image-registry-host",
                    names.registry);
  AddDeprecatedText(command, flags, "--promote-image-namespace",
                    "--promote-image-registry-namespace", names.name_space);
  command
      .add_flag_callback(
          "--remove-promote-tags",
          [&flags] {
            flags.notices.push_back(
                "--remove-promote-tags is deprecated, use --remove-local-images-after-push");
            flags.remove_local_images = true;
          },
          "")
      ->group("");
}

void AddContentFlags(CLI::App& command, PromoteFlags& flags) {
  AddList(command, "--platform", flags.platforms,
          "One: its image alone; several: an index of them; all (the default)", "PLATFORM");
  command
      .add_option("--multi-arch", flags.multi_arch,
                  "system: this machine's platform; all; index-only: without its images")
      ->check(CLI::IsMember({"system", "all", "index-only"}))
      ->type_name("system|all|index-only");
  command.add_option("--format", flags.format, "Rewrite manifests in this format")
      ->check(CLI::IsMember({"oci", "docker", "v2s2"}))
      ->type_name("oci|docker");
  command
      .add_option("--dest-compress-format,--compress", flags.compression,
                  "Recompress layers: gzip, gzip:fast, gzip:small, zstd, zstd:1 to zstd:19, none")
      ->type_name("FORMAT");
  command.add_flag("--dest-decompress", flags.decompress, "As --compress none");
  command.add_flag("--dest-force-compress-format", flags.recompress_all,
                   "Recompress layers that have the format, too");
  command.add_flag("--preserve-digests", flags.preserve_digests,
                   "Fail rather than change a digest");
  command.add_flag("--referrers", flags.referrers,
                   "Also what is attached: signatures, SBOMs, attestations");
  AddList(command, "--artifact-type", flags.artifact_types,
          "With --referrers, only attached artifacts of this type", "TYPE");
  command.add_flag("--allow-nondistributable-artifacts", flags.foreign_layers,
                   "Also layers that may not be distributed");
}

}  // namespace

void AddPromoteFlags(CLI::App& command, PromoteFlags* flags) {
  command
      .add_option(
          "source", flags->source,
          "Image: a reference, or docker-daemon:, oci:, oci-archive:, docker-archive:, dir:")
      ->type_name("SOURCE");
  command
      .add_option("destination", flags->destination,
                  "Where to; without it the flags make the target's name from the source's")
      ->type_name("DESTINATION");
  AddList(command, "--images", flags->images,
          "Instead of SOURCE: images of the project, with all their tags", "NAME[:VERSION]");
  command.add_flag("--cascade", flags->cascade,
                   "With --images: everything that builds on them, too");
  AddNameFlags(command, *flags);
  AddContentFlags(command, *flags);
  AddList(command, "--additional-tag", flags->additional_tags, "Further tag at the destination",
          "TAG");
  command.add_flag("-a,--all-tags", flags->all_tags, "Every tag of the repository");
  command.add_flag("--no-clobber", flags->no_clobber, "Leave tags that are there as they are");
  command.add_flag("--recheck", flags->recheck,
                   "Look for every blob even where the tag is right: repairs a destination");
  command.add_flag("-D,--dry-run", flags->dry_run, "Only say what would be done");
  command.add_option("-j,--jobs", flags->jobs, "Blobs on their way at once")->type_name("N");
  command.add_option("--digestfile", flags->digest_file, "Write the digest to this file")
      ->type_name("FILE");
  command.add_option("--progress", flags->progress, "How progress is shown")
      ->check(CLI::IsMember({"auto", "tty", "plain", "quiet"}))
      ->type_name("auto|tty|plain|quiet");
  command.add_flag_callback(
      "-q,--quiet", [flags] { flags->progress = "quiet"; }, "As --progress quiet");
  AddImageFlagsWithoutPlatform(command, &flags->image);
}

absl::Status CompletePromoteFlags(const graph::Configuration& configuration, PromoteFlags* flags) {
  PromoteNameFlags& names = flags->names;
  if (flags->source.empty() && flags->images.empty()) {
    return absl::InvalidArgumentError("name the image to promote: promote SOURCE [DESTINATION]");
  }
  ASSIGN_OR_RETURN(names.tags, SplitList("--promote-image-tag", names.tags));
  ASSIGN_OR_RETURN(flags->additional_tags, SplitList("--additional-tag", flags->additional_tags));
  const bool named = names.registry.has_value() || names.name_space.has_value() ||
                     names.name.has_value() || !names.tags.empty() || names.force_source_tag;
  if (named && !flags->destination.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("both a destination (", flags->destination,
                     ") and flags that make one from the source's name; use one of the two, and "
                     "--additional-tag for further tags"));
  }
  if (flags->all_tags &&
      (named || names.semver || !flags->additional_tags.empty() || flags->destination.empty())) {
    return absl::InvalidArgumentError(
        "--all-tags copies the tags as they are: give a source and a destination repository, and "
        "no flags for names or tags");
  }
  names.semver = names.semver || (!flags->all_tags && configuration.semantic_version_tags_enabled);
  names.semver_strict = configuration.semantic_version_strict;
  if (names.semver_templates.empty()) {
    names.semver_templates = configuration.semantic_version_tags_templates;
  }
  if (!flags->artifact_types.empty() && !flags->referrers) {
    return absl::InvalidArgumentError("--artifact-type needs --referrers");
  }
  if (flags->decompress && !flags->compression.empty()) {
    return absl::InvalidArgumentError("--dest-decompress and --compress contradict each other");
  }
  if (flags->decompress) flags->compression = "none";
  if (flags->recompress_all && flags->compression.empty()) {
    return absl::InvalidArgumentError("--dest-force-compress-format needs --compress");
  }
  if (!flags->multi_arch.empty() && !flags->platforms.empty()) {
    return absl::InvalidArgumentError("--multi-arch and --platform contradict each other");
  }
  return absl::OkStatus();
}

namespace {

// Which part of an index.
absl::Status ChoosePlatforms(const PromoteFlags& flags, EndpointKind to,
                             transfer::CopyOptions* options) {
  ASSIGN_OR_RETURN(const std::vector<std::string> texts, SplitList("--platform", flags.platforms));
  bool all = flags.multi_arch == "all";
  for (const std::string& text : texts) {
    if (text == "all") {
      all = true;
      continue;
    }
    ASSIGN_OR_RETURN(oci::Platform platform, oci::Platform::Parse(text), "--platform");
    options->platforms.push_back(std::move(platform));
  }
  if (all && !options->platforms.empty()) {
    return absl::InvalidArgumentError("--platform: `all` beside others; use one of the two");
  }
  options->index_only = flags.multi_arch == "index-only";
  const bool holds_one = to == EndpointKind::kDockerArchive || to == EndpointKind::kDockerDaemon;
  options->all_platforms =
      options->platforms.size() > 1 || (options->platforms.empty() && !holds_one);
  if (all) options->all_platforms = true;
  if (flags.multi_arch == "system") options->all_platforms = false;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<transfer::CopyOptions> CopyOptionsOf(const PromoteFlags& flags, EndpointKind from,
                                                    EndpointKind to) {
  transfer::CopyOptions options;
  RETURN_IF_ERROR(ChoosePlatforms(flags, to, &options));
  options.referrers = flags.referrers;
  options.artifact_types = flags.artifact_types;
  if (flags.format == "oci") options.format = oci::ImageFormat::kOci;
  if (flags.format == "docker" || flags.format == "v2s2")
    options.format = oci::ImageFormat::kDocker;
  if (!flags.compression.empty()) {
    ASSIGN_OR_RETURN(options.compression, oci::Compression::Parse(flags.compression), "--compress");
  }
  const bool plain_layers =
      from == EndpointKind::kDockerDaemon || from == EndpointKind::kDockerArchive;
  if (plain_layers && to == EndpointKind::kRegistry && flags.compression.empty() &&
      !flags.preserve_digests && !flags.dry_run) {
    options.compression = oci::Compression();
  }
  options.recompress_all = flags.recompress_all;
  options.preserve_digests = flags.preserve_digests;
  options.foreign_layers = flags.foreign_layers;
  options.parallel_blobs = flags.jobs;
  options.no_clobber = flags.no_clobber;
  options.dry_run = flags.dry_run;
  options.recheck = flags.recheck;
  return options;
}

}  // namespace stevedore::cli
