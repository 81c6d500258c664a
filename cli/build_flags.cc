#include "cli/build_flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/text.h"
#include "oci/image/platform.h"

namespace stevedore::cli {
namespace {

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

// A flag whose empty value is its absence.
void AddPlainText(CLI::App& command, const std::string& name, std::optional<std::string>& value,
                  const std::string& description, const std::string& type) {
  command
      .add_option_function<std::string>(
          name,
          [&value](const std::string& text) {
            value = text.empty() ? std::nullopt : std::optional<std::string>(text);
          },
          description)
      ->type_name(type);
}

std::string Deprecated(const std::string& old_name, const std::string& new_name) {
  return absl::StrCat(old_name, " is deprecated, use ", new_name);
}

// Old spellings of flags: hidden, warn, and win over the new one. An empty value was never one.
void AddDeprecatedText(CLI::App& command, BuildFlags& flags, const std::string& old_name,
                       const std::string& new_name, std::optional<std::string>& value) {
  command
      .add_option_function<std::string>(
          old_name,
          [&flags, &value, old_name, new_name](const std::string& text) {
            flags.notices.push_back(Deprecated(old_name, new_name));
            if (!text.empty()) value = text;
          },
          "")
      ->group("");
}

void AddDeprecatedList(CLI::App& command, BuildFlags& flags, const std::string& old_name,
                       const std::string& new_name, std::vector<std::string>& values) {
  command
      .add_option_function<std::vector<std::string>>(
          old_name,
          [&flags, &values, old_name, new_name](const std::vector<std::string>& given) {
            flags.notices.push_back(Deprecated(old_name, new_name));
            values = given;
          },
          "")
      ->group("")
      ->allow_extra_args(false)
      ->type_size(1)
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

// Flags for drivers that run programs of others.
void AddDriverFlags(CLI::App& command, BuildFlags& flags) {
  command.add_flag("--pull-parent-image", flags.pull_parent_image,
                   "Dockerfiles: look for newer versions of the images in FROM");
  command.add_flag("--remove-local-images-after-push", flags.remove_local_images,
                   "Leave no image in a local engine once it is pushed");
  command.add_flag("--use-docker-normalized-name", flags.docker_normalized_name,
                   "Write references as Docker completes them: docker.io/library/alpine:3");
  AddPlainText(command, "--ansible-inventory-path", flags.ansible.inventory,
               "Inventory instead of the builder's", "PATH");
  AddPlainText(command, "--ansible-limit", flags.ansible.limit, "Hosts of the inventory to work on",
               "PATTERN");
  command.add_flag("--ansible-connection-local", flags.ansible.connection_local,
                   "Playbooks run on this host");
  AddPlainText(command, "--ansible-intermediate-container-name",
               flags.ansible.intermediate_container_name,
               "Name of the container that playbooks build in", "NAME");
}

// Flags of gostevedore's past.
void AddDeprecatedFlags(CLI::App& command, BuildFlags& flags) {
  const auto switched = [&](const std::string& old_name, const std::string& new_name, bool& value) {
    command
        .add_flag_callback(
            old_name,
            [&flags, &value, old_name, new_name] {
              flags.notices.push_back(Deprecated(old_name, new_name));
              value = true;
            },
            "")
        ->group("");
  };
  switched("--cascade", "--build-on-cascade", flags.cascade);
  switched("--connection-local", "--ansible-connection-local", flags.ansible.connection_local);
  AddDeprecatedList(command, flags, "--set", "--variable", flags.variables);
  AddDeprecatedList(command, flags, "--set-persistent", "--persistent-variable",
                    flags.persistent_variables);
  AddDeprecatedText(command, flags, "--image-from", "--image-from-name", flags.image_from_name);
  AddDeprecatedText(command, flags, "--namespace", "--image-registry-namespace",
                    flags.image_registry_namespace);
  AddDeprecatedText(command, flags, "--registry", "--image-registry-host",
                    flags.image_registry_host);
  AddDeprecatedText(command, flags, "--builder-name", "--ansible-intermediate-container-name",
                    flags.ansible.intermediate_container_name);
  AddDeprecatedText(command, flags, "--inventory", "--ansible-inventory-path",
                    flags.ansible.inventory);
  AddDeprecatedText(command, flags, "--limit", "--ansible-limit", flags.ansible.limit);
  command
      .add_flag_callback(
          "--no-push",
          [&flags] {
            flags.notices.push_back(
                "--no-push has no effect: nothing is pushed unless --push-after-build or "
                "push_images asks for it; --push-after-build=false switches that off");
          },
          "")
      ->group("");
}

// The platforms of `--platform`, in their usual spelling.
absl::StatusOr<std::vector<std::string>> ReadPlatforms(const BuildFlags& flags) {
  ASSIGN_OR_RETURN(std::vector<std::string> platforms, SplitList("--platform", flags.platforms));
  for (std::string& text : platforms) {
    const absl::StatusOr<oci::Platform> platform = oci::Platform::Parse(text);
    if (!platform.ok() || platform->os.empty() || platform->architecture.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--platform ", base::Quoted(text),
                       ": use os/arch or os/arch/variant, such as linux/arm64"));
    }
    text = platform->ToString();
  }
  std::vector<std::string> once;
  for (const std::string& platform : platforms) {
    if (std::find(once.begin(), once.end(), platform) == once.end()) once.push_back(platform);
  }
  return once;
}

}  // namespace

