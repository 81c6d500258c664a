#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "cli/images/image_access.h"
#include "cli/images/image_commands.h"
#include "cli/images/image_flags.h"
#include "oci/image/reference.h"

namespace stevedore::cli {
namespace {

// Values of the flags of both commands.
struct ListFlags {
  ImageFlags image;
  std::string place;
  bool full_ref = false, omit_digest_tags = false;
};

// "sha256-2cf2….sig": where signatures and lists of referrers hide.
bool IsDigestTag(absl::string_view tag) {
  if (!absl::ConsumePrefix(&tag, "sha256-") && !absl::ConsumePrefix(&tag, "sha512-")) return false;
  const absl::string_view hex = tag.substr(0, tag.find('.'));
  if (hex.size() != 64) return false;
  for (const char c : hex) {
    if (!absl::ascii_isxdigit(c)) return false;
  }
  return true;
}

std::string Lines(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) absl::StrAppend(&text, name, "\n");
  return text;
}

absl::StatusOr<ExitCode> ListTags(CommandContext& context, const ListFlags& flags) {
  ASSIGN_OR_RETURN(const std::unique_ptr<ImageAccess> access,
                   ImageAccess::Open(context, flags.image));
  ASSIGN_OR_RETURN(const transfer::OpenedSource source, access->OpenSource(flags.place));
  ASSIGN_OR_RETURN(std::vector<std::string> all, source.images->ListTags(access->stop()));
  // Registries have no order, or each its own.
  std::sort(all.begin(), all.end());
  const std::string name = source.images->MountName();
  std::vector<std::string> tags;
  for (const std::string& tag : all) {
    if (flags.omit_digest_tags && IsDigestTag(tag)) continue;
    tags.push_back(flags.full_ref && !name.empty() ? absl::StrCat(name, ":", tag) : tag);
  }
  nlohmann::ordered_json json;
  json["Repository"] = name.empty() ? source.images->Describe() : name;
  json["Tags"] = tags;
  context.console->Out(FormatResult(flags.image, Lines(tags), json));
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> ListRepositories(CommandContext& context, const ListFlags& flags) {
  absl::string_view registry = flags.place;
  absl::ConsumePrefix(&registry, "docker://");
  absl::ConsumeSuffix(&registry, "/");
  RETURN_IF_ERROR(oci::CheckRegistry(registry), "REGISTRY");
  ASSIGN_OR_RETURN(const std::unique_ptr<ImageAccess> access,
                   ImageAccess::Open(context, flags.image));
  ASSIGN_OR_RETURN(std::vector<std::string> repositories,
                   access->registries()->ListRepositories(std::string(registry), access->stop()));
  if (flags.full_ref) {
    for (std::string& name : repositories) name = absl::StrCat(registry, "/", name);
  }
  nlohmann::ordered_json json;
  json["Registry"] = std::string(registry);
  json["Repositories"] = repositories;
  context.console->Out(FormatResult(flags.image, Lines(repositories), json));
  return ExitCode::kOk;
}

}  // namespace

void AddLsCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("ls", "List the tags of a repository, or of an archive")
                          ->alias("list-tags");
  const auto flags = std::make_shared<ListFlags>();
  command->add_option("REPOSITORY", flags->place, "Repository, or another place of images")
      ->required();
  command->add_flag("--full-ref", flags->full_ref, "Print repository:tag");
  command->add_flag("-O,--omit-digest-tags", flags->omit_digest_tags,
                    "Leave out tags like sha256-…, where signatures are kept");
  AddImageFlagsWithoutPlatform(*command, &flags->image);
  command->callback([&context, flags] {
    context.action = [&context, flags] { return ListTags(context, *flags); };
  });
}

void AddCatalogCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("catalog", "List the repositories of a registry");
  const auto flags = std::make_shared<ListFlags>();
  command->add_option("REGISTRY", flags->place, "Its host, with its port")->required();
  command->add_flag("--full-ref", flags->full_ref, "Print registry/repository");
  AddImageFlagsWithoutPlatform(*command, &flags->image);
  command->callback([&context, flags] {
    context.action = [&context, flags] { return ListRepositories(context, *flags); };
  });
}

}  // namespace stevedore::cli