void AddSelectionFlags(CLI::App& command, BuildFlags& flags) {
  command.add_option("NAME", flags.names,
                     "Images to build: NAME or NAME:VERSION; all if only --changed-since is given");
  AddList(command, "-v,--image-version", flags.image_versions,
          "Version to build of names without one; all if not given", "VERSION");
  command.add_flag("--build-on-cascade", flags.cascade, "Build what builds on them too");
  command
      .add_option("--cascade-depth", flags.cascade_depth,
                  "Levels of children with --build-on-cascade; negative is all")
      ->type_name("N");
  AddList(command, "-t,--tag", flags.tags, "Further tag of every image", "TAG");
  AddList(command, "-l,--label", flags.labels, "Label of every image", "KEY=VALUE");
  AddList(command, "-L,--persistent-label", flags.persistent_labels,
          "Persistent label; wins over inherited ones", "KEY=VALUE");
  AddList(command, "-x,--variable", flags.variables, "Build variable of every image", "KEY=VALUE");
  AddList(command, "-p,--persistent-variable", flags.persistent_variables,
          "Persistent variable; wins over inherited ones", "KEY=VALUE");
  AddText(command, "-i,--image-name", flags.image_name, "Another name for the image", "NAME");
  AddText(command, "-r,--image-registry-host", flags.image_registry_host, "Another registry",
          "HOST");
  AddText(command, "-n,--image-registry-namespace", flags.image_registry_namespace,
          "Another namespace", "NAMESPACE");
  AddText(command, "-I,--image-from-name", flags.image_from_name, "Another name of the parent",
          "NAME");
  AddText(command, "-V,--image-from-version", flags.image_from_version,
          "Another version of the parent", "VERSION");
  AddText(command, "-R,--image-from-registry", flags.image_from_registry,
          "Another registry of the parent", "HOST");
  AddText(command, "-N,--image-from-namespace", flags.image_from_namespace,
          "Another namespace of the parent", "NAMESPACE");
  command.add_flag("--enable-semver-tags", flags.enable_semver_tags,
                   "Tags from versions that are semantic versions");
  AddList(command, "-T,--semver-tags-template", flags.semver_templates,
          "Template of such a tag instead of the configured ones", "TEMPLATE");
  command
      .add_option("--build-parents", flags.build_parents,
                  "Build parents that nobody named: those found nowhere, all, or none")
      ->type_name("auto|always|never");
  AddList(command, "--insecure-registry", flags.insecure_registries,
          "Registry to speak to without TLS, or with any certificate; loopback needs no mention",
          "HOST[:PORT]");
  command
      .add_option_function<std::string>(
          "--changed-since",
          [&flags](const std::string& ref) {
            flags.changed_since_given = true;
            flags.changed_since = ref;
          },
          "Only images that files changed in git since REF reach, and their descendants")
      ->type_name("REF");
  AddList(command, "--platform", flags.platforms,
          "Build for these; of images that say `platforms`, only those among them", "OS/ARCH");
  AddDriverFlags(command, flags);
  AddDeprecatedFlags(command, flags);
}

void AddRunFlags(CLI::App& command, BuildFlags& flags) {
  command
      .add_flag_function(
          "--push-after-build",
          [&flags](int64_t count) {
            flags.push_after_build_given = true;
            flags.push_after_build = count > 0;
          },
          "Push and move tags in the registry; =false switches a configured push_images off")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  command
      .add_option("--concurrency", flags.concurrency,
                  "Images built at once; 0: as configured, else the number of cores")
      ->check(CLI::Range(0, 1024))
      ->type_name("N");
  command.add_flag("--no-cache", flags.no_cache, "Build even what is known");
  command.add_flag("--dry-run", flags.dry_run, "Print the plan and build nothing");
  command.add_option("--progress", flags.progress, "How progress is shown")
      ->type_name("auto|tty|plain|json|quiet");
  command.add_flag("--logs", flags.logs, "Print the output of builds line by line, as it comes");
  command.add_option("--metadata-file", flags.metadata_file, "Write the outcome as JSON")
      ->type_name("FILE");
  command
      .add_option_function<int>(
          "--num-workers",
          [&flags](int count) {
            flags.notices.push_back(Deprecated("--num-workers", "--concurrency"));
            flags.concurrency = count;
          },
          "")
      ->group("");
}

absl::StatusOr<std::map<std::string, std::string>> TemplateVariables(const BuildFlags& flags) {
  std::map<std::string, std::string> variables;
  ASSIGN_OR_RETURN(variables, SplitPairs("--variable", flags.variables));
  std::map<std::string, std::string> persistent;
  ASSIGN_OR_RETURN(persistent, SplitPairs("--persistent-variable", flags.persistent_variables));
  for (auto& [key, value] : persistent) variables[key] = value;
  return variables;
}

absl::StatusOr<graph::SelectionRequest> ReadSelectionRequest(
    const BuildFlags& flags, const graph::Configuration& configuration) {
  graph::SelectionRequest request;
  request.names = flags.names;
  request.everything = flags.names.empty();
  if (flags.names.empty() && !flags.changed_since_given) {
    return absl::InvalidArgumentError(
        "no image is named: say NAME or NAME:VERSION (`stevedore-cli get images` lists them), or "
        "--changed-since REF for all that changed");
  }
  ASSIGN_OR_RETURN(request.versions, SplitList("--image-version", flags.image_versions));
  request.cascade = flags.cascade;
  request.cascade_depth = flags.cascade_depth;
  graph::SelectionOverrides& overrides = request.overrides;
  ASSIGN_OR_RETURN(overrides.vars, SplitPairs("--variable", flags.variables));
  ASSIGN_OR_RETURN(overrides.persistent_vars,
                   SplitPairs("--persistent-variable", flags.persistent_variables));
  ASSIGN_OR_RETURN(overrides.labels, SplitPairs("--label", flags.labels));
  ASSIGN_OR_RETURN(overrides.persistent_labels,
                   SplitPairs("--persistent-label", flags.persistent_labels));
  ASSIGN_OR_RETURN(overrides.tags, SplitList("--tag", flags.tags));
  overrides.image_name = flags.image_name;
  overrides.registry = flags.image_registry_host;
  overrides.name_space = flags.image_registry_namespace;
  overrides.image_from_name = flags.image_from_name;
  overrides.image_from_version = flags.image_from_version;
  overrides.image_from_registry = flags.image_from_registry;
  overrides.image_from_namespace = flags.image_from_namespace;
  ASSIGN_OR_RETURN(overrides.platforms, ReadPlatforms(flags));
  overrides.pull_parent_image = flags.pull_parent_image;
  overrides.remove_local_images = flags.remove_local_images && PushWanted(flags, configuration);
  overrides.normalized_names = flags.docker_normalized_name;
  overrides.ansible = flags.ansible;
  overrides.semver_strict = configuration.semantic_version_strict;
  if (flags.enable_semver_tags || configuration.semantic_version_tags_enabled) {
    ASSIGN_OR_RETURN(overrides.semver_templates,
                     SplitList("--semver-tags-template", flags.semver_templates));
    if (overrides.semver_templates.empty()) {
      overrides.semver_templates = configuration.semantic_version_tags_templates;
    }
  }
  return request;
}

absl::StatusOr<BuildParents> ReadBuildParents(const BuildFlags& flags) {
  if (flags.build_parents == "auto") return BuildParents::kAuto;
  if (flags.build_parents == "always") return BuildParents::kAlways;
  if (flags.build_parents == "never") return BuildParents::kNever;
  return absl::InvalidArgumentError(absl::StrCat(
      "--build-parents ", base::Quoted(flags.build_parents), ": use auto, always or never"));
}

bool PushWanted(const BuildFlags& flags, const graph::Configuration& configuration) {
  return flags.push_after_build_given ? flags.push_after_build : configuration.push_images;
}

void PrintNotices(Console& console, const BuildFlags& flags) {
  for (const std::string& notice : flags.notices) PrintWarning(console, notice);
  if (!flags.cascade && flags.cascade_depth >= 0) {
    PrintWarning(console, "--cascade-depth has no effect without --build-on-cascade");
  }
}

}  // namespace stevedore::cli
